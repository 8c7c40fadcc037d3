"""A conversation: a tree of messages with one owner and a revision that every change raises."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import FilteredRelation, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.enums import TitleFrom
from chat.models.share_link import ShareLink

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from chat.models.draft import Draft
    from chat.models.user import User

TITLE_LENGTH = 120


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Everything that is `user`'s to read. There is one other door, that of a link."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        return self.filter(owner_id=user.pk, deleted_at=None)

    def open_to(self, user: User | AnonymousUser) -> Self:
        """Everything `user` may write in."""
        return self.visible_to(user)

    def readable_through(self, token: str, user: User | AnonymousUser) -> Self:
        """What the link with this token opens to `user`, who may be anybody that is signed in."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        links = ShareLink.objects.current(timezone.now()).with_token(token)
        return self.filter(pk__in=links.values("conversation")).select_related("owner")

    def seen_by(self, user: User | AnonymousUser, *, share: str = "") -> Self:
        """By the door through which `user` came: that of a link if there is its token."""
        return self.readable_through(share, user) if share else self.visible_to(user)

    def deleted_by(self, user: User | AnonymousUser) -> Self:
        """What `user` deleted and may still take back."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        return self.filter(owner_id=user.pk).exclude(deleted_at=None)

    def with_draft_of(self, user: User) -> Self:
        """Each with what `user` is writing in it, as its `draft`, by the same query."""
        theirs = FilteredRelation("drafts", condition=Q(drafts__user=user))
        return self.annotate(draft=theirs).select_related("draft")

    def newest_first(self) -> Self:
        return self.order_by("-active_at", "-pk")


class Conversation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="conversations",
        verbose_name=_("owner"),
    )
    title = models.CharField(_("title"), max_length=TITLE_LENGTH)
    title_from = models.CharField(
        max_length=6,
        choices=TitleFrom.choices,
        default=TitleFrom.WORDS,
        db_default=TitleFrom.WORDS,
        editable=False,
    )
    model = models.CharField(_("model"), max_length=200)
    system_prompt = models.TextField(_("system prompt"), blank=True)
    # As `domain.parameters.Parameters` reads and writes it; what is not set is not there.
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    # The newest message of the branch that is shown; the page is the path from it to the root.
    head = models.ForeignKey(
        "chat.Message", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    revision = models.PositiveBigIntegerField(_("revision"), default=0)
    # The revision at which another branch came to be shown: older pages need the whole thread.
    branch_revision = models.PositiveBigIntegerField(default=0)
    # The revision at which it got this title.
    title_revision = models.PositiveBigIntegerField(default=0, db_default=0)
    # The revision at which its queue changed; 0 where nothing was ever queued.
    queue_revision = models.PositiveBigIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(_("begun"), default=timezone.now, editable=False)
    active_at = models.DateTimeField(_("last active"), default=timezone.now)
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True)

    # Of one that was found `with_draft_of` somebody who writes in it.
    draft: Draft | None = None

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        indexes = (
            models.Index(
                fields=("owner", "-active_at", "-id"),
                name="conversation_sidebar",
                condition=models.Q(deleted_at=None),
            ),
        )

    def __str__(self) -> str:
        # Not its title, which is what somebody wrote: logs and the admin show this.
        return f"conversation {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("conversation", args=(self.pk,))
