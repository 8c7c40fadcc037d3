"""What the ledger says was used, by day, person and model.

It reads the ledger alone: a conversation that was deleted has spent what it has spent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from django.db.models import BigIntegerField, Case, Count, F, Q, Sum, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Greatest, TruncDate

from chat.enums import CompletionState
from chat.models import Completion, User
from chat.models.completion import CompletionQuerySet


@dataclass(frozen=True, slots=True)
class Row:
    """Attempts at the upstream and their tokens. A sum that has no figure in it is None.

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
    # How many of the completions are estimated, and how many lack a figure in the sums: those that
    # still run do, whatever they said so far. One that was refused has nothing to be billed.
    estimated: int = 0
    unknown: int = 0

    @property
    def is_unbilled(self) -> bool:
        """Nothing but requests that were refused or never arrived."""
        return not self.unknown and self.total_tokens is None

    @property
    def total_tokens(self) -> int | None:
        """In and out together, as far as they are known."""
        known = [sum_ for sum_ in (self.prompt_tokens, self.output_tokens) if sum_ is not None]
        return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class Report:
    """The days from `start` to `end`, both included; the newest first, then by person and model."""

    start: date
    end: date
    rows: list[Row]

    @property
    def total(self) -> Row:
        return _sum(self.rows, into=Row())

    @property
    def by_day(self) -> list[Row]:
        return _grouped(self.rows, lambda row: Row(day=row.day))

    @property
    def by_user(self) -> list[Row]:
        """Who used most comes first; so with the models."""
        return sorted(_grouped(self.rows, lambda row: Row(user=row.user)), key=_most_first)

    @property
    def by_model(self) -> list[Row]:
        return sorted(_grouped(self.rows, lambda row: Row(model=row.model)), key=_most_first)


def report(*, user: User | None, start: date, end: date, zone: tzinfo) -> Report:
    """What `user` used, or everybody, on the local days of `zone`: two queries, however long.

    A completion belongs to the day on which it began and to the model that was asked for.
    """
    completions = Completion.objects.between(*_moments(start, end, zone))
    if user is not None:
        completions = completions.filter(user=user)
    sums = list(_sums(completions, zone))
    people = User.objects.in_bulk({line["user"] for line in sums})
    return Report(
        start=start,
        end=end,
        rows=[Row(**{**line, "user": people[line["user"]]}) for line in sums],
    )


def _moments(start: date, end: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """The half-open period. A midnight that the clocks skip is the moment at which they do."""
    after = end + timedelta(days=1)
    return datetime.combine(start, time.min, zone), datetime.combine(after, time.min, zone)


def _sums(completions: CompletionQuerySet, zone: tzinfo) -> Iterable[Mapping[str, Any]]:
    settled = ~Q(state__in=(CompletionState.OPEN, CompletionState.ESTIMATED))
    may_be_billed = ~Q(state=CompletionState.FAILED)
    return (
        completions.annotate(
            day=TruncDate("started_at", tzinfo=zone),
            model=F("model_asked"),
            tokens_in=_figure(F("estimated_prompt"), F("prompt_tokens")),
            tokens_out=_figure(F("estimated_output"), _output()),
        )
        .values("day", "user", "model")
        .annotate(
            completions=Count("pk"),
            prompt_tokens=Sum("tokens_in"),
            output_tokens=Sum("tokens_out"),
            reasoning_tokens=Sum("reasoning_tokens", filter=settled),
            cached_tokens=Sum("cached_tokens", filter=settled),
            estimated=Count("pk", filter=Q(state=CompletionState.ESTIMATED)),
            unknown=Count("pk", filter=may_be_billed & (Q(tokens_in=None) | Q(tokens_out=None))),
        )
        .order_by("-day", "user__email", "model")
    )


def _figure(estimated: Combinable, given: Combinable) -> Case:
    """The figure of a row, by its state. One that still runs has none: it may yet say another."""
    return Case(
        When(state=CompletionState.OPEN, then=Value(None)),
        When(state=CompletionState.ESTIMATED, then=estimated),
        default=given,
        output_field=BigIntegerField(),
    )


def _output() -> Case:
    """`billed_output` in SQL.

    Greatest is given no null: it would be null on SQLite, and the other figure on PostgreSQL.
    """
    accounts = (
        F("completion_tokens"),
        F("total_tokens") - F("prompt_tokens"),
        F("reasoning_tokens"),
    )
    has_account = Q(completion_tokens__isnull=False) | Q(reasoning_tokens__isnull=False)
    has_account |= Q(total_tokens__gt=F("prompt_tokens"))
    largest = Greatest(
        *(Coalesce(account, 0) for account in accounts), output_field=BigIntegerField()
    )
    return Case(When(has_account, then=largest), output_field=BigIntegerField())


def _grouped(rows: list[Row], group_of: Callable[[Row], Row]) -> list[Row]:
    groups: dict[Row, list[Row]] = {}
    for row in rows:
        groups.setdefault(group_of(row), []).append(row)
    return [_sum(members, into=group) for group, members in groups.items()]


def _sum(rows: list[Row], *, into: Row) -> Row:
    return replace(
        into,
        completions=sum(row.completions for row in rows),
        prompt_tokens=_known(row.prompt_tokens for row in rows),
        output_tokens=_known(row.output_tokens for row in rows),
        reasoning_tokens=_known(row.reasoning_tokens for row in rows),
        cached_tokens=_known(row.cached_tokens for row in rows),
        estimated=sum(row.estimated for row in rows),
        unknown=sum(row.unknown for row in rows),
    )


def _known(figures: Iterable[int | None]) -> int | None:
    """The sum of the figures there are, if there are any."""
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None


def _most_first(row: Row) -> tuple[int, str, str]:
    used = (row.prompt_tokens or 0) + (row.output_tokens or 0)
    return -used, row.user.email if row.user else "", row.model
