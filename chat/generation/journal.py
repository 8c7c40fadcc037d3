"""What is shown is committed first: one commit for all running replies, about every 40 ms.

With each commit, and at least four times a second, it is also seen where these replies stand: told
to stop, or judged by another process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from django.db import DatabaseError, InterfaceError, connections

from chat.domain import replies
from chat.domain.replies import Standing
from chat.generation import metrics
from chat.generation.hub import Piece
from chat.models import JournalPiece

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.04
LOOK_SECONDS = 0.25
RETRY_SECONDS = 0.25
# Characters of one reply that may wait for a database that is away.
MOST_WAITING = 4_000_000


@dataclass(slots=True)
class _Pending:
    """What a reply has read and not committed yet."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    characters: int = 0
    # When the oldest of it was read.
    read_at: float = field(default_factory=time.monotonic)


class Journal:
    """Collects text of running replies and commits it, in a thread and connection of its own."""

    def __init__(
        self,
        *,
        claim: Callable[[], uuid.UUID],
        publish: Callable[[int, int, Piece], None],
        heed: Callable[[Standing], None],
        away: Callable[[bool], None],
    ) -> None:
        self._claim = claim
        # Called with a reply, and the number and text of its piece that is committed.
        self._publish = publish
        self._heed = heed
        # Called when the database cannot be written, and when it can again.
        self._away = away
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._pending: dict[int, _Pending] = {}
        # How many pieces of each open reply are committed.
        self._numbers: dict[int, int] = {}
        # Replies of which no text was shown since they were opened, and those that are to be marked
        # as being written since some was.
        self._unshown: set[int] = set()
        self._begun: set[int] = set()
        self._looked_at = 0.0
        self._work = asyncio.Event()
        self._urgent = asyncio.Event()
        self._committed = asyncio.Condition()
        self._in_flight: set[int] = set()

    def open(self, reply_id: int, *, position: int = 0) -> None:
        """Take text of this reply, of which so many pieces are committed."""
        self._numbers[reply_id] = position
        self._unshown.add(reply_id)
        self._work.set()

    def append(self, reply_id: int, *, text: str = "", reasoning: str = "") -> None:
        """Take text to commit. The first of a reply is not made to wait for the interval."""
        pending = self._pending.setdefault(reply_id, _Pending())
        if text:
            pending.text.append(text)
        if reasoning:
            pending.reasoning.append(reasoning)
        pending.characters += len(text) + len(reasoning)
        self._work.set()
        if reply_id in self._unshown:
            self._urgent.set()

    async def room(self, reply_id: int) -> None:
        """Wait while too much of this reply is uncommitted."""
        async with self._committed:
            await self._committed.wait_for(lambda: self._waiting(reply_id) < MOST_WAITING)

    async def close(self, reply_id: int) -> None:
        """Forget what is pending of a reply and wait for the commit that may hold some of it."""
        self._pending.pop(reply_id, None)
        async with self._committed:
            await self._committed.wait_for(lambda: reply_id not in self._in_flight)
        self._pending.pop(reply_id, None)
        self._numbers.pop(reply_id, None)
        self._unshown.discard(reply_id)
        self._begun.discard(reply_id)

    async def run(self) -> None:
        """Commit until cancelled."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._work.wait(), self._until_look())
                self._work.clear()
                self._urgent.clear()
                await self._commit_pending()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._urgent.wait(), INTERVAL_SECONDS)
        finally:
            await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
            self._thread.shutdown(wait=False)

    def _until_look(self) -> float | None:
        """Seconds; None while nothing runs."""
        if not self._numbers:
            return None
        return max(0.0, self._looked_at + LOOK_SECONDS - time.monotonic())

    def _waiting(self, reply_id: int) -> int:
        pending = self._pending.get(reply_id)
        return pending.characters if pending else 0

    async def _commit_pending(self) -> None:
        batch, self._pending = self._pending, {}
        pieces = {
            reply_id: Piece("".join(pending.text), "".join(pending.reasoning))
            for reply_id, pending in batch.items()
            if reply_id in self._numbers
        }
        if not pieces and self._until_look():
            return
        self._in_flight, begun = set(pieces), frozenset(self._begun)
        try:
            standing = await self._commit(pieces, begun)
            self._looked_at = time.monotonic()
            self._begun -= begun
            self._show(pieces, standing.lost)
            shown = pieces.keys() - standing.lost
            metrics.note_shown(batch[reply_id].read_at for reply_id in shown)
            self._heed(standing)
        finally:
            async with self._committed:
                self._in_flight = set()
                self._committed.notify_all()

    async def _commit(self, pieces: dict[int, Piece], begun: frozenset[int]) -> Standing:
        """Commit until the database takes it: the same pieces, since they may be there already,
        and somebody may have read them."""
        rows = [
            JournalPiece(
                message_id=reply_id,
                number=self._numbers[reply_id],
                text=piece.text,
                reasoning=piece.reasoning,
            )
            for reply_id, piece in pieces.items()
        ]
        loop, is_away = asyncio.get_running_loop(), False
        while True:
            write = partial(
                self._write,
                rows,
                claim=self._claim(),
                running=list(self._numbers),
                begun=begun,
            )
            try:
                standing = await loop.run_in_executor(self._thread, write)
            except (DatabaseError, InterfaceError):
                if not is_away:
                    logger.warning(
                        "The journal cannot be written; what comes meanwhile waits", exc_info=True
                    )
                    self._away(True)
                is_away = True
                await asyncio.sleep(RETRY_SECONDS)
            else:
                if is_away:
                    logger.warning("The journal is written again")
                    self._away(False)
                return standing

    def _write(
        self,
        rows: list[JournalPiece],
        *,
        claim: uuid.UUID,
        running: list[int],
        begun: frozenset[int],
    ) -> Standing:
        try:
            with metrics.commit_of(rows):
                return replies.write_pieces(rows, claim=claim, running=running, begun=begun)
        except (DatabaseError, InterfaceError):
            # Whatever happened to the connection, the next attempt begins with a new one.
            connections.close_all()
            raise

    def _show(self, pieces: dict[int, Piece], lost: Collection[int]) -> None:
        for reply_id, piece in pieces.items():
            if reply_id in self._numbers and reply_id not in lost:
                self._publish(reply_id, self._numbers[reply_id], piece)
                self._numbers[reply_id] += 1
                if reply_id in self._unshown:
                    self._unshown.discard(reply_id)
                    self._begun.add(reply_id)
