"""Every figure that the totals of days tell apart, for files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from chat.enums import Grain
from chat.models import User
from chat.queries import calendar
from chat.queries.usage.rows import Row, figures, lines
from chat.queries.usage.scope import Scope


def days(scope: Scope) -> Iterator[Row]:
    """By day, person, model and currency, the newest day first. A month at a time: a year of a
    large team would not fit into memory at once."""
    people: dict[int, User] = {}
    for month in _months(scope):
        found = lines(month.totals(Grain.DAY), "start", "user", "model")
        people |= User.objects.in_bulk({line["user"] for line in found} - people.keys())
        in_order = sorted(
            found, key=lambda line: (people[line["user"]].email, line["model"], line["currency"])
        )
        for line in sorted(in_order, key=lambda line: line["start"], reverse=True):
            yield Row(
                day=calendar.today(line["start"]),
                user=people[line["user"]],
                model=line["model"],
                **figures(line),
            )


def _months(scope: Scope) -> Iterator[Scope]:
    """The parts of it that lie in one month each, the last first."""
    end = scope.end
    while end >= scope.start:
        first = calendar.first_of_month(end)
        yield replace(scope, start=max(first, scope.start), end=end)
        end = first - timedelta(days=1)
