"""Hints between processes: new text, changes, stops. They come soon, or not at all.

The database is the truth. Whoever misses a hint finds out by looking there, a second or two later,
so nothing here is repeated, confirmed or kept, and a Redis that is away costs no more than that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from channels.layers import get_channel_layer

from chat.generation.hub import LiveReply, Piece

logger = logging.getLogger(__name__)

GROUP = "processes"
# Text goes out about ten times a second, all replies of the process together.
GATHER_SECONDS = 0.1
AGAIN_SECONDS = 1.0
SEND_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class TextHint:
    """Committed pieces of one reply, the first of which has this number."""

    conversation_id: uuid.UUID
    reply_id: int
    # Numbers begin anew each time that a reply goes on.
    continues_at: int
    number: int
    pieces: list[Piece]


@dataclass(slots=True)
class Hints:
    """What one process tells the others in one message."""

    texts: dict[int, TextHint] = field(default_factory=dict)
    changed: set[uuid.UUID] = field(default_factory=set)
    stopped: set[int] = field(default_factory=set)


class Wire:
    """This process's end of it. Without several processes there is no wire, and nothing is sent."""

    def __init__(self, *, hear: Callable[[Hints], None]) -> None:
        self._hear = hear
        self._layer: Any = get_channel_layer()
        # Messages to all come back to their sender, who knows itself by this.
        self._name = uuid.uuid4().hex
        self._outgoing = Hints()
        self._work = asyncio.Event()
        self._urgent = asyncio.Event()
        self._is_down = False

    # On the loop

    def text(self, reply: LiveReply, number: int, piece: Piece) -> None:
        if self._layer is None:
            return
        texts, key, continues_at = self._outgoing.texts, reply.reply_id, reply.continues_at
        if key not in texts or texts[key].continues_at != continues_at:
            texts[key] = TextHint(reply.conversation_id, key, continues_at, number, [])
        texts[key].pieces.append(piece)
        # The first is not made to wait: that an answer has begun is told with it.
        self._work.set()

    def changed(self, conversation_id: uuid.UUID) -> None:
        self._outgoing.changed.add(conversation_id)
        self._hurry()

    def stopped(self, reply_id: int) -> None:
        self._outgoing.stopped.add(reply_id)
        self._hurry()

    def _hurry(self) -> None:
        self._work.set()
        self._urgent.set()

    async def send(self) -> None:
        """Send what has gathered, until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            self._urgent.clear()
            hints, self._outgoing = self._outgoing, Hints()
            if self._layer is not None:
                await self._send(_packed(hints, sender=self._name))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._urgent.wait(), GATHER_SECONDS)

    async def receive(self) -> None:
        """Hear what others send, until cancelled."""
        if self._layer is None:
            return
        while True:
            try:
                channel = await self._layer.new_channel()
                await self._layer.group_add(GROUP, channel)
                while True:
                    message = await self._layer.receive(channel)
                    if message["sender"] != self._name:
                        self._hear(_unpacked(message))
            except Exception as fault:
                self._note_down(fault)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._layer.group_send(GROUP, message)
        except Exception as fault:
            self._note_down(fault)
        else:
            if self._is_down:
                logger.warning("Other processes are told of changes again")
            self._is_down = False

    def _note_down(self, fault: Exception) -> None:
        if not self._is_down:
            logger.warning("Other processes cannot be told of changes: %r", fault)
        self._is_down = True


def _packed(hints: Hints, *, sender: str) -> dict[str, Any]:
    return {
        "type": "hints",
        "sender": sender,
        "texts": [
            [
                hint.conversation_id.hex,
                hint.reply_id,
                hint.continues_at,
                hint.number,
                [[piece.text, piece.reasoning] for piece in hint.pieces],
            ]
            for hint in hints.texts.values()
        ],
        "changed": [key.hex for key in hints.changed],
        "stopped": list(hints.stopped),
    }


def _unpacked(message: dict[str, Any]) -> Hints:
    texts = (
        TextHint(uuid.UUID(key), reply_id, continues_at, number, [Piece(*each) for each in pieces])
        for key, reply_id, continues_at, number, pieces in message["texts"]
    )
    return Hints(
        texts={hint.reply_id: hint for hint in texts},
        changed={uuid.UUID(key) for key in message["changed"]},
        stopped=set(message["stopped"]),
    )
