"""What is shown is committed first: one commit for all running replies, about every 40 ms."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from django.db import DatabaseError, InterfaceError, connections

from chat.domain import replies
from chat.generation.hub import Hub, Piece
from chat.models import JournalPiece

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.04
RETRY_SECONDS = 0.25
# Characters of one reply that may wait for a database that is away.
MOST_WAITING = 4_000_000


@dataclass(slots=True)
class _Pending:
    """What a reply has read and not committed yet."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    characters: int = 0


class Journal:
    """Collects text of running replies and commits it, in a thread and connection of its own."""

    def __init__(self, *, hub: Hub, claim: uuid.UUID, lose: Callable[[int], None]) -> None:
        self._hub = hub
        self._claim = claim
        # Called with a reply that this process turned out not to own any more.
        self._lose = lose
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._pending: dict[int, _Pending] = {}
        # How many pieces of each open reply are committed.
        self._numbers: dict[int, int] = {}
        self._work = asyncio.Event()
        self._urgent = asyncio.Event()
        self._committed = asyncio.Condition()
        self._in_flight: set[int] = set()

    def open(self, reply_id: int) -> None:
        self._numbers[reply_id] = 0

    def append(self, reply_id: int, *, text: str = "", reasoning: str = "") -> None:
        """Take text to commit. The first of a reply is not made to wait for the interval."""
        pending = self._pending.setdefault(reply_id, _Pending())
        if text:
            pending.text.append(text)
        if reasoning:
            pending.reasoning.append(reasoning)
        pending.characters += len(text) + len(reasoning)
        self._work.set()
        if self._numbers[reply_id] == 0:
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

    async def run(self) -> None:
        """Commit until cancelled."""
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                self._urgent.clear()
                await self._commit_pending()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._urgent.wait(), INTERVAL_SECONDS)
        finally:
            await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
            self._thread.shutdown(wait=False)

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
        if not pieces:
            return
        self._in_flight = set(pieces)
        try:
            lost = await self._commit(pieces)
        except (DatabaseError, InterfaceError):
            logger.warning(
                "The journal cannot be written; what came meanwhile waits", exc_info=True
            )
            self._put_back(batch)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            self._show(pieces, lost)
        finally:
            async with self._committed:
                self._in_flight = set()
                self._committed.notify_all()

    async def _commit(self, pieces: dict[int, Piece]) -> set[int]:
        rows = [
            JournalPiece(
                message_id=reply_id,
                number=self._numbers[reply_id],
                text=piece.text,
                reasoning=piece.reasoning,
            )
            for reply_id, piece in pieces.items()
        ]
        first = [row.message_id for row in rows if row.number == 0]
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._write, rows, first)

    def _write(self, rows: list[JournalPiece], first: list[int]) -> set[int]:
        try:
            return replies.write_pieces(rows, claim=self._claim, first=first)
        except (DatabaseError, InterfaceError):
            # Whatever happened to the connection, the next attempt begins with a new one.
            connections.close_all()
            raise

    def _show(self, pieces: dict[int, Piece], lost: set[int]) -> None:
        for reply_id, piece in pieces.items():
            if reply_id in lost:
                self._lose(reply_id)
            elif reply_id in self._numbers:
                is_first = self._numbers[reply_id] == 0
                self._numbers[reply_id] += 1
                self._hub.publish(reply_id, piece, is_first=is_first)

    def _put_back(self, batch: dict[int, _Pending]) -> None:
        """Set a failed batch before what came since, so that the order stays."""
        for reply_id, earlier in batch.items():
            if reply_id not in self._numbers:
                continue
            later = self._pending.get(reply_id, _Pending())
            earlier.text += later.text
            earlier.reasoning += later.reasoning
            earlier.characters += later.characters
            self._pending[reply_id] = earlier
        self._work.set()
