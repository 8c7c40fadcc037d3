"""One line of figures, and how lines are added up and put in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Sum

from chat.models.money import Amounts
from chat.models.total import BOUNDS, COUNTS, FIRST_TOKEN_COUNTERS, SUMS, TotalQuerySet
from chat.queries.usage import waits

if TYPE_CHECKING:
    from chat.models import Conversation, User

MONEY = {
    "cost": "costs",
    "cost_low": "costs_low",
    "cost_high": "costs_high",
    "saved_by_cache": "saved",
}


@dataclass(frozen=True, slots=True)
class Row:
    """Closed attempts at the upstream, their tokens and their cost. A sum of tokens that has no
    figure in it is None.

    `reasoning_tokens` are a part of `output_tokens`, and `cached_tokens` of `prompt_tokens`.
    What a row does not tell apart is empty: a total has no day. That of a month has its first.
    """

    day: date | None = None
    hour: int | None = None
    user: User | None = None
    group: str = ""
    model: str = ""
    source: str = ""
    cost_centre: str = ""
    conversation: Conversation | None = None
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
    # Estimates by their bounds, and what is known as it is.
    prompt_low: int = 0
    prompt_high: int = 0
    output_low: int = 0
    output_high: int = 0
    costs: Amounts = ()
    costs_low: Amounts = ()
    costs_high: Amounts = ()
    saved: Amounts = ()
    # By how long they took, where that is asked for.
    first_tokens: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        """What it is told apart by."""
        return (
            self.day,
            self.hour,
            self.user and self.user.pk,
            self.group,
            self.model,
            self.source,
            self.cost_centre,
            self.conversation and self.conversation.pk,
        )

    @property
    def currency(self) -> str:
        """The first, which in a part is the only one."""
        return self.costs[0][0] if self.costs else ""

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
    def is_certain(self) -> bool:
        """Whether the bounds of its cost are the cost itself."""
        return self.costs_low == self.costs == self.costs_high

    @property
    def total_tokens(self) -> int | None:
        """In and out together, as far as they are known."""
        return _known((self.prompt_tokens, self.output_tokens))

    @property
    def cost(self) -> Decimal | None:
        """To compare by, not to show: the amounts of all currencies, if anything has a price."""
        if not self.is_priced:
            return None
        return sum((amount for _currency, amount in self.costs), Decimal(0))

    @property
    def first_token_p50(self) -> waits.Wait | None:
        return waits.quantile(self.first_tokens, Decimal("0.5"))

    @property
    def first_token_p95(self) -> waits.Wait | None:
        return waits.quantile(self.first_tokens, Decimal("0.95"))


def lines(totals: TotalQuerySet, *by: str, with_waits: bool = False) -> list[dict[str, Any]]:
    """Summed by the database, one for each key and currency, in their order."""
    names = (*COUNTS, *SUMS, *BOUNDS, *MONEY, *(FIRST_TOKEN_COUNTERS if with_waits else ()))
    sums = {f"sum_{name}": Sum(name) for name in names}
    return list(totals.values(*by, "currency").annotate(**sums).order_by(*by, "currency"))


def figures(line: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a summed line, as a row has them."""
    found: dict[str, Any] = {name: line[f"sum_{name}"] for name in (*COUNTS, *SUMS, *BOUNDS)}
    for name, field in MONEY.items():
        amount = line[f"sum_{name}"]
        found[field] = ((line["currency"], amount),) if line["currency"] else ()
    if f"sum_{FIRST_TOKEN_COUNTERS[0]}" in line:
        found["first_tokens"] = tuple(line[f"sum_{name}"] for name in FIRST_TOKEN_COUNTERS)
    return found


def in_all(rows: Iterable[Row], *, into: Row | None = None) -> Row:
    """Their sum, under the key of `into`."""
    rows = list(rows)
    sums = {name: add(getattr(row, name) for row in rows) for name, add in _ADD.items()}
    return replace(into or Row(), **sums)


def merged(rows: Iterable[Row], key: Callable[[Row], Any]) -> list[Row]:
    """Rows of one key together, in the order in which the keys come."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return [
        group[0] if len(group) == 1 else in_all(group, into=group[0]) for group in groups.values()
    ]


def most_first(row: Row) -> tuple[Any, ...]:
    cost = row.cost or Decimal(0)
    who = row.user.email if row.user else ""
    return -cost, -(row.total_tokens or 0), who, row.model or row.group or row.cost_centre


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


def _by_place(counters: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*filter(None, counters), strict=True)))


_ADD: dict[str, Callable[[Iterable[Any]], Any]] = {
    **dict.fromkeys((*COUNTS, *BOUNDS), sum),
    **dict.fromkeys(SUMS, _known),
    **dict.fromkeys(MONEY.values(), _together),
    "first_tokens": _by_place,
}
