"""What an administrator should hear of before the bill comes: read from the totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median

from django.db.models import F, Sum
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Coalesce

from chat.enums import Grain
from chat.models import User
from chat.models.total import TotalQuerySet
from chat.queries import calendar
from chat.queries.usage import Scope

# A day is told of from so many times the usual one on. Who has hardly been here has none.
TIMES = 3
USUAL_DAYS, LEAST_DAYS = 28, 5
# A model is told of when so large a share of its requests fails, of at least so many.
FAILED_SHARE, LEAST_REQUESTS = Decimal("0.2"), 20


@dataclass(frozen=True, slots=True)
class Spike:
    """Somebody's day that is far above their usual one: in a currency, or in tokens without one."""

    user: User
    currency: str
    amount: Decimal
    usual: Decimal

    @property
    def times(self) -> Decimal:
        return self.amount / self.usual


@dataclass(frozen=True, slots=True)
class Failing:
    """A model of whose requests many fail."""

    model: str
    failed: int
    requests: int

    @property
    def percent(self) -> int:
        return 100 * self.failed // self.requests


def spikes(day: date) -> list[Spike]:
    """The largest first. Two queries.

    The usual day is the median of the days with use among the four weeks before.
    """
    found = [spike for spike in _days_of_people(day) if spike[2] >= TIMES * spike[3]]
    people = User.objects.in_bulk({user for user, *_ in found})
    spikes = [
        Spike(people[user], currency, amount, usual) for user, currency, amount, usual in found
    ]
    return sorted(spikes, key=lambda spike: (-spike.times, spike.user.email))


def failing(day: date) -> list[Failing]:
    """By name. One query."""
    models = (
        _days(day, day)
        .values("model")
        .annotate(fails=Sum("failed"), requests=Sum("completions"))
        .order_by("model")
    )
    return [
        Failing(row["model"], row["fails"], row["requests"])
        for row in models
        if row["requests"] >= LEAST_REQUESTS and row["fails"] >= FAILED_SHARE * row["requests"]
    ]


def _days_of_people(day: date) -> Iterator[tuple[int, str, Decimal, Decimal]]:
    """Person, currency, what this day took, and what one usually takes."""
    today = calendar.midnight(day)
    lines = (
        _days(day - timedelta(days=USUAL_DAYS), day)
        .values("user", "currency", "start")
        .annotate(money=Sum("cost"), tokens=Sum(_tokens()))
    )
    days: dict[tuple[int, str], dict[bool, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        amount = line["money"] if line["currency"] else Decimal(line["tokens"])
        if amount:
            days[line["user"], line["currency"]][line["start"] == today].append(amount)
    for (user, currency), amounts in days.items():
        if amounts[True] and len(amounts[False]) >= LEAST_DAYS:
            yield user, currency, sum(amounts[True], Decimal(0)), median(amounts[False])


def _tokens() -> CombinedExpression:
    return Coalesce(F("prompt_tokens"), 0) + Coalesce(F("output_tokens"), 0)


def _days(first: date, last: date) -> TotalQuerySet:
    return Scope(first, last).totals(Grain.DAY)
