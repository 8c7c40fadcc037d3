"""This process as one of those that run replies on a database: its claim, and its heartbeat."""

from __future__ import annotations

import logging
import os
import socket
import time
import uuid
from collections.abc import Callable

from chat.domain import processes
from chat.domain.processes import GONE_SECONDS
from chat.generation.pool import DatabasePool
from chat.generation.regularly import regularly

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5.0


class Membership:
    """`claim` is what this process marks its replies with: another one after it was judged."""

    claim: uuid.UUID

    def __init__(self, *, pool: DatabasePool, alone: bool, judged: Callable[[], None]) -> None:
        self._pool = pool
        # Whether this process holds the database for itself, so that all others are dead.
        self._is_alone = alone
        # Called when others took this process for gone, and sealed what it ran.
        self._judged = judged
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        # Seconds of the wall clock, which goes on while the machine sleeps.
        self._heard_at = self._regular_since = 0.0

    @property
    def may_judge(self) -> bool:
        """Whether the silence of others can be theirs. After a time in which this process was not
        heard either, be it that the database was away or the machine asleep, all get as long as it
        takes to be heard again."""
        return self._is_alone or time.time() - self._regular_since >= GONE_SECONDS

    async def join(self) -> None:
        self.claim = await self._pool.run(processes.join, self._name)
        self._heard_at = self._regular_since = time.time()
        if self._is_alone:
            await self._pool.run(processes.remove_others, self.claim)

    async def leave(self) -> None:
        await self._pool.run(processes.leave, self.claim)

    async def beat(self) -> None:
        """Be heard of. Who was judged meanwhile begins anew, with another claim and no replies."""
        if not await self._pool.run(processes.beat, self.claim):
            logger.error("This process was taken for gone; what it ran is interrupted")
            self.claim = await self._pool.run(processes.join, self._name)
            self._judged()
        now = time.time()
        if now - self._heard_at > 2 * BEAT_SECONDS:
            self._regular_since = now
        self._heard_at = now

    async def run(self) -> None:
        """Beat until cancelled."""
        trouble = "This process cannot say that it lives"
        await regularly(self.beat, every=BEAT_SECONDS, trouble=trouble)
