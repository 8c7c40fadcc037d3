"""The task that reads the upstream's meter, beside the replies and in nobody's way."""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import datetime, timedelta

from django.utils import timezone

from chat.completions.client import CompletionClient
from chat.completions.errors import CompletionError
from chat.domain import meter
from chat.generation.pool import DatabasePool

logger = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
# Not everybody asks the upstream in the same second.
SPREAD_SECONDS = 30.0


class MeterReader:
    def __init__(self, *, client: CompletionClient, pool: DatabasePool) -> None:
        self._client = client
        self._pool = pool

    async def run(self) -> None:
        """Read after each full hour until cancelled."""
        while True:
            spread = random.uniform(0, SPREAD_SECONDS)  # noqa: S311 (no secret)
            await asyncio.sleep(_until_next_hour(timezone.now()) + spread)
            try:
                await self.read()
            except Exception:
                logger.warning("What the meter says could not be written down", exc_info=True)

    async def read(self) -> None:
        """Unless another process does, or it is no use."""
        reading = await self._pool.run(meter.claim, timezone.now())
        if reading is None:
            return
        try:
            credits = await self._client.credits()
        except CompletionError as error:
            logger.info("The upstream's meter could not be read: %s", error)
            await self._pool.run(meter.note_failure, reading, error.code)
        else:
            await self._pool.run(meter.note, reading, credits)


def _until_next_hour(moment: datetime) -> float:
    begun = moment.replace(minute=0, second=0, microsecond=0)
    return (begun + HOUR - moment).total_seconds()
