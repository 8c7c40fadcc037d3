"""What people think of answers: given, explained, changed, taken back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.utils import timezone

from chat.enums import REASONS, Verdict
from chat.models import Feedback, Message, User
from chat.queries import thread


def give(*, user: User, reply: Message, verdict: Verdict) -> Feedback:
    """Of a reply that is over. Another verdict takes the reasons of the earlier one with it."""
    before = Feedback.objects.of(user).filter(message=reply).first()
    if before is not None and before.verdict == verdict:
        return before
    given, _ = Feedback.objects.update_or_create(
        message=reply,
        user=user,
        defaults={
            "model": thread.model_of(reply),
            "verdict": verdict,
            "reasons": [],
            "given_at": timezone.now(),
        },
    )
    return given


def explain(given: Feedback, *, reasons: Sequence[str], text: str, may_be_read: bool) -> None:
    """`may_be_read` is of the words: without any there is nothing to be read."""
    Feedback.objects.filter(pk=given.pk).update(
        reasons=[why for why in REASONS[Verdict(given.verdict)] if why in reasons],
        text=text,
        may_be_read=may_be_read and bool(text),
    )


def take_back(*, user: User, reply: Message) -> None:
    Feedback.objects.of(user).filter(message=reply).delete()


def forget(user: User) -> None:
    """Within the transaction that makes a pseudonym of `user`: what they wrote."""
    Feedback.objects.of(user).update(text="", may_be_read=False)


def forget_words(conversation_id: uuid.UUID) -> None:
    """Before a chat is removed for good: nobody could take its words back any more."""
    rows = Feedback.objects.filter(message__conversation=conversation_id)
    rows.exclude(text="").update(text="", may_be_read=False)
