"""A message that waits for the end of a reply before it is sent."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.enums import MessageState, QueueState
from chat.models.conversation import Conversation
from chat.models.message import Message

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from chat.models.user import User


class QueuedMessageQuerySet(models.QuerySet["QueuedMessage"]):
    def open_to(self, user: User | AnonymousUser) -> Self:
        """What `user` may change: whoever may write in a conversation has its queue too."""
        return self.filter(conversation__in=Conversation.objects.open_to(user))

    def waiting(self) -> Self:
        return self.exclude(state=QueueState.REMOVED)

    def due(self) -> Self:
        """Ready, where the newest reply has come to its own end and is shown. After a stop or a
        failure, and beside an earlier version, its author alone knows whether it still fits."""
        messages = Message.objects.filter(conversation=OuterRef("conversation"))
        return self.filter(
            ~Exists(messages.running()),
            ~Exists(messages.filter(pk__gt=OuterRef("conversation__head"))),
            state=QueueState.READY,
            conversation__deleted_at=None,
            conversation__head__state=MessageState.COMPLETE,
            author__is_active=True,
        )

    def first_first(self) -> Self:
        return self.order_by("pk")


class QueuedMessage(models.Model):
    """It becomes a prompt with the same send key, and is gone in the transaction that makes it."""

    conversation = models.ForeignKey(
        "chat.Conversation",
        on_delete=models.CASCADE,
        related_name="queue",
        verbose_name=_("conversation"),
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("author"),
    )
    text = models.TextField()
    send_key = models.UUIDField(default=uuid.uuid4, editable=False)
    state = models.CharField(
        _("state"), max_length=8, choices=QueueState.choices, default=QueueState.READY
    )
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)

    objects = QueuedMessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("queued message")
        verbose_name_plural = _("queued messages")
        constraints = (
            models.UniqueConstraint(
                fields=("author", "send_key"), name="queued_message_send_key_is_used_once"
            ),
        )

    def __str__(self) -> str:
        # Not its text, which is what somebody wrote.
        return f"queued message {self.pk}"
