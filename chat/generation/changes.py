"""What changed, for a page that asks now and then because no socket gets through to it.

From the database alone: whichever process is asked knows it, and none has to remember who asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils import translation

from chat.generation import updates
from chat.generation.hub import Piece
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
    """The frame that a socket would have sent, empty if nothing changed, and what is seen then."""

    frame: str
    seen: Seen


def since(conversation: Conversation, *, eyes: Eyes, seen: Seen) -> Changes:
    """Raises Gone."""
    reply = thread.answering(conversation)
    is_known = reply is not None and reply.pk == seen.reply_id
    if reply is not None and is_known and conversation.revision == seen.revision:
        new = _pieces(reply.pk, after=seen.position)
        return Changes(_text(reply.pk, new), replace(seen, position=seen.position + len(new)))

    # Read before the messages, so that an article and the pieces that follow it fit together
    # whatever is committed meanwhile.
    pieces = _pieces(reply.pk, after=0) if reply else []
    update = updates.read(
        conversation.pk,
        eyes=eyes,
        since=seen.revision,
        live={reply.pk: Piece.joined(pieces)} if reply else {},
        unseen=reply.pk if reply and not is_known else None,
    )
    frame, now = update.frame, Seen(update.revision)
    if reply is not None and reply.pk == update.answering:
        now = Seen(update.revision, reply.pk, len(pieces))
        if reply.pk not in update.rendered:
            frame += _text(reply.pk, pieces[seen.position :])
    if now.reply_id != seen.reply_id or (now.reply_id is None and update.ended):
        with translation.override(eyes.language):
            frame += frames.status(started=now.reply_id is not None)
    return Changes(frame, now)


def _pieces(reply_id: int, *, after: int) -> list[Piece]:
    return [Piece(*row) for row in thread.journal_of(reply_id, after=after) or []]


def _text(reply_id: int, pieces: Sequence[Piece]) -> str:
    new = Piece.joined(pieces)
    return frames.text(reply_id, new.text, new.reasoning)
