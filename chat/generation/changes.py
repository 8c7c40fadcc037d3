"""What changed, for a page that asks now and then because no socket gets through to it.

From the database alone: whichever process is asked knows it, and none has to remember who asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.utils import translation

from chat.generation import updates
from chat.generation.canvas import Canvas
from chat.generation.hub import LiveReply, Piece
from chat.generation.updates import Eyes
from chat.models import Conversation, Message
from chat.queries import thread
from chat.rendering import frames


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page shows: everything up to a revision, and so many pieces of a running reply."""

    revision: int
    reply_id: int | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """The frames that a socket would have sent, none if nothing changed, and what is seen then."""

    frames: list[str]
    seen: Seen


def since(conversation: Conversation, *, eyes: Eyes, seen: Seen) -> Changes:
    """Raises Gone."""
    reply = thread.answering(conversation)
    # Read before the messages, so that an article and the pieces that follow it fit together
    # whatever is committed meanwhile.
    canvas = _canvas(reply, eyes.language) if reply else None
    is_known = reply is not None and reply.pk == seen.reply_id
    if canvas is not None and is_known and conversation.revision == seen.revision:
        return Changes(_strokes(canvas, seen), replace(seen, position=canvas.reply.position))

    update = updates.read(
        conversation.pk,
        eyes=eyes,
        since=seen.revision,
        canvas=canvas,
        unseen=reply.pk if reply and not is_known else None,
    )
    frame, now, text = update.frame, Seen(update.revision), []
    if canvas is not None and (live := canvas.reply).reply_id == update.answering:
        now = Seen(update.revision, live.reply_id, live.position)
        if live.reply_id not in update.rendered:
            text = _strokes(canvas, seen)
    if now.reply_id != seen.reply_id or (now.reply_id is None and update.ended):
        with translation.override(eyes.language):
            frame += frames.status(started=now.reply_id is not None)
    return Changes([*filter(None, [frame]), *text], now)


def _canvas(reply: Message, language: str) -> Canvas:
    pieces = [Piece(*row) for row in thread.journal_of(reply.pk, after=0) or []]
    return Canvas(LiveReply(reply.pk, reply.conversation_id, pieces), language, may_wait=True)


def _strokes(canvas: Canvas, seen: Seen) -> list[str]:
    """How the page changes that has some of the pieces."""
    canvas.draw(until=seen.position)
    position = canvas.position
    canvas.draw()
    written: list[str] = []
    while new := canvas.slice(position, goes_on=bool(written)):
        written.append(frames.strokes(canvas.reply.reply_id, new))
        position += len(new)
    return written
