"""What this process knows of running replies, for whoever watches: committed text, and changes.

Everything here belongs to the event loop. Viewers pull: the hub only wakes them, and each takes
what is new from its own position, so a slow one costs nothing.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from chat.generation.canvas import Canvas

if TYPE_CHECKING:
    from chat.generation.updates import Begun


@dataclass(frozen=True, slots=True)
class Piece:
    """Committed text and reasoning of one reply, in the order of the upstream."""

    text: str
    reasoning: str

    @classmethod
    def joined(cls, pieces: Sequence[Piece]) -> Self:
        return cls(
            text="".join(piece.text for piece in pieces),
            reasoning="".join(piece.reasoning for piece in pieces),
        )


@dataclass(slots=True)
class LiveReply:
    """A running reply: all its committed pieces so far. A position is a number of pieces."""

    reply_id: int
    conversation_id: uuid.UUID
    pieces: list[Piece] = field(default_factory=list)
    # How many characters were there before it ran: positions are those of this run alone.
    continues_at: int = 0
    # By language, once somebody here watches it in a page that can be changed.
    canvases: dict[str, Canvas] = field(default_factory=dict)

    @property
    def position(self) -> int:
        return len(self.pieces)

    def since(self, position: int, until: int | None = None) -> Piece:
        """What came after `position`, as one piece."""
        return Piece.joined(self.pieces[position:until])


class Watch:
    """One viewer's ear at a conversation. It starts out changed: the first look is a reading."""

    def __init__(self, session_key: str, share: str = "") -> None:
        self._woken = asyncio.Event()
        self.session_key = session_key
        # The token of the link by which the viewer came, if it was one.
        self.share = share
        self.has_changes = True
        # The turn that was begun here this moment, if it is all that changed.
        self.begun: Begun | None = None
        # Once the session or the link by which the viewer came in is over.
        self.is_over = False

    async def woken(self) -> None:
        """Wait until there may be something new."""
        await self._woken.wait()
        self._woken.clear()

    def wake(self, *, changes: bool, begun: Begun | None = None) -> None:
        if changes:
            self.begun = None if self.has_changes else begun
            self.has_changes = True
        self._woken.set()

    def end(self) -> None:
        self.is_over = True
        self._woken.set()


class Hub:
    def __init__(self, *, paint: Callable[[Canvas], None]) -> None:
        self._paint = paint
        self._replies: dict[int, LiveReply] = {}
        self._by_conversation: dict[uuid.UUID, LiveReply] = {}
        self._watches: dict[uuid.UUID, set[Watch]] = defaultdict(set)
        # Whether what comes has to wait, because the database cannot be written.
        self.is_held_up = False

    # For those who run replies

    def open(
        self,
        reply_id: int,
        conversation_id: uuid.UUID,
        pieces: Iterable[Piece] = (),
        *,
        continues_at: int = 0,
    ) -> None:
        """A reply runs, here or in another process; `pieces` are committed already."""
        reply = LiveReply(reply_id, conversation_id, list(pieces), continues_at)
        self._replies[reply_id] = reply
        shown = self._by_conversation.get(conversation_id)
        # One that was told to stop may take a moment longer than the next one to begin.
        if shown is None or shown.reply_id <= reply_id:
            self._by_conversation[conversation_id] = reply
        for watch in self._watches.get(conversation_id, ()):
            watch.wake(changes=bool(reply.pieces))

    def publish(self, reply_id: int, number: int, piece: Piece) -> bool:
        """Show a piece that the journal has committed. False when it is not the next one: it was
        shown before, or one before it is missing."""
        reply = self._replies.get(reply_id)
        if reply is None or number != reply.position:
            return False
        reply.pieces.append(piece)
        for canvas in reply.canvases.values():
            self._paint(canvas)
        if not reply.canvases:
            self._wake(reply)
        return True

    def drawn(self, canvas: Canvas) -> None:
        """What was published of a reply can be shown."""
        self._wake(canvas.reply)

    def _wake(self, reply: LiveReply) -> None:
        for watch in self._watches.get(reply.conversation_id, ()):
            watch.wake(changes=False)

    def reply(self, reply_id: int) -> LiveReply | None:
        return self._replies.get(reply_id)

    def position(self, reply_id: int) -> int | None:
        """How many pieces of a reply are shown here; None when it is not known here."""
        reply = self.reply(reply_id)
        return reply.position if reply else None

    def close(self, reply_id: int) -> None:
        """Forget a reply that is sealed, and let its viewers read how it ended."""
        reply = self._replies.pop(reply_id, None)
        if reply is None:
            return
        if self._by_conversation.get(reply.conversation_id) is reply:
            del self._by_conversation[reply.conversation_id]
        self.changed(reply.conversation_id)

    def note_away(self, is_away: bool) -> None:
        self.is_held_up = is_away
        for watch in self._all():
            watch.wake(changes=False)

    def changed(self, conversation_id: uuid.UUID, *, begun: Begun | None = None) -> None:
        """The conversation has a new revision: its viewers read what changed, unless it is the turn
        that they are given and nothing else."""
        for watch in self._watches.get(conversation_id, ()):
            watch.wake(changes=True, begun=begun)

    # For those who watch

    def watch(self, conversation_id: uuid.UUID, *, session_key: str = "", share: str = "") -> Watch:
        watch = Watch(session_key, share)
        self._watches[conversation_id].add(watch)
        return watch

    def unwatch(self, conversation_id: uuid.UUID, watch: Watch) -> None:
        watches = self._watches.get(conversation_id, set())
        watches.discard(watch)
        if not watches:
            self._watches.pop(conversation_id, None)

    def watched(self) -> list[uuid.UUID]:
        return list(self._watches)

    def is_watched(self, conversation_id: uuid.UUID) -> bool:
        """From any thread."""
        return conversation_id in self._watches

    def sessions(self) -> set[str]:
        """By which sessions somebody watches."""
        return {watch.session_key for watch in self._all() if watch.session_key}

    def shares(self) -> set[str]:
        """By the tokens of which links somebody watches."""
        return {watch.share for watch in self._all() if watch.share}

    def end(self, key: str) -> None:
        """Let nobody watch any longer who came in by this session, or by the link with this
        token."""
        for watch in self._all():
            if key in (watch.session_key, watch.share):
                watch.end()

    def _all(self) -> Iterator[Watch]:
        for watches in self._watches.values():
            yield from watches

    def live(self, conversation_id: uuid.UUID) -> LiveReply | None:
        """The reply that is being written in this conversation, if one is."""
        return self._by_conversation.get(conversation_id)

    def canvas(self, conversation_id: uuid.UUID, language: str) -> Canvas | None:
        """The reply that is being written, as HTML that grows."""
        if (reply := self.live(conversation_id)) is None:
            return None
        if language not in reply.canvases:
            reply.canvases[language] = Canvas(reply, language)
            self._paint(reply.canvases[language])
        return reply.canvases[language]
