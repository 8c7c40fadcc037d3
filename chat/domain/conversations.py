"""What happens to a conversation as a whole: a title, settings, its end and its return."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from chat.domain import feedback
from chat.domain.parameters import Parameters
from chat.enums import TitleFrom
from chat.models import Completion, Conversation, Message, User
from chat.models.conversation import ConversationQuerySet

KEPT_AFTER_DELETING = timedelta(days=7)
MESSAGES_AT_ONCE = 100


def rename(conversation: Conversation, *, title: str) -> None:
    _change(
        conversation,
        title=title,
        title_from=TitleFrom.PERSON,
        title_revision=F("revision") + 1,
    )


def configure(
    conversation: Conversation, *, model: str, system_prompt: str, parameters: Parameters
) -> None:
    _change(
        conversation,
        model=model,
        system_prompt=system_prompt,
        parameters=parameters.to_json(),
    )


@transaction.atomic
def delete(conversation: Conversation) -> list[int]:
    """Put it out of sight, where it can be taken back for a week. Gives the replies to stop."""
    _change(conversation, deleted_at=timezone.now())
    running = Message.objects.filter(conversation=conversation).running()
    running.filter(stop_requested_at=None).update(stop_requested_at=timezone.now())
    return list(running.values_list("pk", flat=True))


def restore(conversation: Conversation) -> None:
    _change(conversation, deleted_at=None)


@transaction.atomic
def show_branch(conversation: Conversation, *, through: Message) -> None:
    """Show the branch that leads through this message, to the end that was shown last after it."""
    _change(conversation, branch_revision=F("revision") + 1)
    head = _end_shown_last(conversation, after=through.pk)
    Message.objects.filter(pk=head).update(shown_revision=conversation.revision)
    conversation.head_id = head
    conversation.save(update_fields=("head",))


def _end_shown_last(conversation: Conversation, *, after: int) -> int:
    """Among all that follows a message, itself included; the newest where nothing tells."""
    rows = conversation.messages.oldest_first().values_list("pk", "parent_id", "shown_revision")
    shown: dict[int, int] = {}
    for key, parent, revision in rows:
        if key == after or parent in shown:
            shown[key] = revision
    return max(shown, key=lambda key: (shown[key], key), default=after)


def purge() -> int:
    """Remove for good what was deleted long enough ago; the ledger keeps its rows. One by one,
    because on SQLite a long transaction would hold up every running reply."""
    gone = Conversation.objects.filter(deleted_at__lt=timezone.now() - KEPT_AFTER_DELETING)
    ids = list(gone.values_list("pk", flat=True))
    for key in ids:
        if not Message.objects.filter(conversation=key).running().exists():
            # Unless it was taken back meanwhile.
            _forget_and_delete(gone, key)
    purge_of_the_erased()
    return len(ids)


def give_up(*, owner: User) -> None:
    """Put all that somebody has out of sight, and tell what runs there to stop: whoever runs it
    finds the mark at once."""
    theirs = Conversation.objects.filter(owner=owner)
    theirs.filter(deleted_at=None).update(deleted_at=timezone.now(), revision=F("revision") + 1)
    running = Message.objects.filter(conversation__owner=owner).running()
    running.filter(stop_requested_at=None).update(stop_requested_at=timezone.now())


def purge_of_the_erased() -> None:
    """Remove for good what belongs to nobody any more, but not under a reply that still ends, or
    whose figures are still being read."""
    for key in Conversation.objects.filter(owner__erased_at__isnull=False).values_list(
        "pk", flat=True
    ):
        runs = Message.objects.filter(conversation=key).running().exists()
        if not runs and not Completion.objects.filter(conversation=key).open().exists():
            _remove(key)


@transaction.atomic
def _forget_and_delete(gone: ConversationQuerySet, key: uuid.UUID) -> None:
    if gone.filter(pk=key).exists():
        feedback.forget_words(key)
        gone.filter(pk=key).delete()


def _remove(key: uuid.UUID) -> None:
    """The newest messages first, so that none goes with the one that it answers: each step is
    short."""
    feedback.forget_words(key)
    newest = Message.objects.filter(conversation=key).order_by("-pk").values_list("pk", flat=True)
    while batch := list(newest[:MESSAGES_AT_ONCE]):
        Message.objects.filter(pk__in=batch).delete()
    Conversation.objects.filter(pk=key).delete()


def _change(conversation: Conversation, **fields: object) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(**fields, revision=F("revision") + 1)
    conversation.refresh_from_db()
