"""What somebody is to be told once: on their pages, and by mail where mail is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from chat.enums import News
from chat.models.user import User


class NoticeQuerySet(models.QuerySet["Notice"]):
    def of(self, user: User) -> Self:
        return self.filter(user=user)

    def unread(self, moment: datetime) -> Self:
        """What is news still, the newest first."""
        return self.filter(read_at=None, expires_at__gt=moment).order_by("-created_at", "-pk")

    def due(self, moment: datetime) -> Self:
        """What is to be mailed, or was to be by a process that has not said that it did."""
        return self.filter(mail_at__lte=moment).order_by("mail_at", "pk")


class Notice(models.Model):
    """A row of an outbox: written in the transaction of what it tells of, so that it is lost with
    it or not at all. `figures` are what its words are made of when it is shown or sent, in the
    language of whoever reads."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices"
    )
    kind = models.CharField(max_length=20, choices=News.choices)
    # A later one about the same thing takes the place of an earlier one on the pages.
    subject = models.CharField(max_length=60)
    figures = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    # When it is no news any more.
    expires_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    # When it is to be mailed, or tried again; null if it is not, or was.
    mail_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=("user",), condition=Q(read_at=None), name="notice_unread"),
            models.Index(
                fields=("mail_at",), condition=Q(mail_at__isnull=False), name="notice_to_mail"
            ),
        )

    def __str__(self) -> str:
        return f"notice {self.pk} ({self.kind})"
