"""What changed in a conversation, rendered for whoever looks at it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from django.conf import settings
from django.utils import timezone, translation

from chat.domain.turns import Turn
from chat.generation.canvas import Canvas
from chat.models import Conversation, Message, User
from chat.queries import branches, people, queued, thread
from chat.queries.branches import Part
from chat.queries.thread import Entry
from chat.rendering import frames


class Gone(Exception):
    """The person may not see this conversation, or not any more."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """Who looks, by which session, in what language, and in what time zone where their profile
    names none. Who came by a link has its token, and reads."""

    user_id: int
    language: str
    zone: str = ""
    session_key: str = ""
    share: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Update:
    """What changed up to `revision`, rendered.

    `rendered` names the messages that the frame holds, `running` those of them that are still
    being written, and `waiting` those that have no text so far; `is_whole` says that there are no
    others on the page. The reply of the canvas is in it as far as `position`; of one that the page
    `keeps` the text is not in it. `answering` is the reply that people wait for, and `ended` the
    last one of the conversation if it changed and is over.
    """

    frame: str
    revision: int
    is_whole: bool = False
    rendered: frozenset[int] = frozenset()
    running: frozenset[int] = frozenset()
    waiting: frozenset[int] = frozenset()
    position: int = 0
    keeps: bool = False
    answering: int | None = None
    ended: int | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A turn that was begun here this moment, rendered once for all tabs of whoever sent it. These
    need not ask the database what is new, nor whether the person may see it."""

    author: User
    language: str
    zone: str
    update: Update

    def is_all(self, eyes: Eyes, *, since: int, unseen: int | None) -> bool:
        """Whether there is nothing but this turn to be shown, and these are its author's eyes."""
        is_next = self.update.revision == since + 1 and unseen in (None, self.update.answering)
        zone = people.time_zone_of(self.author.time_zone or eyes.zone).key
        seen_by = (self.author.pk, self.language, self.zone)
        return is_next and not eyes.share and seen_by == (eyes.user_id, eyes.language, zone)


def begun(turn: Turn, author: User) -> Begun:
    """In the language and the time zone of the moment: those of the author's request."""
    conversation = turn.conversation
    entries = thread.just_begun(conversation, prompt=turn.prompt, reply=turn.reply)
    return Begun(
        author=author,
        language=translation.get_language() or settings.LANGUAGE_CODE,
        zone=timezone.get_current_timezone_name(),
        update=_update(entries, conversation, answering=turn.reply),
    )


def read(
    conversation_id: uuid.UUID,
    *,
    eyes: Eyes,
    since: int,
    canvas: Canvas | None,
    unseen: int | None,
    shown: Canvas | None = None,
) -> Update:
    """Read what changed after revision `since`, and the reply `unseen` in any case, and render it.

    `canvas` has the text of the reply that is being written, as far as it is known here; `shown` is
    the one of which the page has a part, and will have the rest before this. Raises Gone.
    """
    user = User.objects.filter(pk=eyes.user_id).first()
    if user is None:
        raise Gone
    seen = Conversation.objects.seen_by(user, share=eyes.share)
    conversation = seen.filter(pk=conversation_id).first()
    if conversation is None:
        raise Gone
    zone = people.time_zone_of(user.time_zone or eyes.zone)
    with translation.override(eyes.language), timezone.override(zone):
        return _read(
            conversation,
            since=since,
            canvas=canvas,
            unseen=unseen,
            shown=shown,
            share=eyes.share,
        )


def _read(
    conversation: Conversation,
    *,
    since: int,
    canvas: Canvas | None,
    unseen: int | None,
    shown: Canvas | None,
    share: str,
) -> Update:
    if conversation.revision == since and unseen is None:
        answering = thread.answering(conversation)
        return Update(frame="", revision=since, answering=answering.pk if answering else None)
    # A page that shows another branch, or is far behind, gets the end of this one.
    changed = None
    if conversation.branch_revision <= since:
        changed = thread.changed(conversation, since=since, always=unseen)
    part = branches.last(conversation) if changed is None else None
    messages = part.messages if part else changed
    known = [canvas.reply.reply_id] if canvas else ()
    entries = thread.entries(conversation, messages, known=known)
    answering = _answering_among(entries) or thread.answering(conversation)
    position, keeps = 0, False
    for place, entry in enumerate(entries):
        message = entry.message
        if canvas and message.is_running and message.pk == canvas.reply.reply_id:
            picture, position = canvas.picture()
            entries[place] = replace(entry, picture=picture)
        elif shown and not (part or message.is_running) and message.pk == shown.reply.reply_id:
            shown.end(message.text, message.reasoning)
            entries[place], keeps = replace(entry, is_shown=True), True
    update = _update(entries, conversation, answering=answering, part=part, share=share)
    if conversation.title_revision > since:
        update = replace(update, frame=update.frame + frames.title(conversation, share=share))
    if conversation.queue_revision > since and not share:
        queue = frames.queue(queued.of_conversation(conversation), conversation)
        update = replace(update, frame=update.frame + queue)
    return replace(update, position=position, keeps=keeps)


def _update(
    entries: Sequence[Entry],
    conversation: Conversation,
    *,
    answering: Message | None,
    part: Part | None = None,
    share: str = "",
) -> Update:
    """Of some messages, or of a `part` of the branch that is all that the page shows then."""
    return Update(
        frame=_frame(entries, conversation, part=part, share=share)
        # Who reads by a link has none.
        + ("" if share else frames.composer(answering, conversation) + frames.estimate(entries)),
        revision=conversation.revision,
        is_whole=part is not None,
        rendered=frozenset(entry.message.pk for entry in entries),
        running=frozenset(entry.message.pk for entry in entries if entry.message.is_running),
        waiting=frozenset(
            entry.message.pk
            for entry in entries
            if entry.message.is_running and not any(entry.picture or _words(entry.message))
        ),
        answering=answering.pk if answering else None,
        ended=None if part else _ended_among(entries),
    )


def _frame(
    entries: Sequence[Entry], conversation: Conversation, *, part: Part | None, share: str
) -> str:
    if part is None:
        return frames.messages(entries, conversation, share=share)
    return frames.whole(entries, part, conversation, share=share)


def _words(reply: Message) -> tuple[str, str]:
    return reply.text, reply.reasoning


def _answering_among(entries: Iterable[Entry]) -> Message | None:
    """The reply of these that is being written, unless it was told to stop."""
    running = (entry.message for entry in entries if entry.message.is_running)
    return next((reply for reply in running if reply.stop_requested_at is None), None)


def _ended_among(entries: Iterable[Entry]) -> int | None:
    """The conversation's last reply, if it is one of these and over."""
    last = (entry.message for entry in entries if entry.is_last and entry.message.is_reply)
    return next((reply.pk for reply in last if not reply.is_running), None)
