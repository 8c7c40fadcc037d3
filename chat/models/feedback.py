"""What somebody thought of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from chat.enums import Verdict

if TYPE_CHECKING:
    from chat.models.user import User

LONGEST_WORDS = 1000


class FeedbackQuerySet(models.QuerySet["Feedback"]):
    def of(self, user: User) -> Self:
        return self.filter(user=user)

    def readable(self) -> Self:
        """Whose words their author lets reviewers read, as long as the chat itself is there."""
        told = self.filter(may_be_read=True, message__conversation__deleted_at=None)
        return told.exclude(message=None)


class Feedback(models.Model):
    """The verdict outlives the chat, as the ledger does; the words go with it."""

    message = models.ForeignKey(
        "chat.Message", null=True, on_delete=models.SET_NULL, related_name="feedback"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="feedback"
    )
    # The one that was asked, by which the usage tables tell models apart.
    model = models.CharField(max_length=200)
    verdict = models.CharField(max_length=4, choices=Verdict.choices)
    # Of `enums.Why`.
    reasons = models.JSONField(default=list)
    text = models.CharField(max_length=LONGEST_WORDS, blank=True)
    may_be_read = models.BooleanField(default=False)
    given_at = models.DateTimeField(default=timezone.now)

    objects = FeedbackQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("message", "user"), name="feedback_one_a_person_and_reply"
            ),
            models.CheckConstraint(
                condition=models.Q(verdict__in=Verdict.values), name="feedback_is_good_or_bad"
            ),
        )
        indexes = (models.Index(fields=("given_at",), name="feedback_of_a_time"),)

    def __str__(self) -> str:
        return f"feedback {self.pk}"
