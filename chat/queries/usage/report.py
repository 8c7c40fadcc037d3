"""The ways of looking at what was used, each a table of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from django.utils import timezone

from chat.enums import Grain
from chat.models import User
from chat.queries import calendar
from chat.queries.usage.conversations import Conversations
from chat.queries.usage.rows import Row, figures, in_all, lines, merged, most_first
from chat.queries.usage.scope import Scope

# So many days are told apart at most. Longer periods are for months.
MOST_DAYS = 100


class By(StrEnum):
    DAY = "day"
    MONTH = "month"
    # Of the day, by the team's clock.
    HOUR = "hour"
    PERSON = "person"
    GROUP = "group"
    MODEL = "model"
    SOURCE = "source"
    COST_CENTRE = "cost-centre"
    CONVERSATION = "conversation"
    # By model how requests ended, and how long the first token took.
    OUTCOME = "outcome"

    @property
    def is_of_time(self) -> bool:
        return self in (By.DAY, By.MONTH, By.HOUR)


# What takes the longest to read is of so many days at the end of the period.
_LAST_DAYS = {By.HOUR: 31, By.CONVERSATION: MOST_DAYS}


@dataclass(frozen=True, slots=True)
class Report:
    """`rows` has one for each key, and `parts` one for each key and currency."""

    scope: Scope
    by: By
    rows: Sequence[Row]
    parts: Iterable[Row]
    total: Row
    # Attempts that are not over yet, and not counted in the others.
    running: int

    @property
    def start(self) -> date:
        return self.scope.start

    @property
    def end(self) -> date:
        return self.scope.end

    @property
    def highest(self) -> Row:
        """The row that cost most."""
        return min(self.rows, key=most_first)


def report(scope: Scope, by: By, sort: str = "") -> Report:
    """Two queries, however long: `by` is then months for days, and hours are those of the last
    days. The newest comes first, and where time is not told apart what was used most. `sort` is
    for conversations, whose rows are read as they are looked at."""
    scope, by = _within_reason(scope, by)
    if by == By.CONVERSATION:
        total = in_all(Row(**figures(line)) for line in lines(scope.totals()))
        conversations = Conversations(scope, sort, requests=total.completions)
        return Report(scope, by, conversations, conversations.parts(), total, scope.running())
    counted = parts = _parts(scope, by)
    if by == By.GROUP:
        # Who is in two groups is counted in both, and once in all.
        counted = list({(row.user and row.user.pk, row.currency): row for row in parts}.values())
        parts = merged((replace(row, user=None) for row in parts), _key_and_currency)
    rows = merged(parts, lambda row: row.key)
    return Report(
        scope=scope,
        by=by,
        rows=_in_order(rows, by),
        parts=parts,
        total=in_all(counted),
        running=scope.running(),
    )


def lately(user: User, today: date) -> tuple[Row, Row]:
    """What somebody used today, and this month to date. One query."""
    scope = Scope(calendar.first_of_month(today), today, user=user)
    found = lines(scope.totals(Grain.DAY), "start")
    rows = [Row(day=calendar.today(line["start"]), **figures(line)) for line in found]
    return in_all(row for row in rows if row.day == today), in_all(rows)


def _within_reason(scope: Scope, by: By) -> tuple[Scope, By]:
    if by == By.DAY and scope.days > MOST_DAYS:
        return scope, By.MONTH
    if scope.days > (most := _LAST_DAYS.get(by, scope.days)):
        return replace(scope, start=scope.end - timedelta(days=most - 1)), by
    return scope, by


def _parts(scope: Scope, by: By) -> list[Row]:
    look = _LOOKS[by]
    found = lines(scope.totals(look.grain), *look.columns, with_waits=by == By.OUTCOME)
    rows = [Row(**look.key_of(line), **figures(line)) for line in found]
    # An hour of the day has been on many days.
    return merged(rows, _key_and_currency)


def _key_and_currency(row: Row) -> tuple[Any, ...]:
    return (*row.key, row.currency)


def _in_order(rows: list[Row], by: By) -> list[Row]:
    if by in (By.DAY, By.MONTH):
        return sorted(rows, key=lambda row: row.day or date.min, reverse=True)
    if by == By.HOUR:
        used = {row.hour: row for row in rows}
        return [used.get(hour, Row(hour=hour)) for hour in range(24)] if used else []
    return sorted(rows, key=most_first)


@dataclass(frozen=True, slots=True)
class _Look:
    """By which columns of the totals, and what of a row their values are."""

    columns: tuple[str, ...]
    key_of: Callable[[dict[str, Any]], dict[str, Any]]
    grain: Grain | None = None


def _month(line: dict[str, Any]) -> dict[str, Any]:
    return {"day": calendar.first_of_month(calendar.today(line["start"]))}


def _hour(line: dict[str, Any]) -> dict[str, Any]:
    return {"hour": timezone.localtime(line["start"], timezone.get_default_timezone()).hour}


def _person(line: dict[str, Any]) -> dict[str, Any]:
    names = {name: line[f"user__{name}"] for name in ("email", "display_name")}
    return {"user": User(pk=line["user"], **names)}


def _member(line: dict[str, Any]) -> dict[str, Any]:
    return {"user": User(pk=line["user"]), "group": line["user__groups__name"] or ""}


def _same(column: str) -> _Look:
    return _Look((column,), lambda line: {column: line[column]})


_LOOKS = {
    By.DAY: _Look(("start",), lambda line: {"day": calendar.today(line["start"])}, Grain.DAY),
    By.MONTH: _Look(("start",), _month),
    By.HOUR: _Look(("start",), _hour, Grain.HOUR),
    By.PERSON: _Look(("user", "user__email", "user__display_name"), _person),
    By.GROUP: _Look(("user", "user__groups__name"), _member),
    By.MODEL: _same("model"),
    By.OUTCOME: _same("model"),
    By.SOURCE: _same("source"),
    By.COST_CENTRE: _same("cost_centre"),
}
