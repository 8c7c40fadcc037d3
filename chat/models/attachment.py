"""A picture that somebody sends with a prompt, or has put beside one that is not sent yet."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.conversation import Conversation

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from chat.models.user import User

ALT_LENGTH = 300


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those of conversations that `user` may read, and what they have not sent yet."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        conversations = Conversation.objects.visible_to(user)
        return self.filter(
            Q(message=None, uploader=user.pk) | Q(message__conversation__in=conversations)
        )

    def unsent_by(self, user: User | AnonymousUser) -> Self:
        """What `user` may still change or take away."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        return self.unsent().filter(uploader=user.pk)

    def unsent(self) -> Self:
        """What lies in composers: neither sent nor waiting to be."""
        return self.filter(message=None, queued=None)

    def beside(self, conversation: Conversation | None) -> Self:
        """What lies in the composer of a conversation, or in that of a new one."""
        return self.filter(conversation=conversation)

    def unsent_before(self, moment: datetime) -> Self:
        return self.unsent().filter(created_at__lt=moment)

    def in_order(self) -> Self:
        return self.order_by("message", "position", "created_at", "pk")

    def named(self, ids: Sequence[uuid.UUID]) -> list[Attachment]:
        """Those of these that there are, in the order of their names."""
        found = {attachment.pk: attachment for attachment in self.filter(pk__in=ids)}
        return [found[key] for key in ids if key in found]


class Attachment(models.Model):
    """Its bytes are files, by what they are: several rows may name the same one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    uploader = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="attachments",
        verbose_name=_("uploaded by"),
    )
    # None until it is sent.
    message = models.ForeignKey(
        "chat.Message",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="attachments",
        verbose_name=_("message"),
    )
    # In whose composer it lies until then; none is that of a new conversation.
    conversation = models.ForeignKey(
        "chat.Conversation",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("conversation"),
    )
    # With which message it waits for the end of a reply.
    queued = models.ForeignKey(
        "chat.QueuedMessage",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="attachments",
        verbose_name=_("queued message"),
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    sha256 = models.CharField("SHA-256", max_length=64, db_index=True)
    small_sha256 = models.CharField(_("SHA-256 of the small one"), max_length=64, db_index=True)
    content_type = models.CharField(_("kind"), max_length=32)
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    size = models.PositiveIntegerField(_("bytes"))
    alt = models.CharField(_("description"), max_length=ALT_LENGTH, blank=True)
    created_at = models.DateTimeField(_("uploaded"), default=timezone.now, editable=False)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        constraints = (
            models.CheckConstraint(
                condition=Q(message=None, conversation=None)
                | Q(message=None, queued=None)
                | Q(conversation=None, queued=None),
                name="attachment_lies_in_one_place",
            ),
        )
        indexes = (
            models.Index(
                fields=("uploader", "created_at"),
                name="attachment_unsent",
                condition=Q(message=None),
            ),
        )

    def __str__(self) -> str:
        # Not its description, which is what somebody wrote.
        return f"picture {self.pk}"

    @property
    def small_size(self) -> tuple[int, int]:
        """As large as the thread shows it, so that its place is kept before it is there."""
        share = min(1.0, SHOWN_WIDTH / self.width, SHOWN_HEIGHT / self.height)
        return max(1, round(self.width * share)), max(1, round(self.height * share))


# Pixels of the page.
SHOWN_WIDTH, SHOWN_HEIGHT = 320, 240
