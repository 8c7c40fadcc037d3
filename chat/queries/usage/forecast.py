"""What the month will have cost at its end, if days to come are like those of the last weeks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Sum

from chat.enums import Grain
from chat.queries import calendar
from chat.queries.usage.scope import Scope

# So many days it rests on, and from fewer it says nothing.
DAYS, LEAST_DAYS = 28, 7
# Of a normal spread four of five lie within so many deviations.
DEVIATIONS = Decimal("1.28")
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Forecast:
    """In four of five months what is spent should lie from `low` to `high`."""

    currency: str
    low: Decimal
    likely: Decimal
    high: Decimal
    # How many days it rests on.
    days: int


def forecasts(scope: Scope, *, today: date) -> list[Forecast]:
    """Of each currency, for the month that is under way. One query, of the totals of days."""
    start = min(today - timedelta(days=DAYS), calendar.first_of_month(today))
    totals = replace(scope, start=start, end=today).totals(Grain.DAY).exclude(currency="")
    spent: dict[str, dict[date, Decimal]] = defaultdict(dict)
    for begun, currency, cost in totals.values_list("start", "currency").annotate(Sum("cost")):
        spent[currency][calendar.today(begun)] = cost
    found = (forecast(each, today=today, currency=name) for name, each in sorted(spent.items()))
    return [each for each in found if each is not None]


def forecast(spent: Mapping[date, Decimal], *, today: date, currency: str) -> Forecast | None:
    """None where there are too few days to tell.

    A day to come costs what its weekday has cost on average; what a day has, as long as there are
    not two of each. Today is not over: it costs as much, or what it has cost already.
    """
    known = _known(spent, today)
    if len(known) < LEAST_DAYS:
        return None
    usual = _Usual(known)
    month = calendar.first_of_month(today)
    so_far = sum((cost for day, cost in spent.items() if month <= day <= today), NOTHING)
    left_of_today = max(NOTHING, usual.cost(today) - spent.get(today, NOTHING))
    to_come = [today + timedelta(days=ahead) for ahead in range(1, _days_after(today) + 1)]
    likely = so_far + left_of_today + sum(map(usual.cost, to_come), NOTHING)
    spread = DEVIATIONS * usual.deviation([today, *to_come])
    return Forecast(currency, max(so_far, likely - spread), likely, likely + spread, len(known))


def _known(spent: Mapping[date, Decimal], today: date) -> dict[date, Decimal]:
    """The last days that are over, from the first on which anything was spent."""
    days = [today - timedelta(days=back) for back in range(DAYS, 0, -1)]
    first = next((day for day in days if day in spent), today)
    return {day: spent.get(day, NOTHING) for day in days if day >= first}


def _days_after(today: date) -> int:
    return (calendar.next_month(today) - today).days - 1


class _Usual:
    """What days cost on average, and how far they stray from it."""

    def __init__(self, known: Mapping[date, Decimal]) -> None:
        self._by_weekday = len(known) >= 2 * 7
        self._costs: dict[int, list[Decimal]] = defaultdict(list)
        for day, cost in known.items():
            self._costs[self._kind(day)].append(cost)
        self._means = {
            kind: sum(costs, NOTHING) / len(costs) for kind, costs in self._costs.items()
        }
        squares = sum((self._strays(day, cost) ** 2 for day, cost in known.items()), NOTHING)
        self._variance = squares / (len(known) - len(self._means))

    def cost(self, day: date) -> Decimal:
        return self._means[self._kind(day)]

    def deviation(self, days: list[date]) -> Decimal:
        """Of the sum of such days: each strays by itself, and those of a kind also by as much as
        their mean may be wrong."""
        times = Counter(map(self._kind, days))
        parts = (
            count + Decimal(count**2) / len(self._costs[kind]) for kind, count in times.items()
        )
        return (self._variance * sum(parts, NOTHING)).sqrt()

    def _strays(self, day: date, cost: Decimal) -> Decimal:
        return cost - self.cost(day)

    def _kind(self, day: date) -> int:
        return day.weekday() if self._by_weekday else 0
