"""What each cost centre used in a month, to be charged for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date

from chat.enums import Grain
from chat.models import Total, User
from chat.queries import calendar
from chat.queries.usage.rows import Row, figures, in_all, lines, merged, most_first
from chat.queries.usage.scope import Scope


@dataclass(frozen=True, slots=True)
class Statement:
    """A month of one cost centre; of all of them where it is None, and of those who have none
    where it is empty."""

    month: date
    cost_centre: str | None
    # By cost centre, person, model and currency.
    parts: list[Row]
    by_person: list[Row]
    by_model: list[Row]
    total: Row


def months() -> dict[date, list[Row]]:
    """Every month in which anything was used, the latest first, with its cost centres. One
    query."""
    found = lines(Total.objects.by(Grain.MONTH), "start", "cost_centre")
    rows = [
        Row(day=calendar.today(line["start"]), cost_centre=line["cost_centre"], **figures(line))
        for line in found
    ]
    by_month: dict[date, list[Row]] = defaultdict(list)
    for row in merged(rows, lambda row: row.key):
        assert row.day is not None
        by_month[row.day].append(row)
    return dict(sorted(by_month.items(), reverse=True))


def statement(month: date, cost_centre: str | None) -> Statement:
    """Two queries."""
    scope = Scope(month, calendar.last_of_month(month), cost_centre=cost_centre)
    found = lines(scope.totals(Grain.MONTH), "cost_centre", "user", "model")
    people = User.objects.in_bulk({line["user"] for line in found})
    parts = [
        Row(
            user=people[line["user"]],
            model=line["model"],
            cost_centre=line["cost_centre"],
            **figures(line),
        )
        for line in found
    ]
    whole = [replace(row, cost_centre="") for row in parts]
    by_person = merged((replace(row, model="") for row in whole), lambda row: row.key)
    by_model = merged((replace(row, user=None) for row in whole), lambda row: row.key)
    return Statement(
        month=month,
        cost_centre=cost_centre,
        parts=parts,
        by_person=sorted(by_person, key=most_first),
        by_model=sorted(by_model, key=most_first),
        total=in_all(parts),
    )
