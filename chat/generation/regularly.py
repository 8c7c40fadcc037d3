"""What a process does now and then, whatever becomes of it once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)


async def regularly(
    deed: Callable[[], Awaitable[object]], *, every: float, trouble: str, at_once: bool = False
) -> None:
    """Do it after each pause of so many seconds, until cancelled. What goes wrong is logged as this
    trouble, and is for the next time."""
    pause = 0.0 if at_once else every
    while True:
        await asyncio.sleep(pause)
        pause = every
        try:
            await deed()
        except Exception:
            logger.warning(trouble, exc_info=True)
