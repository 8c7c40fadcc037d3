"""Replies that another process runs, as this one shows them to those who watch here.

A copy is filled from the journal and then by hints. A gap in these is filled from the journal too,
and a copy that heard nothing for a second looks there, so a hint that was lost costs a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from chat.generation.hints import TextHint
from chat.generation.hub import Hub, Piece
from chat.generation.pool import DatabasePool
from chat.queries import thread

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

SILENT_SECONDS = 1.0


class _Copy:
    """Where one copy stands, beside its text, which the hub has."""

    task: asyncio.Task[None]

    def __init__(self) -> None:
        # Set when it has to look into the journal now.
        self.behind = asyncio.Event()
        # When something was last heard of it, in seconds of the loop's clock.
        self.heard_at = 0.0


class Copies:
    """Everything here belongs to the event loop."""

    def __init__(self, *, hub: Hub, pool: DatabasePool, runs_here: Callable[[int], bool]) -> None:
        self._hub = hub
        self._pool = pool
        self._runs_here = runs_here
        self._copies: dict[int, _Copy] = {}

    def follow(self, reply_id: int, conversation_id: uuid.UUID) -> None:
        """Show this reply here for as long as it runs and somebody watches."""
        if reply_id in self._copies or self._runs_here(reply_id):
            return
        copy = self._copies[reply_id] = _Copy()
        copy.task = asyncio.create_task(self._follow(copy, reply_id, conversation_id))
        copy.task.add_done_callback(lambda _: self._copies.pop(reply_id))

    def heard(self, hint: TextHint) -> None:
        if not self._hub.is_watched(hint.conversation_id):
            return
        if (copy := self._copies.get(hint.reply_id)) is None:
            self.follow(hint.reply_id, hint.conversation_id)
            return
        copy.heard_at = asyncio.get_running_loop().time()
        live = self._hub.reply(hint.reply_id)
        if live is None or live.continues_at != hint.continues_at or hint.number > live.position:
            copy.behind.set()
            return
        for number, piece in enumerate(hint.pieces, hint.number):
            # What is there already is not taken twice.
            self._hub.publish(hint.reply_id, number, piece)

    def look(self, conversation_id: uuid.UUID) -> None:
        """Something changed in this conversation: its reply may have ended."""
        live = self._hub.live(conversation_id)
        if live is not None and (copy := self._copies.get(live.reply_id)):
            copy.behind.set()

    async def close(self) -> None:
        tasks = [copy.task for copy in self._copies.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, copy: _Copy, reply_id: int, conversation_id: uuid.UUID) -> None:
        begun = await self._looked_up(thread.where_it_continues, reply_id)
        pieces = None if begun is None else await self._read(reply_id, after=0, continues_at=begun)
        if begun is None or pieces is None or self._runs_here(reply_id):
            # It ended, or begins here: viewers hear of it as of any change.
            self._hub.changed(conversation_id)
            return
        self._hub.open(reply_id, conversation_id, pieces, continues_at=begun)
        try:
            while self._hub.is_watched(conversation_id) and not self._runs_here(reply_id):
                if not await self._needs_look(copy):
                    continue
                position = self._hub.position(reply_id) or 0
                pieces = await self._read(reply_id, after=position, continues_at=begun)
                if pieces is None:
                    # Over, or over and gone on with: then who watches has it followed anew.
                    break
                for number, piece in enumerate(pieces, position):
                    self._hub.publish(reply_id, number, piece)
        finally:
            if not self._runs_here(reply_id):
                self._hub.close(reply_id)

    @staticmethod
    async def _needs_look(copy: _Copy) -> bool:
        """Wait until the journal has to be read. False when hints came all the while."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(copy.behind.wait(), SILENT_SECONDS)
            copy.behind.clear()
            return True
        return asyncio.get_running_loop().time() - copy.heard_at >= SILENT_SECONDS

    async def _read(self, reply_id: int, *, after: int, continues_at: int) -> list[Piece] | None:
        """The pieces after this many; None of a run that is over."""
        rows = await self._looked_up(
            thread.journal_of, reply_id, after=after, continues_at=continues_at
        )
        return None if rows is None else [Piece(*row) for row in rows]

    async def _looked_up(self, look: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the database says, as soon as it does."""
        while True:
            try:
                return await self._pool.run(look, *args, **kwargs)
            except Exception:
                logger.warning("A reply cannot be followed just now", exc_info=True)
                await asyncio.sleep(SILENT_SECONDS)
