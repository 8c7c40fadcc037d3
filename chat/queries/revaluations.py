"""Which rows a revaluation is about.

A row is to count with the price that is valid at its beginning, as prices stand now; one from
before a model's first price with that. Prices are only ever added, so none counts twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q

from chat.enums import CompletionState
from chat.models import Completion, Price
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
