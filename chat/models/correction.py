"""What a row of the ledger costs after all: a new entry beside the row, which stays as it was.

A `Revaluation` is the deed, with who, when and why; a `Correction` is one row's new cost by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.budget import amount_of
from chat.models.money import Amounts, MoneyField

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def _known(label: StrOrPromise) -> models.Field[Decimal, Decimal]:
    return MoneyField(label)  # type: ignore[return-value]


class RevaluationQuerySet(models.QuerySet["Revaluation"]):
    def under_way(self) -> Self:
        return self.filter(finished_at=None)

    def of(self, model: str) -> Revaluation | None:
        """The newest of a model, if there is one."""
        return self.filter(model=model).newest_first().first()

    def newest_first(self) -> Self:
        return self.order_by("-made_at", "-pk")


class Revaluation(models.Model):
    """It is made in batches, and goes on behind the row that it reached, whoever goes on."""

    model = models.CharField(_("model"), max_length=200)
    includes_priced = models.BooleanField(_("those with a cost too"), default=False)
    reason = models.CharField(_("reason"), max_length=300)
    # Nobody, where it was made on the server's command line.
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("made by"),
    )
    made_at = models.DateTimeField(_("made"), default=timezone.now)
    # Keys of ledger rows: what was looked at, and the last there was when it began.
    reached = models.BigIntegerField(default=0)
    last = models.BigIntegerField()
    finished_at = models.DateTimeField(_("ended"), null=True)
    # What it has changed so far: how many rows, those of them whose cost was not known, and what
    # they cost before and after it, in the smallest parts of each currency.
    rows = models.BigIntegerField(default=0)
    unpriced = models.BigIntegerField(default=0)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    objects = RevaluationQuerySet.as_manager()

    class Meta:
        verbose_name = _("revaluation")
        verbose_name_plural = _("revaluations")
        constraints = (
            models.UniqueConstraint(
                fields=("model",),
                condition=Q(finished_at=None),
                name="revaluation_one_at_a_time_of_a_model",
            ),
        )

    def __str__(self) -> str:
        return f"revaluation {self.pk} of {self.model}"

    @property
    def costs_before(self) -> Amounts:
        return _amounts(self.before)

    @property
    def costs_after(self) -> Amounts:
        return _amounts(self.after)

    @property
    def difference(self) -> Amounts:
        """By how much it has changed the sums, in which what was unknown was not a part."""
        changed = Counter(self.after)
        changed.subtract(self.before)
        return _amounts(changed)


def _amounts(parts: Mapping[str, int]) -> Amounts:
    return tuple((currency, amount_of(parts[currency])) for currency in sorted(parts))


class Correction(models.Model):
    # By the constraint on row and price it has an index already.
    completion = models.ForeignKey(
        "chat.Completion",
        on_delete=models.PROTECT,
        related_name="corrections",
        db_index=False,
        verbose_name=_("completion"),
    )
    revaluation = models.ForeignKey(
        Revaluation,
        on_delete=models.PROTECT,
        related_name="corrections",
        verbose_name=_("revaluation"),
    )
    price = models.ForeignKey(
        "chat.Price", on_delete=models.PROTECT, related_name="+", verbose_name=_("price")
    )
    # The correction that counted before this one; the first of a row replaces what it was closed
    # with. So a row's corrections are a chain, and two that race cannot both be its next link.
    replaces = models.OneToOneField(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="replaced_by",
        verbose_name=_("replaces"),
    )
    cost = _known(_("cost"))
    cost_low = _known(_("cost, at least"))
    cost_high = _known(_("cost, at most"))

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        constraints = (
            models.UniqueConstraint(
                fields=("completion", "price"), name="correction_one_a_row_and_price"
            ),
            models.UniqueConstraint(
                fields=("completion",),
                condition=Q(replaces=None),
                name="correction_one_first_of_a_row",
            ),
            models.CheckConstraint(
                condition=Q(cost__gte=F("cost_low"), cost__lte=F("cost_high")),
                name="correction_lies_in_its_bounds",
            ),
        )

    def __str__(self) -> str:
        return f"correction {self.pk} of completion {self.completion_id}"
