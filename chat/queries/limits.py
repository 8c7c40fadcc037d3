"""Whom a limit would have refused, had it been in force: the ledger is read once, in its order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import F, Value
from django.utils import timezone

from chat.enums import CompletionState
from chat.models import Completion, Price, User
from chat.queries import calendar, costs
from chat.queries.figures import with_tokens


@dataclass(frozen=True, slots=True)
class Limit:
    """What is not in a currency is of tokens; without people it is for everybody."""

    amount: Decimal
    currency: str
    period: str
    people: frozenset[int] | None
    is_shared: bool


@dataclass(slots=True)
class Refusals:
    """Of one person, or in one period: how many requests, since when, and on whose side or in how
    many periods."""

    requests: int
    first_at: datetime
    others: set[Any] = field(default_factory=set)

    def add(self, other: Any) -> None:
        self.requests += 1
        self.others.add(other)


@dataclass(slots=True)
class Replayed:
    """By person and by the beginning of the period: as much memory as there are of both, however
    many requests."""

    asked: Counter[int] = field(default_factory=Counter)
    # Of a limit in money: what has no cost in its currency.
    unpriced: int = 0
    by_person: dict[int, Refusals] = field(default_factory=dict)
    by_period: dict[datetime, Refusals] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        return self.asked.total()

    @property
    def refused(self) -> int:
        return sum(each.requests for each in self.by_period.values())

    def refuse(self, user: int, period: datetime, at: datetime) -> None:
        self.by_person.setdefault(user, Refusals(0, at)).add(period)
        self.by_period.setdefault(period, Refusals(0, at)).add(user)

    @property
    def people(self) -> list[tuple[User, int, Refusals]]:
        """Who would have been refused most comes first, with how much they asked for. A query."""
        found = User.objects.in_bulk(self.by_person)
        people = [(found[key], self.asked[key], each) for key, each in self.by_person.items()]
        return sorted(people, key=lambda each: (-each[2].requests, each[0].email))

    @property
    def periods(self) -> list[tuple[datetime, Refusals]]:
        """The newest first."""
        return sorted(self.by_period.items(), reverse=True)


def replay(limit: Limit, *, days: int) -> Replayed:
    """Over the team's last days, today included. A request is refused if it would have taken more
    than was left, and then takes nothing of it."""
    replayed = Replayed()
    used: Counter[int | None] = Counter()
    start = end = None
    for at, user, currency, amount in _requests(limit, days):
        if end is None or at >= end:
            start, end = calendar.starts(limit.period, at)
            used.clear()
        replayed.asked[user] += 1
        who = None if limit.is_shared else user
        if currency != limit.currency:
            replayed.unpriced += 1
        elif used[who] + amount > limit.amount:
            assert start is not None
            replayed.refuse(user, start, at)
        else:
            used[who] += amount
    return replayed


def _requests(limit: Limit, days: int) -> Iterable[tuple[datetime, int, str | None, Any]]:
    first = calendar.today(timezone.now()) - timedelta(days=days - 1)
    rows = Completion.objects.between(calendar.midnight(first), timezone.now())
    if limit.people is not None:
        rows = rows.filter(user__in=limit.people)
    if limit.currency:
        billed = rows.closed().exclude(state=CompletionState.FAILED)
        found: Any = costs.valued(billed, "valued_currency", "valued_cost")
        found = found.values_list("started_at", "user", "valued_currency", "valued_cost")
    else:
        found = with_tokens(rows).values_list(
            "started_at", "user", Value(""), F("tokens_in") + F("tokens_out")
        )
    return found.order_by("started_at", "pk").iterator(chunk_size=2000)  # type: ignore[no-any-return]


def currencies() -> list[str]:
    return sorted(Price.objects.values_list("currency", flat=True).distinct())


def audiences() -> tuple[list[Group], list[User]]:
    """For whom there may be a limit, beside everybody."""
    return list(Group.objects.order_by("name", "pk")), list(User.objects.order_by("email"))


def members(group_id: int) -> frozenset[int]:
    """As they are now: who was in a group before is not known."""
    return frozenset(User.objects.filter(groups=group_id).values_list("pk", flat=True))
