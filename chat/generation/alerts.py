"""The task that looks now and then whether something stands out that administrators should know."""

from __future__ import annotations

import asyncio
import logging

from django.utils import timezone

from chat.domain import alerts
from chat.generation.pool import DatabasePool

logger = logging.getLogger(__name__)

LOOK_SECONDS = 900.0


class Lookout:
    def __init__(self, pool: DatabasePool) -> None:
        self._pool = pool

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._pool.run(alerts.tell, timezone.now())
            except Exception:
                # It stands out in the next look as well.
                logger.warning("What stands out could not be looked for", exc_info=True)
