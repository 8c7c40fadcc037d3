"""Attempts as they happen again and again: what differs from time to time is who, where and when.

Of a million rows most are like others: to reckon and prepare each by itself would take ten times as
long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.utils import timezone

from chat.domain import pricing
from chat.enums import Source
from chat.management.invented import answers, storing
from chat.management.invented.team import Member, Model, Prices
from chat.models import Completion, Price

# Of one model, price and source there are so many different ones.
DIFFERENT = 500
CHANGING = (
    *("user", "cost_centre", "conversation"),
    *("started_at", "first_token_at", "finished_at"),
)
_fields = storing.fields_of(Completion)
CHANGING_FIELDS = [field for field in _fields if field.name in CHANGING]
LASTING_FIELDS = [field for field in _fields if field.name not in CHANGING]
FIELDS = [*CHANGING_FIELDS, *LASTING_FIELDS]


@dataclass(slots=True)
class Pattern:
    row: Completion
    first_token: timedelta | None
    took: timedelta
    # Of the fields that do not change, as the database takes them.
    lasting: Sequence[Any]

    def happen(self, member: Member, begun: datetime) -> Completion:
        """The same row with the names and times of another attempt, until it happens once more."""
        row = self.row
        row.user_id = member.user.pk
        row.cost_centre = member.user.cost_centre
        row.conversation_id = member.conversation.pk if member.conversation else None
        row.started_at = begun
        row.first_token_at = None if self.first_token is None else begun + self.first_token
        row.finished_at = begun + self.took
        return row

    def values(self) -> Sequence[Any]:
        """In the order of `FIELDS`."""
        return [*storing.prepared(CHANGING_FIELDS, self.row), *self.lasting]


class Patterns:
    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._prices = Prices()
        self._known: dict[tuple[str, int | None, Source], list[Pattern]] = {}

    def any(self, model: Model, source: Source, begun: datetime) -> Pattern:
        """A new one until there are enough of them."""
        price = self._prices.at(model.name, begun)
        known = self._known.setdefault((model.name, price.pk if price else None, source), [])
        if len(known) == DIFFERENT:
            return self._rng.choice(known)
        known.append(self._new(model, price, source))
        return known[-1]

    def _new(self, model: Model, price: Price | None, source: Source) -> Pattern:
        begun = timezone.now()
        row = Completion(
            model_asked=model.name,
            source=source,
            started_at=begun,
            **answers.outcome(self._rng, model, source=source, begun=begun),
        )
        cost = pricing.cost_of(row, price)
        if cost is not None:
            row.price = price
            row.cost, row.cost_low, row.cost_high = cost.likely, cost.low, cost.high
        assert row.duration is not None
        lasting = storing.prepared(LASTING_FIELDS, row)
        return Pattern(row, row.time_to_first_token, row.duration, lasting)
