"""Messages that wait for the end of a reply: added, changed, and sent one after the other.

Whoever changes the queue takes the conversation's next revision first, so that two never do at the
same moment. A message leaves it in the transaction that begins its turn, with the key that it was
queued with: it is sent once, whoever sends it and whoever dies meanwhile.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from chat.domain import attachments, drafts, revisions, turns
from chat.domain.attachments import AttachmentRefused
from chat.domain.budgets import BudgetRefuses
from chat.domain.revisions import ConversationGone
from chat.domain.turns import (
    ManyRunning,
    ReplyRunning,
    SendKeyReused,
    TooFast,
    Turn,
    TurnRefused,
)
from chat.enums import QueueState
from chat.models import Conversation, Message, QueuedMessage, User

MOST_QUEUED = 10
REMOVED_LASTS = timedelta(days=1)


class QueueFull(TurnRefused):
    """As many messages wait in this conversation as may."""


class QueueMoved(TurnRefused):
    """The message was sent or removed meanwhile."""


class ModelGone(TurnRefused):
    """The conversation's model is no longer offered."""


# What may be over in a moment, or says that somebody else was faster.
PASSING = (ReplyRunning, ManyRunning, TooFast, QueueMoved, ConversationGone)
REFUSALS = (TurnRefused, AttachmentRefused, BudgetRefuses)


def add(
    *,
    conversation: Conversation,
    author: User,
    text: str,
    send_key: uuid.UUID,
    pictures: Sequence[uuid.UUID] = (),
    drafted: Collection[uuid.UUID] = (),
) -> None:
    """Put a message at the end of the queue. The same key again changes nothing, nor does one that
    made a turn meanwhile. It is a draft no more. Raises QueueFull, SendKeyReused,
    AttachmentRefused and ConversationGone."""
    with _changing(conversation):
        drafts.clear(
            user=author, conversation=conversation, text=text, versions=drafted, send_key=send_key
        )
        key = {"author": author, "send_key": send_key}
        same = conversation.queue.filter(**key).first() or Message.objects.filter(**key).first()
        if same is not None and same.text != text:
            raise SendKeyReused
        if same is not None:
            return
        if conversation.queue.waiting().count() >= MOST_QUEUED:
            raise QueueFull
        message = conversation.queue.create(text=text, **key)
        attachments.queue_with(message, pictures)


def hold(message: QueuedMessage) -> None:
    """Let it wait while it is edited, and those after it. Raises QueueMoved."""
    _change(message, state=QueueState.EDITED)


def edit(message: QueuedMessage, *, text: str) -> None:
    """Raises QueueMoved."""
    _change(message, state=QueueState.READY, text=text)


def release(message: QueuedMessage) -> None:
    """Let it go on waiting for nothing but the reply, from its old place. Raises QueueMoved, and
    QueueFull where others have come instead of one that was removed."""
    with _changing(message.conversation):
        others = message.conversation.queue.waiting().exclude(pk=message.pk)
        if others.count() >= MOST_QUEUED:
            raise QueueFull
        if not QueuedMessage.objects.filter(pk=message.pk).update(state=QueueState.READY):
            raise QueueMoved


def remove(message: QueuedMessage) -> None:
    """Take it out, so that it can be taken back for a while. Raises QueueMoved."""
    _change(message, state=QueueState.REMOVED)


def refuse(message: QueuedMessage) -> None:
    """It could not be sent by itself: let its author do it, and hear why."""
    _change(message, state=QueueState.REFUSED)


def next_of(conversation_id: uuid.UUID) -> QueuedMessage | None:
    """What is to be sent now: the first one, if it is due. One query."""
    waiting = QueuedMessage.objects.waiting().filter(conversation=conversation_id)
    rows = QueuedMessage.objects.due().filter(pk__in=waiting.first_first().values("pk")[:1])
    return rows.select_related("conversation", "author").first()


def due() -> list[uuid.UUID]:
    """Conversations that something is to be sent in, because whoever would have done it is gone, or
    because it could not be done then."""
    rows = QueuedMessage.objects.due().order_by()
    return list(rows.values_list("conversation", flat=True).distinct())


@transaction.atomic
def begin(message: QueuedMessage) -> Turn:
    """Begin the turn that it was waiting for. Raises what `turns.begin` does, and QueueMoved: then
    it waits as before."""
    conversation = message.conversation
    with _changing(conversation):
        pictures = list(message.attachments.in_order().values_list("pk", flat=True))
        message.attachments.update(queued=None)
        # As it was read: somebody may have begun to edit it, or have done so.
        same = QueuedMessage.objects.filter(pk=message.pk, text=message.text, state=message.state)
        if message.state == QueueState.REMOVED or not same.delete()[0]:
            raise QueueMoved
    return turns.begin(
        conversation=conversation,
        author=message.author,
        text=message.text,
        send_key=message.send_key,
        pictures=pictures,
    )


def purge() -> None:
    """Forget what was removed and not taken back."""
    removed = QueuedMessage.objects.filter(state=QueueState.REMOVED)
    removed.filter(changed_at__lt=timezone.now() - REMOVED_LASTS).delete()


def forget(user: User) -> None:
    """What somebody who is erased has not sent."""
    QueuedMessage.objects.filter(author=user).delete()


def _change(message: QueuedMessage, **fields: object) -> None:
    with _changing(message.conversation):
        waiting = QueuedMessage.objects.waiting().filter(pk=message.pk)
        if not waiting.update(**fields, changed_at=timezone.now()):
            raise QueueMoved


@contextmanager
def _changing(conversation: Conversation) -> Iterator[None]:
    """One transaction, which has the conversation to itself and says that its queue has changed."""
    with transaction.atomic():
        revisions.advance(conversation)
        yield
        Conversation.objects.filter(pk=conversation.pk).update(queue_revision=F("revision"))
