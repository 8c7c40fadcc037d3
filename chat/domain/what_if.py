"""What a hard budget would have refused, had it been there: the ledger, gone through once more."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.contrib.auth.models import Group

from chat.completions.events import billed_output
from chat.enums import CompletionState
from chat.models import Budget, Completion, User
from chat.models.budget import parts_of
from chat.queries import calendar

AT_ONCE = 2000


@dataclass(slots=True)
class Span:
    """One period of the budget: for all, or of one of those who each have as much."""

    start: datetime
    used: int = 0
    refused: int = 0
    first_refused_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """Somebody of whom requests would have been refused."""

    user: User
    requests: int
    refused: int


@dataclass(slots=True)
class Replay:
    requests: int = 0
    refused: int = 0
    # Without a price in the budget's currency: it would have let none of them through.
    unpriced: int = 0
    # Those with refusals: of people, who was refused most first; of periods, the newest first.
    people: list[Hit] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)

    @property
    def passed(self) -> int:
        return self.requests - self.refused


class _Line(NamedTuple):
    """What is read of a row: of a quarter of a million of them objects would take too long."""

    user: int
    started_at: datetime
    state: str
    cost: Decimal | None
    price__currency: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    reasoning_tokens: int | None
    estimated_prompt: int | None
    estimated_output: int | None

    @property
    def tokens(self) -> int:
        if self.state == CompletionState.ESTIMATED:
            return (self.estimated_prompt or 0) + (self.estimated_output or 0)
        output = billed_output(
            prompt=self.prompt_tokens,
            completion=self.completion_tokens,
            total=self.total_tokens,
            reasoning=self.reasoning_tokens,
        )
        return (self.prompt_tokens or 0) + (output or 0)


@dataclass(frozen=True, slots=True)
class _Row:
    user: int
    started_at: datetime
    parts: int | None


def replay(budget: Budget, *, since: datetime, until: datetime) -> Replay:
    """What `budget`, which need not be stored, would have done. One pass over the ledger of that
    time, in constant memory.

    A request that is refused takes nothing, and is not asked again. One that begins below the limit
    is let through, as long as it was: what its answer would have been cut by is not known.
    """
    found = Replay()
    spans: dict[tuple[int | None, datetime], Span] = {}
    asked: Counter[int] = Counter()
    refused: Counter[int] = Counter()
    for row in _rows(budget, since, until):
        asked[row.user] += 1
        span = _span(spans, budget, row)
        if row.parts is None:
            found.unpriced += 1
        elif span.used >= budget.limit:
            refused[row.user] += 1
            span.refused += 1
            span.first_refused_at = span.first_refused_at or row.started_at
        else:
            span.used += row.parts
    found.requests, found.refused = asked.total(), refused.total()
    found.people = _hits(asked, refused)
    found.spans = sorted(_together(spans.values()), key=lambda span: span.start, reverse=True)
    return found


def _rows(budget: Budget, since: datetime, until: datetime) -> Iterator[_Row]:
    rows = Completion.objects.closed().between(since, until)
    if budget.user is not None:
        rows = rows.filter(user=budget.user)
    elif budget.group is not None:
        rows = rows.filter(user__in=_members(budget.group))
    lines = rows.order_by("started_at", "pk").values_list(*_Line._fields)
    for values in lines.iterator(AT_ONCE):
        line = _Line(*values)
        yield _Row(line.user, line.started_at, _parts(line, budget))


def _members(group: Group) -> list[int]:
    return list(User.objects.filter(groups=group).values_list("pk", flat=True))


def _parts(line: _Line, budget: Budget) -> int | None:
    if budget.tokens is not None:
        return line.tokens
    if line.cost is not None and not line.cost:
        return 0
    if line.cost is None or line.price__currency != budget.currency:
        return None
    return parts_of(line.cost)


def _span(spans: dict[tuple[int | None, datetime], Span], budget: Budget, row: _Row) -> Span:
    of = None if budget.is_had_together else row.user
    start, _next = calendar.starts(budget.period, row.started_at)
    return spans.setdefault((of, start), Span(start))


def _hits(asked: Counter[int], refused: Counter[int]) -> list[Hit]:
    people = User.objects.in_bulk(refused)
    hits = [Hit(people[user], asked[user], count) for user, count in refused.items()]
    return sorted(hits, key=lambda hit: (-hit.refused, hit.user.email))


def _together(spans: Iterable[Span]) -> list[Span]:
    """Of each period that refused, however many had their own share of it."""
    by_start: dict[datetime, list[Span]] = defaultdict(list)
    for span in spans:
        if span.refused:
            by_start[span.start].append(span)
    return [
        Span(
            start,
            used=sum(span.used for span in each),
            refused=sum(span.refused for span in each),
            first_refused_at=min(span.first_refused_at or start for span in each),
        )
        for start, each in by_start.items()
    ]
