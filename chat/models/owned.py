"""What one person makes for themselves, or an administrator for all: by a name, and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from chat.models.user import User

NAME_LENGTH = 60
AnyOwned = TypeVar("AnyOwned", bound="Owned")


class OwnedQuerySet(models.QuerySet[AnyOwned]):
    def usable_by(self, user: User | AnonymousUser) -> Self:
        """What is theirs, and what is shared."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        return self.filter(Q(owner=user.pk) | Q(owner=None), deleted_at=None)

    def changeable_by(self, user: User | AnonymousUser) -> Self:
        """What is theirs, and for an administrator what is shared."""
        return self._in_the_hands_of(user).filter(deleted_at=None)

    def deleted_by(self, user: User | AnonymousUser) -> Self:
        """What was deleted and may still be taken back."""
        return self._in_the_hands_of(user).exclude(deleted_at=None)

    def in_order(self) -> Self:
        """One's own first, each by its name."""
        return self.order_by(F("owner").asc(nulls_last=True), Lower("name"), "pk")

    def _in_the_hands_of(self, user: User | AnonymousUser) -> Self:
        if not (user.is_authenticated and user.is_active):
            return self.none()
        theirs = Q(owner=user.pk)
        return self.filter(theirs | Q(owner=None) if user.is_administrator else theirs)


class Owned(models.Model):
    # Nobody's is everybody's: it is shared. So it may not outlive a person by losing them.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.CASCADE,
        related_name="%(class)ss",
        verbose_name=_("owner"),
    )
    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        constraints = (
            models.UniqueConstraint(
                Lower("name"),
                "owner",
                condition=Q(deleted_at=None),
                name="%(class)s_one_name_a_person",
            ),
            # Two nulls are not the same to the one above.
            models.UniqueConstraint(
                Lower("name"),
                condition=Q(owner=None, deleted_at=None),
                name="%(class)s_one_name_shared",
            ),
        )

    @property
    def is_shared(self) -> bool:
        return self.owner_id is None
