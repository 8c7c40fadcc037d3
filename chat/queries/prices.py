"""The price of each model, and what has none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, Sum
from django.utils import timezone

from chat.enums import Grain
from chat.models import Price, Total
from chat.models.total import TotalQuerySet
from chat.queries import calendar

# How long ago what has no price is news.
NEWS_DAYS = 30


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Requests of a model that lack nothing but a price."""

    model: str
    requests: int
    tokens: int


@dataclass(frozen=True, slots=True)
class ModelPrices:
    model: str
    is_offered: bool
    is_used: bool
    # The latest first, those included that are not yet in force.
    history: tuple[Price, ...]
    unpriced: Unpriced
    now: datetime

    @property
    def price(self) -> Price | None:
        """The one in force."""
        return next((each for each in self.history if each.effective_from <= self.now), None)

    @property
    def following(self) -> Price | None:
        """The next that comes into force."""
        coming = [each for each in self.history if each.effective_from > self.now]
        return coming[-1] if coming else None

    @property
    def is_concerned(self) -> bool:
        return self.is_offered or self.is_used


def board(*, offered: Iterable[str]) -> list[ModelPrices]:
    """Every model that is offered, used or priced: those that need a price first, and those that
    nobody uses last. Two queries."""
    offered = set(offered)
    history: dict[str, list[Price]] = defaultdict(list)
    for price in Price.objects.order_by("model", "-effective_from"):
        history[price.model].append(price)
    used = {each.model: each for each in _unpriced(Total.objects.by(Grain.MONTH))}
    now = timezone.now()
    models = [
        ModelPrices(
            model=model,
            is_offered=model in offered,
            is_used=model in used,
            history=tuple(history.get(model, ())),
            unpriced=used.get(model, Unpriced(model, 0, 0)),
            now=now,
        )
        for model in offered | used.keys() | history.keys()
    ]
    return sorted(models, key=_most_urgent_first)


def of_model(model: str, *, offered: Iterable[str]) -> ModelPrices | None:
    """None of a model that nobody has offered, used or priced."""
    return next((each for each in board(offered=offered) if each.model == model), None)


def lately_unpriced(now: datetime) -> list[str]:
    """Models that were used in the last days, lacked a price and have none yet. One query."""
    first = calendar.today(now) - timedelta(days=NEWS_DAYS - 1)
    days = Total.objects.by(Grain.DAY).filter(start__gte=calendar.midnight(first), currency="")
    priced = Price.objects.filter(effective_from__lte=now).values("model")
    return [each.model for each in _unpriced(days.exclude(model__in=priced)) if each.requests]


def _unpriced(totals: TotalQuerySet) -> list[Unpriced]:
    """What lacks figures can have no cost, whatever the price."""
    without = Q(currency="")
    sums = {
        "without_cost": Sum("unpriced"),
        "without_figures": Sum("unknown"),
        "sum_in": Sum("prompt_tokens", filter=without),
        "sum_out": Sum("output_tokens", filter=without),
    }
    lines: Iterable[Any] = totals.values("model").annotate(**sums).order_by("model")
    return [_of(line) for line in lines]


def _of(line: dict[str, Any]) -> Unpriced:
    requests = line["without_cost"] - line["without_figures"]
    tokens = (line["sum_in"] or 0) + (line["sum_out"] or 0)
    return Unpriced(line["model"], requests, tokens if requests else 0)


def _most_urgent_first(each: ModelPrices) -> tuple[bool, bool, int, str]:
    return (
        not each.is_concerned,
        each.price is not None and not each.unpriced.requests,
        -each.unpriced.requests,
        each.model.lower(),
    )
