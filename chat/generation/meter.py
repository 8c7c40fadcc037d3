"""Reads the upstream's meter, beside the replies and in nobody's way."""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import timedelta

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

    async def read_next(self) -> None:
        """After the next full hour."""
        await asyncio.sleep(_until_next_reading())
        await self.read()

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


def _until_next_reading() -> float:
    """Seconds to a little after the next full hour."""
    now = timezone.now()
    begun = now.replace(minute=0, second=0, microsecond=0)
    spread = random.uniform(0, SPREAD_SECONDS)  # noqa: S311 (no secret)
    return (begun + HOUR - now).total_seconds() + spread
