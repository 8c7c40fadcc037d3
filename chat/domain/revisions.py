"""A conversation's revision: raised by every change, so that a page knows what it has not seen."""

from __future__ import annotations

import uuid

from django.db.models import F

from chat.models import Conversation, Message


class ConversationGone(Exception):
    """The conversation was deleted meanwhile."""


def lock(message_id: int) -> uuid.UUID | None:
    """Make the row of a message's conversation this transaction's, before the message itself.

    Every deed begins with the conversation: two that took the rows in different orders could wait
    for each other, which PostgreSQL ends by refusing one. SQLite has one writer at a time anyway.
    Gives the conversation's id, or None when both are gone.
    """
    rows = Conversation.objects.select_for_update(of=("self",)).filter(messages=message_id)
    return rows.values_list("pk", flat=True).first()


def advance(conversation: Conversation) -> int:
    """Take the next revision; the row is this transaction's from here on."""
    changed = Conversation.objects.filter(pk=conversation.pk, deleted_at=None).update(
        revision=F("revision") + 1
    )
    if not changed:
        raise ConversationGone
    conversation.refresh_from_db(fields=("revision", "branch_revision", "queue_revision", "head"))
    return conversation.revision


def touch(conversation_id: uuid.UUID, message_ids: list[int]) -> None:
    """Say that these messages changed, under a new revision of their conversation.

    As `advance` takes one, though it be deleted.
    """
    Conversation.objects.filter(pk=conversation_id).update(revision=F("revision") + 1)
    revision = Conversation.objects.values_list("revision", flat=True).get(pk=conversation_id)
    Message.objects.filter(pk__in=message_ids).update(revision=revision)
