"""An address by which colleagues read a conversation that is not theirs, and who has opened it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


def digest_of(token: str) -> str:
    """What is kept of a token. It is long and random, so that a plain hash cannot be guessed."""
    return hashlib.sha256(token.encode()).hexdigest()


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def current(self, moment: datetime) -> Self:
        """Those that open something. A link opens no more than its conversation's owner may see."""
        return self.filter(
            revoked_at=None,
            expires_at__gt=moment,
            conversation__deleted_at=None,
            conversation__owner__is_active=True,
        )

    def with_token(self, token: str) -> Self:
        return self.filter(token_hash=digest_of(token))

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")


class ShareLink(models.Model):
    conversation = models.ForeignKey(
        "chat.Conversation", on_delete=models.CASCADE, related_name="share_links"
    )
    # The token itself is in the address, and nowhere else.
    token_hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="share_links"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")),
                name="share_link_ends_after_it_was_made",
            ),
        )

    def __str__(self) -> str:
        return f"share link {self.pk}"

    @property
    def is_over(self) -> bool:
        return self.revoked_at is not None or self.expires_at <= timezone.now()


class ShareOpening(models.Model):
    """That somebody has opened a link, and how often: whoever shares sees it, and readers know."""

    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="openings")
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="share_openings"
    )
    times = models.PositiveIntegerField(default=1)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("link", "reader"), name="share_opening_one_a_reader"),
        )

    def __str__(self) -> str:
        return f"opening of share link {self.link_id} by {self.reader_id}"
