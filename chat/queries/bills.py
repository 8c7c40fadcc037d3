"""What the provider billed beside what the ledger adds up to, by day and model.

Only days that have a bill are summed up: of the others nothing is known, not even that they are
free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from chat.enums import BilledBy, Grain
from chat.models import BilledDay, Total
from chat.queries import calendar
from chat.queries.comparison import Bounded, Comparison, Measure, sums

Key = tuple[date, str]
_BOUNDED = {
    "prompt": ("prompt_tokens", "prompt_low", "prompt_high"),
    "output": ("output_tokens", "output_low", "output_high"),
    "cost": ("cost", "cost_low", "cost_high"),
}
_COUNTS = ("unknown", "unpriced")


@dataclass(slots=True)
class Spent:
    """The ledger's figures of one day and model."""

    prompt: Bounded = field(default_factory=Bounded)
    output: Bounded = field(default_factory=Bounded)
    # By currency.
    costs: dict[str, Bounded] = field(default_factory=dict)
    unknown: int = 0
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    model: str
    comparisons: tuple[Comparison, ...]
    # Of a sum of days there is none.
    day: date | None = None
    # What was entered; None where only the ledger knows of it.
    entry: BilledDay | None = None
    # Whether the ledger knows of it.
    is_in_ledger: bool = True


@dataclass(frozen=True, slots=True)
class Statement:
    """The newest day first, and of a day the models by their names."""

    lines: Sequence[Line]
    # What was entered and later replaced, the newest first.
    replaced: Sequence[BilledDay] = ()

    @property
    def billed(self) -> list[Line]:
        return [line for line in self.lines if line.entry is not None]

    @property
    def unbilled(self) -> list[Line]:
        return [line for line in self.lines if line.entry is None]

    @property
    def by_model(self) -> list[Line]:
        models: dict[str, list[Comparison]] = {}
        for line in self.billed:
            models.setdefault(line.model, []).extend(line.comparisons)
        return [Line(model, sums(found)) for model, found in sorted(models.items())]

    @property
    def in_all(self) -> tuple[Comparison, ...]:
        return sums([each for line in self.billed for each in line.comparisons])


def statement(month: date, billed_by: BilledBy) -> Statement:
    """Of the month that begins on this day. Two queries."""
    first, last = month, calendar.last_of_month(month)
    entered = BilledDay.objects.between(first, last).entered()
    in_order = list(entered.select_related("bill__entered_by").order_by("-day", "model", "-pk"))
    spent = _spent(first, last, billed_by)
    counting = [entry for entry in in_order if not entry.is_replaced]
    return Statement(
        lines=_lines(counting, spent, keys=spent.keys()),
        replaced=[entry for entry in in_order if entry.is_replaced],
    )


def preview(entries: Sequence[BilledDay], billed_by: BilledBy) -> Statement:
    """Of lines that are not entered yet, and nothing else. One query."""
    days = [entry.day for entry in entries]
    spent = _spent(min(days), max(days), billed_by)
    return Statement(lines=_lines(entries, spent, keys=()))


def new_among(entries: Sequence[BilledDay]) -> list[BilledDay]:
    """Without those that say just what counts already. One query."""
    days = [entry.day for entry in entries]
    counting = BilledDay.objects.between(min(days), max(days)).counting()
    known = {entry.key: entry.figures for entry in counting}
    return [entry for entry in entries if known.get(entry.key) != entry.figures]


def _lines(
    entries: Iterable[BilledDay], spent: dict[Key, Spent], *, keys: Iterable[Key]
) -> list[Line]:
    by_key = {entry.key: entry for entry in entries}
    in_order = sorted({*by_key, *keys}, key=lambda key: (-key[0].toordinal(), key[1]))
    return [_line(key, by_key.get(key), spent.get(key)) for key in in_order]


def _line(key: Key, entry: BilledDay | None, spent: Spent | None) -> Line:
    day, model = key
    if entry is not None:
        comparisons = _of_bill(entry, spent or Spent())
    else:
        assert spent is not None
        comparisons = _of_ledger(spent)
    return Line(model, comparisons, day=day, entry=entry, is_in_ledger=spent is not None)


def _of_bill(entry: BilledDay, spent: Spent) -> tuple[Comparison, ...]:
    """Of each figure that the bill has."""
    figures = [
        (Measure.TOKENS_IN, entry.prompt_tokens, spent.prompt),
        (Measure.TOKENS_OUT, entry.output, spent.output),
    ]
    if entry.total_tokens is not None and None in (entry.prompt_tokens, entry.output):
        figures = [(Measure.TOKENS, entry.total_tokens, spent.prompt + spent.output)]
    found = [
        Comparison(measure, Decimal(billed), bounds, lacking=spent.unknown)
        for measure, billed, bounds in figures
        if billed is not None
    ]
    if entry.amount is not None:
        cost = spent.costs.get(entry.currency, None if spent.costs else Bounded())
        found.append(
            Comparison(Measure.COST, entry.amount, cost, entry.currency, lacking=spent.unpriced)
        )
    return tuple(found)


def _of_ledger(spent: Spent) -> tuple[Comparison, ...]:
    tokens = Comparison(Measure.TOKENS, None, spent.prompt + spent.output, lacking=spent.unknown)
    costs = (
        Comparison(Measure.COST, None, cost, currency, lacking=spent.unpriced)
        for currency, cost in sorted(spent.costs.items())
    )
    return tokens, *costs


def _spent(first: date, last: date, billed_by: BilledBy) -> dict[Key, Spent]:
    """By day and model, of those in which something may be billed."""
    grain, begun, ended = _stretch(first, last, billed_by)
    names = [*_COUNTS, *(name for names in _BOUNDED.values() for name in names)]
    rows: Iterable[Mapping[str, Any]] = (
        Total.objects.by(grain)
        .filter(start__gte=begun, start__lt=ended)
        .values("start", "model", "currency")
        .annotate(**{f"sum_{name}": Sum(name) for name in (*names, "completions", "failed")})
        .order_by("start", "model", "currency")
    )
    spent: dict[Key, Spent] = {}
    for row in rows:
        if row["sum_completions"] > row["sum_failed"]:
            day = _day_of(row["start"], billed_by)
            _add(spent.setdefault((day, row["model"]), Spent()), row)
    return spent


def _stretch(first: date, last: date, billed_by: BilledBy) -> tuple[Grain, datetime, datetime]:
    """The totals from which days can be put together: UTC's seldom are the team's."""
    after = last + timedelta(days=1)
    if billed_by == BilledBy.TEAM or timezone.get_default_timezone_name() == "UTC":
        return Grain.DAY, calendar.midnight(first), calendar.midnight(after)
    begun, ended = (datetime.combine(day, time.min, UTC) for day in (first, after))
    return Grain.HOUR, begun, ended


def _day_of(start: datetime, billed_by: BilledBy) -> date:
    return calendar.today(start) if billed_by == BilledBy.TEAM else start.astimezone(UTC).date()


def _add(spent: Spent, row: Mapping[str, Any]) -> None:
    spent.prompt += _bounded(row, "prompt")
    spent.output += _bounded(row, "output")
    spent.unknown += row["sum_unknown"]
    spent.unpriced += row["sum_unpriced"]
    if currency := row["currency"]:
        spent.costs[currency] = spent.costs.get(currency, Bounded()) + _bounded(row, "cost")


def _bounded(row: Mapping[str, Any], what: str) -> Bounded:
    """A sum in which there is no figure adds nothing; how many lack theirs is counted."""
    return Bounded(*(Decimal(row[f"sum_{name}"] or 0) for name in _BOUNDED[what]))
