"""What was used, by day, person and model: read from the totals, which the ledger adds up to.

A conversation that was deleted has spent what it has spent. Days are the team's, whoever looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from chat.enums import Grain
from chat.models import Completion, Total, User
from chat.models.total import COUNTS, SUMS, TotalQuerySet
from chat.queries import calendar

# An amount of each currency that there is, by its letters.
Amounts = tuple[tuple[str, Decimal], ...]

_MONEY = {"cost": "costs", "saved_by_cache": "saved"}


@dataclass(frozen=True, slots=True)
class Row:
    """Closed attempts at the upstream, their tokens and their cost. A sum of tokens that has no
    figure in it is None.

    `reasoning_tokens` are a part of `output_tokens`, and `cached_tokens` of `prompt_tokens`.
    What a row does not tell apart is empty: a total has no day.
    """

    day: date | None = None
    user: User | None = None
    model: str = ""
    completions: int = 0
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    # How many of the completions are estimated, were refused or stopped; how many lack a figure in
    # the sums, and how many a price. One that was refused has nothing to be billed.
    estimated: int = 0
    failed: int = 0
    stopped: int = 0
    unknown: int = 0
    unpriced: int = 0
    costs: Amounts = ()
    saved: Amounts = ()

    @property
    def is_unbilled(self) -> bool:
        """Nothing but requests that were refused or never arrived."""
        return not self.unknown and self.total_tokens is None

    @property
    def is_priced(self) -> bool:
        """Whether any of it has a price."""
        return self.unpriced + self.failed < self.completions

    @property
    def has_saved(self) -> bool:
        """Whether tokens out of a cache made it cheaper."""
        return any(amount for _currency, amount in self.saved)

    @property
    def total_tokens(self) -> int | None:
        """In and out together, as far as they are known."""
        return _known((self.prompt_tokens, self.output_tokens))


@dataclass(frozen=True, slots=True)
class Report:
    """The days from `start` to `end`, both included, each way of looking at them by itself."""

    start: date
    end: date
    # The newest first.
    by_day: list[Row]
    # Who used most comes first; so with the models.
    by_user: list[Row]
    by_model: list[Row]
    # Attempts that are not over yet, and not counted in the others.
    running: int

    @property
    def total(self) -> Row:
        return _sum(self.by_day, into=Row())


def report(*, user: User | None, start: date, end: date) -> Report:
    """What `user` used, or everybody. Five queries, however long.

    A completion belongs to the day on which it began and to the model that was asked for.
    """
    totals = _totals(user, start, end)
    running = Completion.objects.open().between(*_moments(start, end))
    if user is not None:
        running = running.filter(user=user)
    return Report(
        start=start,
        end=end,
        by_day=_rows(totals, "start")[::-1],
        by_user=sorted(_rows(totals, "user"), key=_most_first),
        by_model=sorted(_rows(totals, "model"), key=_most_first),
        running=running.count(),
    )


def days(*, user: User | None, start: date, end: date) -> Iterator[Row]:
    """By day, person, model and currency, the newest day first. Two queries."""
    lines = _summed(_totals(user, start, end), "start", "user", "model")
    people = User.objects.in_bulk({line["user"] for line in lines})
    in_order = sorted(
        lines, key=lambda line: (people[line["user"]].email, line["model"], line["currency"])
    )
    for line in sorted(in_order, key=lambda line: line["start"], reverse=True):
        yield _row(line, people)


def _totals(user: User | None, start: date, end: date) -> TotalQuerySet:
    begun, ended = _moments(start, end)
    totals = Total.objects.by(Grain.DAY).filter(start__gte=begun, start__lt=ended)
    return totals if user is None else totals.filter(user=user)


def _moments(start: date, end: date) -> tuple[datetime, datetime]:
    """The half-open period."""
    return calendar.midnight(start), calendar.midnight(end + timedelta(days=1))


def _rows(totals: TotalQuerySet, by: str) -> list[Row]:
    """In the order of what they are by; currencies stand together."""
    lines = _summed(totals, by)
    people = User.objects.in_bulk({line["user"] for line in lines}) if by == "user" else {}
    groups: dict[Any, list[Row]] = {}
    for line in lines:
        groups.setdefault(line[by], []).append(_row(line, people))
    return [_sum(rows, into=_key(rows[0])) for rows in groups.values()]


def _summed(totals: TotalQuerySet, *by: str) -> list[Mapping[str, Any]]:
    sums = {f"sum_{name}": Sum(name) for name in (*COUNTS, *SUMS, *_MONEY)}
    return list(totals.values(*by, "currency").annotate(**sums).order_by(*by, "currency"))


def _row(line: Mapping[str, Any], people: Mapping[int, User]) -> Row:
    start = line.get("start")
    money: dict[str, Any] = {
        field: ((line["currency"], line[f"sum_{name}"]),) if line["currency"] else ()
        for name, field in _MONEY.items()
    }
    return Row(
        day=calendar.today(start) if start else None,
        user=people[line["user"]] if "user" in line else None,
        model=line.get("model", ""),
        **{name: line[f"sum_{name}"] for name in (*COUNTS, *SUMS)},
        **money,
    )


def _key(row: Row) -> Row:
    return Row(day=row.day, user=row.user, model=row.model)


def _sum(rows: Iterable[Row], *, into: Row) -> Row:
    rows = list(rows)
    sums: dict[str, Any] = {}
    for names, add in ((COUNTS, sum), (SUMS, _known), (_MONEY.values(), _together)):
        sums |= {name: add(getattr(row, name) for row in rows) for name in names}
    return replace(into, **sums)


def _known(figures: Iterable[int | None]) -> int | None:
    """The sum of the figures there are, if there are any."""
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None


def _together(amounts: Iterable[Amounts]) -> Amounts:
    sums: dict[str, Decimal] = {}
    for each in amounts:
        for currency, amount in each:
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return tuple(sorted(sums.items()))


def _most_first(row: Row) -> tuple[Decimal, int, str, str]:
    cost = sum((amount for _currency, amount in row.costs), Decimal(0))
    return -cost, -(row.total_tokens or 0), row.user.email if row.user else "", row.model
