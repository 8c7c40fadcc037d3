"""Which rows a revaluation is about, and what it has changed.

A row is to count with the price that is valid at its beginning, as prices stand now; one from
before a model's first price with that. Prices are only ever added, so none counts twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce

from chat.enums import CompletionState
from chat.models import Completion, Correction, Price, Revaluation
from chat.models.completion import CompletionQuerySet
from chat.queries import costs
from chat.queries.replay import loads_of
from chat.queries.usage import Amounts


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time in which a price is the one that rows are to count with."""

    price: Price
    start: datetime | None
    end: datetime | None

    @property
    def within(self) -> Q:
        begun = Q() if self.start is None else Q(started_at__gte=self.start)
        return begun if self.end is None else begun & Q(started_at__lt=self.end)

    def holds(self, moment: datetime) -> bool:
        is_begun = self.start is None or self.start <= moment
        return is_begun and (self.end is None or moment < self.end)


def stretches(prices: Sequence[Price]) -> list[Stretch]:
    """Of a model's prices, the earliest first."""
    starts = [None, *(price.effective_from for price in prices[1:])]
    ends = [*starts[1:], None]
    return [Stretch(*each) for each in zip(prices, starts, ends, strict=False)]


def concerned(model: str, found: Sequence[Stretch], *, includes_priced: bool) -> CompletionQuerySet:
    """Rows that are to count with something else than they do, with what that is."""
    rows = costs.valued(Completion.objects.filter(model_asked=model))
    if not includes_priced:
        return rows.unpriced()
    wrong = Q(pk__in=())
    for stretch in found:
        by_another = Q(valued_price=None) | ~Q(valued_price=stretch.price.pk)
        wrong |= stretch.within & by_another
    billed = (CompletionState.FINAL, CompletionState.ESTIMATED)
    return rows.filter(wrong, state__in=billed)


def worth(prices: Sequence[Price]) -> Amounts:
    """What a model's requests without a cost would get. A query for each price."""
    sums: dict[str, Decimal] = {}
    for stretch in stretches(prices):
        price = stretch.price
        rows = Completion.objects.filter(stretch.within, model_asked=price.model).unpriced()
        for load in loads_of(rows, {price.model: price}):
            sums[price.currency] = sums.get(price.currency, Decimal(0)) + load.cost(price)
    return tuple(sorted(sums.items()))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a revaluation has changed: how many rows, and what they cost before and after it."""

    revaluation: Revaluation
    rows: int = 0
    # Of them, those whose cost was not known.
    unpriced: int = 0
    before: Amounts = ()
    after: Amounts = ()

    @property
    def difference(self) -> Amounts:
        """By how much it has changed the sums, in which what was unknown was not a part."""
        left = dict(self.after)
        for currency, amount in self.before:
            left[currency] = left.get(currency, Decimal(0)) - amount
        return tuple(sorted(left.items()))


@dataclass(slots=True)
class _Sums:
    rows: int = 0
    unpriced: int = 0
    before: dict[str, Decimal] = field(default_factory=dict)
    after: dict[str, Decimal] = field(default_factory=dict)

    def add(self, line: dict[str, Any]) -> None:
        self.rows += line["rows"]
        if line["was"]:
            self.before[line["was"]] = self.before.get(line["was"], Decimal(0)) + line["before"]
        else:
            self.unpriced += line["rows"]
        now = line["price__currency"]
        self.after[now] = self.after.get(now, Decimal(0)) + line["after"]


def outcomes(revaluations: Iterable[Revaluation]) -> list[Outcome]:
    """Of each, in the same order. One query, over their corrections."""
    listed = list(revaluations)
    sums = {revaluation.pk: _Sums() for revaluation in listed}
    for line in _lines(listed):
        sums[line["revaluation"]].add(line)
    return [_outcome(revaluation, sums[revaluation.pk]) for revaluation in listed]


def _lines(revaluations: list[Revaluation]) -> Iterator[dict[str, Any]]:
    replaced = Correction.objects.filter(revaluation__in=revaluations).annotate(
        was=Coalesce("replaces__price__currency", "completion__price__currency"),
        cost_before=Coalesce(F("replaces__cost"), F("completion__cost")),
    )
    by = ("revaluation", "was", "price__currency")
    sums = {"rows": Count("pk"), "before": Sum("cost_before"), "after": Sum("cost")}
    yield from replaced.values(*by).annotate(**sums).order_by(*by)


def _outcome(revaluation: Revaluation, sums: _Sums) -> Outcome:
    return Outcome(
        revaluation,
        rows=sums.rows,
        unpriced=sums.unpriced,
        before=tuple(sorted(sums.before.items())),
        after=tuple(sorted(sums.after.items())),
    )
