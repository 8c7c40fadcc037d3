"""A person's side of a turn: begin it, try it again, mark its reply to stop.

Each deed is one short transaction. Races are settled by conditional updates and constraints,
because row locks do nothing on SQLite.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Min
from django.utils import timezone
from django.utils.translation import gettext

from chat.completions.request import CompletionRequest
from chat.domain import attachments, budgets, drafts, histories, ledger, prompts, revisions
from chat.domain.attachments import AttachmentRefused, ModelTakesNone
from chat.domain.budgets import BudgetRefuses
from chat.domain.parameters import Parameters
from chat.domain.revisions import ConversationGone
from chat.enums import Fault, MessageState, Role, Source
from chat.models import Completion, Conversation, JournalPiece, Message, QueuedMessage, User
from chat.queries import thread


class TurnRefused(Exception):
    """A send that changes nothing. Its text must be kept."""


class ReplyRunning(TurnRefused):
    """The conversation is waiting for a reply already."""


class SendKeyReused(TurnRefused):
    """This key was used for another text."""


class AlreadyQueued(TurnRefused):
    """This very send waits in the queue of the conversation."""


class ConversationFull(TurnRefused):
    """The conversation is as long as one may be: every page of it holds all of it."""


class MessageTooLong(TurnRefused):
    """The message is more than the model can read, even without any other."""


class NotTheLast(TurnRefused):
    """Only the last reply of the shown branch can be tried again."""


class ManyRunning(TurnRefused):
    """As many replies of this person are running, in all processes, as one may have."""


class TooFast(TurnRefused):
    """As many messages as one person may send in a minute, in all processes, were sent in it."""

    def __init__(self, limit: int, free_at: datetime) -> None:
        super().__init__(f"{limit} a minute")
        self.limit = limit
        self.free_at = free_at


class StillCounted(TurnRefused):
    """The reply was stopped, and is read on for its figures."""


class NothingToContinue(TurnRefused):
    """The reply is whole, or has no text to go on from."""


MINUTE = timedelta(minutes=1)
# Characters, of all messages together.
LONGEST_CONVERSATION = 2_000_000


@dataclass(frozen=True, slots=True)
class Turn:
    """A prompt and its reply, with the open ledger row unless the same send had arrived before."""

    conversation: Conversation
    prompt: Message
    reply: Message
    row: Completion | None = None
    # Whether the model no longer sees something that it saw with the last reply, or sees it again.
    moves_view: bool = False

    @property
    def is_new(self) -> bool:
        return self.row is not None


def begin(
    *,
    conversation: Conversation,
    author: User,
    text: str,
    send_key: uuid.UUID,
    instead_of: Message | None = None,
    pictures: Sequence[uuid.UUID] = (),
    drafted: Collection[uuid.UUID] | None = None,
) -> Turn:
    """Commit a prompt, the reserved reply and the open ledger row together, or nothing.

    The prompt follows the head, or stands beside the earlier one that it is said instead of: on a
    branch of its own, which is shown from then on. A conversation that is not stored yet is stored
    with them. The same key with the same text gives the turn that it made the first time: the
    database refuses the key, and what it made is looked up. `pictures` go with it, in this order.
    From a composer it comes with the versions `drafted` of what stood there: that is cleared.
    Raises TurnRefused, AttachmentRefused and ConversationGone.
    """
    composer = None if conversation._state.adding else conversation

    def clear_draft() -> None:
        if drafted is not None:
            drafts.clear(
                user=author, conversation=composer, text=text, versions=drafted, send_key=send_key
            )

    try:
        with transaction.atomic():
            if conversation._state.adding:
                conversation.title = conversation.title or first_words(text) or gettext("Picture")
                conversation.save(force_insert=True)
            revision = revisions.advance(conversation)
            if conversation.queue_revision:
                _refuse_queued(author, send_key, text=text)
            before = instead_of.parent_id if instead_of else conversation.head_id
            measured = histories.measure(conversation, before=before)
            if measured.characters + len(text) > LONGEST_CONVERSATION:
                raise ConversationFull
            if instead_of is not None:
                conversation.branch_revision = revision
            prompt = conversation.messages.create(
                parent_id=before,
                role=Role.USER,
                author=author,
                text=text,
                send_key=send_key,
                revision=revision,
                finished_at=timezone.now(),
                pictures=len(pictures),
            )
            clear_draft()
            if pictures:
                attachments.send_with(prompt, pictures, instead_of=instead_of)
            begin_at = partial(histories.begin, conversation, measured, before=before)
            reply, row = _reserve_reply(
                conversation, prompt=prompt, author=author, begin_at=begin_at
            )
            if moves_view := reply.history_from != measured.start:
                # Pages say so where it begins.
                ends = conversation.messages.filter(
                    pk__in=[reply.history_from or 0, measured.start or 0]
                )
                ends.update(revision=revision)
    except (IntegrityError, TurnRefused, AttachmentRefused, BudgetRefuses) as refusal:
        # Somebody was faster: with this very send, or with another one.
        earlier = _earlier(author, text, send_key, pictures)
        if earlier is not None or isinstance(refusal, AlreadyQueued):
            clear_draft()
        if earlier is not None:
            return earlier
        if isinstance(refusal, IntegrityError):
            raise ReplyRunning from refusal
        raise
    return Turn(conversation, prompt, reply, row, moves_view)


def try_again(
    *,
    conversation: Conversation,
    reply: Message,
    author: User,
    model: str = "",
    parameters: Parameters | None = None,
) -> Turn:
    """Reserve another reply to the same prompt; the earlier one stays beside it. With `model` or
    `parameters`, this reply is asked so, and the conversation keeps its own."""
    if reply.parent is None:
        raise NotTheLast
    try:
        with transaction.atomic():
            conversation.branch_revision = revisions.advance(conversation)
            if reply.pk != conversation.head_id:
                raise NotTheLast
            begin_at = partial(
                histories.begin,
                conversation,
                histories.measure(conversation, before=reply.pk),
                before=reply.pk,
                was_too_long=reply.error == Fault.CONTEXT_TOO_LONG,
            )
            second, row = _reserve_reply(
                conversation,
                prompt=reply.parent,
                author=author,
                begin_at=begin_at,
                model=model,
                parameters=parameters,
            )
    except IntegrityError as conflict:
        raise ReplyRunning from conflict
    return Turn(conversation, reply.parent, second, row)


def go_on(*, conversation: Conversation, reply: Message, author: User) -> Turn:
    """Reserve the reply anew for the rest of it. What is there of it goes back into the journal,
    where the text of running replies is, so that nothing distinguishes it from one that never
    ended."""
    if reply.parent is None:
        raise NotTheLast
    try:
        with transaction.atomic():
            revision = revisions.advance(conversation)
            reply.refresh_from_db()
            if reply.pk != conversation.head_id:
                raise NotTheLast
            if reply.is_running:
                raise ReplyRunning
            if reply.completions.open().exists():
                raise StillCounted
            if not reply.can_go_on:
                raise NothingToContinue
            row = _reserve_rest(conversation, reply, revision=revision, author=author)
    except IntegrityError as conflict:
        raise ReplyRunning from conflict
    return Turn(conversation, reply.parent, reply, row)


@transaction.atomic
def request_stop(reply: Message) -> bool:
    """Mark a running reply to stop; the next send is free from here on. Harmless when it ended."""
    revisions.lock(reply.pk)
    marked = (
        Message.objects.filter(pk=reply.pk, stop_requested_at=None)
        .running()
        .update(stop_requested_at=timezone.now())
    )
    if marked:
        revisions.touch(reply.conversation_id, [reply.pk])
    return bool(marked)


def first_words(text: str) -> str:
    """A title out of a prompt: its first words, on one line."""
    return shortened(" ".join(text.split()), longest=60)


def shortened(line: str, *, longest: int) -> str:
    """So many characters of it, and only whole words."""
    if len(line) <= longest:
        return line
    return line[:longest].rsplit(" ", 1)[0].rstrip(".,;:") + "…"


def _refuse_queued(author: User, send_key: uuid.UUID, *, text: str) -> None:
    rows = QueuedMessage.objects.filter(author=author, send_key=send_key)
    if (queued := rows.first()) is not None:
        raise AlreadyQueued if queued.text == text else SendKeyReused


def _earlier(
    author: User, text: str, send_key: uuid.UUID, pictures: Sequence[uuid.UUID]
) -> Turn | None:
    """The turn that this send made when it arrived before."""
    prompt = (
        Message.objects.filter(author=author, send_key=send_key)
        .select_related("conversation")
        .first()
    )
    if prompt is None:
        return None
    if prompt.text != text or not attachments.are_those_of(prompt, pictures):
        raise SendKeyReused
    reply = prompt.children.replies().oldest_first().first()
    if reply is None or prompt.conversation.deleted_at is not None:
        raise ConversationGone
    return Turn(prompt.conversation, prompt, reply)


def _leave_room_for_others(author: User) -> None:
    running = Message.objects.running().filter(parent__author=author)
    if running.count() >= settings.MAX_REPLIES_PER_USER:
        raise ManyRunning
    if settings.MESSAGES_PER_MINUTE:
        _keep_to_rate(author, settings.MESSAGES_PER_MINUTE)


def _keep_to_rate(author: User, limit: int) -> None:
    """So many replies were asked for; another attempt at the same one is none of its own. Sends of
    one person come one after the other here, so that each counts those before it."""
    User.objects.select_for_update(no_key=True).get(pk=author.pk)
    rows = Completion.objects.filter(
        user=author, source=Source.CHAT, started_at__gt=timezone.now() - MINUTE
    )
    begun = rows.values("message").annotate(at=Min("started_at")).order_by("-at")
    if latest := begun[limit - 1 : limit]:
        raise TooFast(limit, free_at=latest[0]["at"] + MINUTE)


def _hold(row: Completion, reply: Message, *, author: User, begun: str = "") -> None:
    """Against the budgets, if there are any: what will be asked, and the longest answer."""

    @cache
    def request() -> CompletionRequest:
        return prompts.request_for(
            reply, model=row.model_asked, begun=begun, thought=reply.reasoning
        )

    max_tokens = prompts.parameters_of(reply).max_tokens
    budgets.reserve(
        row,
        author,
        texts=lambda: prompts.texts(request()),
        pictures=lambda: prompts.picture_tokens(request()),
        max_tokens=max_tokens,
    )


def _reserve_reply(
    conversation: Conversation,
    *,
    prompt: Message,
    author: User,
    begin_at: Callable[..., int | None],
    model: str = "",
    parameters: Parameters | None = None,
) -> tuple[Message, Completion]:
    _leave_room_for_others(author)
    _refuse_unseen(prompt, model or conversation.model)
    try:
        history_from = begin_at(
            prompt=prompt, model=model or conversation.model, parameters=parameters
        )
    except histories.PromptTooLong as too_long:
        raise MessageTooLong from too_long
    reply = conversation.messages.create(
        parent=prompt,
        role=Role.ASSISTANT,
        state=MessageState.WAITING,
        history_from=history_from,
        parameters=None if parameters is None else parameters.to_json(),
        revision=conversation.revision,
        shown_revision=conversation.revision,
    )
    row = ledger.open_row(reply=reply, conversation=conversation, user=author, model=model)
    _hold(row, reply, author=author)
    conversation.head = reply
    conversation.active_at = timezone.now()
    conversation.save(update_fields=("head", "branch_revision", "active_at"))
    return reply, row


def _refuse_unseen(prompt: Message, model: str) -> None:
    """What was sent earlier may be left out of a request, but not what it is about."""
    if prompt.pictures and attachments.takes_pictures(model) is False:
        raise ModelTakesNone(model)


def _model_of(reply: Message) -> str:
    """The model that wrote it, which knows best how it goes on; none if it is no longer offered."""
    model = thread.model_asked(reply.pk)
    return model if model in settings.MODELS else ""


def _reserve_rest(
    conversation: Conversation, reply: Message, *, revision: int, author: User
) -> Completion:
    _leave_room_for_others(author)
    JournalPiece.objects.create(message=reply, number=0, text=reply.text, reasoning=reply.reasoning)
    row = ledger.open_row(
        reply=reply,
        conversation=conversation,
        user=author,
        model=_model_of(reply),
        continues_at=len(reply.text) + len(reply.reasoning),
    )
    reply.conversation = conversation
    _hold(row, reply, author=author, begun=reply.text)
    reply.text = reply.reasoning = reply.error = reply.finish_reason = ""
    reply.state, reply.revision = MessageState.WAITING, revision
    reply.claim = reply.stop_requested_at = reply.finished_at = None
    reply.save()
    conversation.active_at = timezone.now()
    conversation.save(update_fields=("active_at",))
    return row
