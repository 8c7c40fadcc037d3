"""Replies that nobody runs: those of processes that are gone, and those that were never started."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta

from django.utils import timezone

from chat.domain import ledger, processes, queued, replies, titles
from chat.generation import metrics
from chat.generation.membership import Membership
from chat.generation.ownership import AlreadyServed, Ownership
from chat.generation.pool import DatabasePool
from chat.generation.supervisor import Supervisor
from chat.models import Message

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 15.0
# A reply that was reserved so recently may be on its way to the supervisor.
JUST_RESERVED = timedelta(seconds=5)


class Sweeper:
    def __init__(
        self,
        *,
        membership: Membership,
        supervisor: Supervisor,
        pool: DatabasePool,
        ownership: Ownership | None,
        announce: Callable[[uuid.UUID], None],
        follow_up: Callable[[uuid.UUID], Awaitable[None]],
    ) -> None:
        self._membership = membership
        self._supervisor = supervisor
        self._pool = pool
        self._ownership = ownership
        self._announce = announce
        self._follow_up = follow_up

    async def run(self) -> None:
        """Sweep now and then until cancelled. Raises AlreadyServed."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                if self._ownership is not None:
                    await self._pool.run(self._ownership.confirm)
                await self.sweep()
            except AlreadyServed:
                # Whatever runs here, the other process has taken for dead.
                raise
            except Exception:
                logger.warning("Replies that nobody runs could not be looked for", exc_info=True)

    async def sweep(self, *, older_than: timedelta = JUST_RESERVED) -> None:
        """Judge processes, seal what they left, and start what was reserved before that."""
        claim = self._membership.claim
        if self._membership.may_judge:
            for name in await self._pool.run(processes.judge_silent, judge=claim):
                logger.error("Process %s has fallen silent; what it ran is interrupted", name)
        for reply in await self._pool.run(replies.left_behind, claim):
            # Looked at after the query, so that none is taken for left which began meanwhile.
            if reply.pk not in self._supervisor.attended():
                await self._abandon(reply)
        for reply in await self._pool.run(replies.unstarted, before=timezone.now() - older_than):
            self._supervisor.adopt(reply)
        if not self._supervisor.is_draining:
            for conversation_id in await self._pool.run(queued.due):
                await self._follow_up(conversation_id)
        if left := await self._pool.run(replies.close_left):
            logger.warning("%d rows of the ledger were left open by processes that are gone", left)
        if left := await self._pool.run(titles.close_left):
            logger.warning("%d titles were left half asked by processes that are gone", left)
        if forgotten := await self._pool.run(ledger.close_forgotten):
            logger.error("%d rows of the ledger were open although no reply runs", forgotten)

    async def _abandon(self, reply: Message) -> None:
        try:
            sealed = await self._pool.run(replies.abandon, reply.pk, reply.claim)
        except Exception:
            # The others are not to wait for this one.
            logger.exception("Reply %s was left running and cannot be sealed", reply.pk)
            return
        if sealed:
            metrics.replies_abandoned.inc()
            self._announce(reply.conversation_id)
            logger.warning("Reply %s was left running and is interrupted now", reply.pk)
