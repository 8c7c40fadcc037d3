"""A figure that somebody else counted beside the ledger's, whose estimates have bounds."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from operator import add
from typing import Self

NOTHING = Decimal(0)


class Measure(StrEnum):
    TOKENS_IN = "in"
    TOKENS_OUT = "out"
    # Where the two are not told apart.
    TOKENS = "tokens"
    COST = "cost"


@dataclass(frozen=True, slots=True)
class Bounded:
    """Tokens or money: the likely figure, and between which two the true one lies."""

    likely: Decimal = NOTHING
    low: Decimal = NOTHING
    high: Decimal = NOTHING

    def __add__(self, other: Self) -> Bounded:
        return Bounded(self.likely + other.likely, self.low + other.low, self.high + other.high)

    @property
    def is_exact(self) -> bool:
        return self.low == self.high


@dataclass(frozen=True, slots=True)
class Comparison:
    measure: Measure
    # None where nobody billed it.
    billed: Decimal | None
    # None where the ledger has nothing of the kind, or only in another currency.
    ledger: Bounded | None
    # Of money; empty for tokens.
    currency: str = ""
    # Requests that the ledger has without this figure: they may be billed on top of it.
    lacking: int = 0

    def __add__(self, other: Self) -> Comparison:
        ledgers = [each.ledger for each in (self, other) if each.ledger is not None]
        billed = [each.billed for each in (self, other) if each.billed is not None]
        return Comparison(
            measure=self.measure,
            billed=sum(billed, NOTHING) if billed else None,
            ledger=reduce(add, ledgers) if ledgers else None,
            currency=self.currency,
            lacking=self.lacking + other.lacking,
        )

    @property
    def difference(self) -> Decimal | None:
        """How much more was billed than the ledger takes for likely."""
        if self.billed is None:
            return None
        return self.billed - (self.ledger or Bounded()).likely

    @property
    def share(self) -> Decimal | None:
        """The difference as a part of the ledger's figure."""
        if self.difference is None or self.ledger is None or not self.ledger.likely:
            return None
        return self.difference / self.ledger.likely

    @property
    def outside(self) -> Decimal:
        """How much more was billed than the upper bound, or (negative) less than the lower."""
        bounds = self.ledger or Bounded()
        if self.billed is None or bounds.low <= self.billed <= bounds.high:
            return NOTHING
        return self.billed - (bounds.high if self.billed > bounds.high else bounds.low)

    @property
    def below(self) -> Decimal:
        return max(NOTHING, -self.outside)

    @property
    def explained(self) -> Decimal | None:
        """Which part of the difference the bounds explain; None where there is none."""
        if not self.difference:
            return None
        return 1 - self.outside / self.difference


def sums(comparisons: list[Comparison]) -> tuple[Comparison, ...]:
    """One for each measure and currency, in the order of the measures."""
    groups: dict[tuple[int, str], Comparison] = {}
    order = list(Measure)
    for each in comparisons:
        key = order.index(each.measure), each.currency
        groups[key] = groups[key] + each if key in groups else each
    return tuple(groups[key] for key in sorted(groups))
