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
from chat.models import Conversation
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
    is_known = reply is not None and reply.pk == seen.reply_id
    if reply is not None and is_known and conversation.revision == seen.revision:
        known = LiveReply(reply.pk, conversation.pk, _pieces(reply.pk))
        return Changes(_strokes(known, seen, eyes.language), replace(seen, position=known.position))

    # Read before the messages, so that an article and the pieces that follow it fit together
    # whatever is committed meanwhile.
    live = LiveReply(reply.pk, conversation.pk, _pieces(reply.pk)) if reply else None
    update = updates.read(
        conversation.pk,
        eyes=eyes,
        since=seen.revision,
        canvas=Canvas(live, eyes.language) if live else None,
        unseen=reply.pk if reply and not is_known else None,
    )
    frame, now, text = update.frame, Seen(update.revision), []
    if live is not None and live.reply_id == update.answering:
        now = Seen(update.revision, live.reply_id, live.position)
        if live.reply_id not in update.rendered:
            text = _strokes(live, seen, eyes.language)
    if now.reply_id != seen.reply_id or (now.reply_id is None and update.ended):
        with translation.override(eyes.language):
            frame += frames.status(started=now.reply_id is not None)
    return Changes([*filter(None, [frame]), *text], now)


def _pieces(reply_id: int) -> list[Piece]:
    return [Piece(*row) for row in thread.journal_of(reply_id, after=0) or []]


def _strokes(live: LiveReply, seen: Seen, language: str) -> list[str]:
    """How the page changes that has some of the pieces."""
    had = LiveReply(live.reply_id, live.conversation_id, live.pieces[: seen.position])
    canvas = Canvas(had, language)
    canvas.draw()
    position, had.pieces = canvas.position, live.pieces
    canvas.draw()
    written: list[str] = []
    while new := canvas.slice(position, goes_on=bool(written)):
        written.append(frames.strokes(live.reply_id, new))
        position += len(new)
    return written
