"""What the provider billed. Nothing is changed: what was wrong is replaced by a later entry."""

from __future__ import annotations

import uuid
from datetime import date
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from chat.completions.events import billed_output
from chat.models.money import MoneyField

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Bill(models.Model):
    """One act of entering: one line, or a file of them."""

    # Made by the form: the same entry that arrives twice is one.
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="bills",
        verbose_name=_("entered by"),
    )
    # Once all of its lines are there: until then none of them counts.
    entered_at = models.DateTimeField(_("entered"), null=True, editable=False)
    file_name = models.CharField(_("file"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("bill")
        verbose_name_plural = _("bills")

    def __str__(self) -> str:
        return f"bill {self.pk}"


class BilledDayQuerySet(models.QuerySet["BilledDay"]):
    def entered(self) -> Self:
        """With `is_replaced`, which says that a later entry counts in its place."""
        later = BilledDay.objects.filter(
            day=OuterRef("day"),
            model=OuterRef("model"),
            pk__gt=OuterRef("pk"),
            bill__entered_at__isnull=False,
        )
        return self.filter(bill__entered_at__isnull=False).annotate(is_replaced=Exists(later))

    def counting(self) -> Self:
        return self.entered().filter(is_replaced=False)

    def between(self, first: date, last: date) -> Self:
        """Both days included."""
        return self.filter(day__gte=first, day__lte=last)


def _count(label: StrOrPromise) -> models.PositiveBigIntegerField[int | None, int | None]:
    """Null where the bill does not say, which is not zero."""
    return models.PositiveBigIntegerField(label, null=True, blank=True)


class BilledDay(models.Model):
    bill = models.ForeignKey(
        Bill, on_delete=models.PROTECT, related_name="days", verbose_name=_("bill")
    )
    # As the provider counts it: which moments these are is a question of the page.
    day = models.DateField(_("day"))
    model = models.CharField(_("model"), max_length=200)
    prompt_tokens = _count(_("tokens in"))
    completion_tokens = _count(_("tokens out"))
    total_tokens = _count(_("tokens in all"))
    amount = MoneyField(_("amount"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    note = models.CharField(_("note"), max_length=300, blank=True)

    objects = BilledDayQuerySet.as_manager()
    # Only where `entered` was asked.
    is_replaced: bool

    FIGURES = (
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "amount",
        "currency",
        "note",
    )

    class Meta:
        verbose_name = _("billed day")
        verbose_name_plural = _("billed days")
        constraints = (
            models.UniqueConstraint(fields=("bill", "day", "model"), name="billed_day_once_a_bill"),
            models.CheckConstraint(
                condition=Q(amount=None, currency="")
                | Q(Q(amount__isnull=False, amount__gte=0), ~Q(currency="")),
                name="billed_day_amount_has_a_currency",
            ),
            models.CheckConstraint(
                condition=Q(amount__isnull=False)
                | Q(prompt_tokens__isnull=False)
                | Q(completion_tokens__isnull=False)
                | Q(total_tokens__isnull=False),
                name="billed_day_says_something",
            ),
        )
        indexes = (models.Index(fields=("day", "model"), name="billed_day_by_day"),)

    def __str__(self) -> str:
        return f"{self.day} {self.model}"

    @property
    def key(self) -> tuple[date, str]:
        """Of all that have the same, the latest counts."""
        return self.day, self.model

    @property
    def figures(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.FIGURES)

    @property
    def output(self) -> int | None:
        """Tokens out, with the thinking that some providers count only in the total."""
        return billed_output(
            prompt=self.prompt_tokens,
            completion=self.completion_tokens,
            total=self.total_tokens,
            reasoning=None,
        )
