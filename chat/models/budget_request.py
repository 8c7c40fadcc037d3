"""Who asked for more of a budget than it has, and what became of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.enums import RequestState
from chat.models.budget import Budget

LONGEST_WORDS = 500


class BudgetRequestQuerySet(models.QuerySet["BudgetRequest"]):
    def open(self) -> Self:
        return self.filter(state=RequestState.OPEN)

    def decided(self) -> Self:
        return self.exclude(state=RequestState.OPEN)

    def granted_at(self, moment: datetime) -> Self:
        """What raises limits at this moment."""
        return self.filter(state=RequestState.GRANTED, until__gt=moment)

    def with_names(self) -> Self:
        """What a page says of each: whose budget it is, who asked, who decided."""
        return self.select_related("budget__user", "budget__group", "user", "decided_by")

    def oldest_first(self) -> Self:
        return self.order_by("asked_at", "pk")

    def newest_first(self) -> Self:
        return self.order_by("-asked_at", "-pk")


class BudgetRequest(models.Model):
    """What is granted raises the limit until its time is over: of the person who asked, or of all
    where the budget is had together. A decision is never changed; another request may follow."""

    budget = models.ForeignKey(
        Budget, on_delete=models.CASCADE, related_name="requests", verbose_name=_("budget")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="budget_requests",
        verbose_name=_("person"),
    )
    reason = models.CharField(_("reason"), max_length=LONGEST_WORDS)
    state = models.CharField(
        _("state"), max_length=8, choices=RequestState.choices, default=RequestState.OPEN
    )
    asked_at = models.DateTimeField(_("asked"), default=timezone.now)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("decided by"),
    )
    words = models.CharField(_("words"), max_length=LONGEST_WORDS, blank=True)
    # In the smallest parts of the budget.
    granted = models.BigIntegerField(_("granted"), null=True, blank=True)
    until = models.DateTimeField(_("until"), null=True, blank=True)

    objects = BudgetRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("request for more")
        verbose_name_plural = _("requests for more")
        constraints = (
            models.UniqueConstraint(
                fields=("budget", "user"),
                condition=Q(state=RequestState.OPEN),
                name="budget_request_one_open",
            ),
            models.CheckConstraint(
                # A comparison with null would be true enough.
                condition=Q(
                    state=RequestState.GRANTED,
                    granted__isnull=False,
                    granted__gt=0,
                    until__isnull=False,
                )
                | Q(~Q(state=RequestState.GRANTED), granted=None, until=None),
                name="budget_request_grants_something_until",
            ),
            models.CheckConstraint(
                condition=Q(state=RequestState.OPEN, decided_at=None)
                | Q(~Q(state=RequestState.OPEN), decided_at__isnull=False),
                name="budget_request_decided_iff_not_open",
            ),
        )
        indexes = (models.Index(fields=("user", "asked_at"), name="budget_request_of_user"),)

    def __str__(self) -> str:
        return f"request {self.pk} for more of budget {self.budget_id}"

    @property
    def last_day(self) -> date | None:
        """The team's day with whose end it is over."""
        if self.until is None:
            return None
        zone = timezone.get_default_timezone()
        return timezone.localdate(self.until - timedelta(seconds=1), zone)
