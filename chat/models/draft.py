"""What somebody is writing and has not sent."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

if TYPE_CHECKING:
    from chat.models.conversation import Conversation
    from chat.models.user import User

LONGEST_DRAFT = 200_000


class DraftQuerySet(models.QuerySet["Draft"]):
    def of(self, user: User) -> Self:
        return self.filter(user=user)

    def beside(self, conversation: Conversation | None) -> Self:
        """What stands in the composer of a conversation, or in that of a new one."""
        return self.filter(conversation=conversation)


class Draft(models.Model):
    """One a person and composer. A row without text says which version was the last: what an older
    page still sends is then known to be older."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="drafts"
    )
    conversation = models.ForeignKey(
        "chat.Conversation", null=True, on_delete=models.CASCADE, related_name="drafts"
    )
    text = models.TextField()
    # Named by the page that wrote it, so that it knows the name even if no answer came.
    version = models.UUIDField(default=uuid.uuid4)
    edited_at = models.DateTimeField(default=timezone.now)

    objects = DraftQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user", "conversation"), name="draft_one_a_person_and_conversation"
            ),
            models.UniqueConstraint(
                fields=("user",),
                condition=Q(conversation=None),
                name="draft_one_a_person_for_a_new_conversation",
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("text"), LONGEST_DRAFT),
                name="draft_has_a_bounded_length",
            ),
        )

    def __str__(self) -> str:
        # Not what it says.
        return f"draft {self.pk}"
