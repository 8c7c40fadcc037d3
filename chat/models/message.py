"""One node of a conversation's tree: a person's prompt, or the model's reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.completions.verdict import is_cut
from chat.enums import RUNNING_STATES, MessageState, Role
from chat.models.literals import literals

if TYPE_CHECKING:
    from chat.models.user import User


class MessageQuerySet(models.QuerySet["Message"]):
    def replies(self) -> Self:
        return self.filter(role=Role.ASSISTANT)

    def written_by(self, author: User) -> Self:
        """Prompts: a reply has no author."""
        return self.filter(author=author)

    def running(self) -> Self:
        return self.filter(state__in=literals(RUNNING_STATES))

    def over(self) -> Self:
        return self.exclude(state__in=literals(RUNNING_STATES))

    def changed_since(self, revision: int) -> Self:
        return self.filter(revision__gt=revision)

    def oldest_first(self) -> Self:
        return self.order_by("pk")


class Message(models.Model):
    conversation = models.ForeignKey(
        "chat.Conversation",
        on_delete=models.CASCADE,
        related_name="messages",
        verbose_name=_("conversation"),
    )
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="children",
        verbose_name=_("answer to"),
    )
    role = models.CharField(_("role"), max_length=10, choices=Role.choices)
    # Who wrote a prompt. A reply has no author: the model is named by its completions.
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="prompts",
        verbose_name=_("author"),
    )
    text = models.TextField(blank=True)
    # What this reply alone is asked with, written as those of conversations; null: with those.
    parameters = models.JSONField(_("parameters"), null=True, blank=True)
    reasoning = models.TextField(blank=True)
    state = models.CharField(
        _("state"), max_length=12, choices=MessageState.choices, default=MessageState.COMPLETE
    )
    # Why a reply failed or was interrupted, as `enums.Fault` names it.
    error = models.CharField(_("error"), max_length=32, blank=True)
    finish_reason = models.CharField("finish_reason", max_length=64, blank=True)
    # How many pictures came with a prompt, so that nobody looks for those of one without any.
    pictures = models.PositiveSmallIntegerField(_("pictures"), default=0, db_default=0)
    # Made by the form that sends a prompt: the same key twice is the same send, not a second one.
    send_key = models.UUIDField(null=True, blank=True, editable=False)
    # The process that runs this reply; each of its writes is conditional on it.
    claim = models.UUIDField(_("run by"), null=True, blank=True, editable=False)
    stop_requested_at = models.DateTimeField(_("told to stop"), null=True, blank=True)
    # The conversation's revision at the last change of this message.
    revision = models.PositiveBigIntegerField(_("revision"), default=0)
    # The conversation's revision at which it came to be the end of the branch that is shown.
    shown_revision = models.PositiveBigIntegerField(default=0, db_default=0)
    # The first message that the request for this reply holds; null where that is the conversation's
    # first. On every branch a message has a greater number than those before it.
    history_from = models.PositiveBigIntegerField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("begun"), default=timezone.now, editable=False)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = (
            models.UniqueConstraint(
                fields=("author", "send_key"),
                name="message_send_key_is_used_once",
            ),
            models.UniqueConstraint(
                fields=("conversation",),
                condition=Q(state__in=RUNNING_STATES, stop_requested_at=None),
                name="message_one_running_reply_a_conversation",
            ),
            models.CheckConstraint(
                condition=Q(state__in=RUNNING_STATES, finished_at=None)
                | Q(~Q(state__in=RUNNING_STATES), finished_at__isnull=False),
                name="message_finished_iff_it_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(role=Role.USER, author__isnull=False, state=MessageState.COMPLETE)
                | Q(role=Role.ASSISTANT, author=None, parent__isnull=False),
                name="message_prompt_has_author_reply_has_parent",
            ),
        )
        indexes = (
            models.Index(fields=("conversation", "revision"), name="message_changes"),
            models.Index(
                fields=("state",),
                condition=Q(state__in=RUNNING_STATES),
                name="message_running",
            ),
        )

    def __str__(self) -> str:
        return f"{self.role} {self.pk}"

    @property
    def can_go_on(self) -> bool:
        """Whether it ended before the model was done, and there is text to go on from."""
        broke_off = self.state in (MessageState.STOPPED, MessageState.INTERRUPTED)
        was_cut = self.state == MessageState.COMPLETE and is_cut(self.finish_reason)
        return bool(self.is_reply and self.text.strip() and (broke_off or was_cut))

    @property
    def asked_parameters(self) -> dict[str, Any]:
        """What it is asked with, this time and each time after a crash."""
        own: dict[str, Any] | None = self.parameters
        theirs: dict[str, Any] = self.conversation.parameters
        return theirs if own is None else own

    @property
    def is_running(self) -> bool:
        return self.state in RUNNING_STATES

    @property
    def is_reply(self) -> bool:
        return self.role == Role.ASSISTANT
