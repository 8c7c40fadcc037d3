"""When a team works, in its own time zone: how the attempts of a year spread over its hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from chat.queries import calendar

HOUR = timedelta(hours=1)
# From midnight on.
OFFICE = (1, 0, 0, 0, 0, 1, 3, 12, 45, 90, 100, 95, 60, 45, 80, 95, 90, 65, 30, 14, 10, 9, 6, 3)
WEEKEND = 0.06
# When most are away: August, and from Christmas to Epiphany.
QUIET = 0.45
# In the end so many times as much is used as in the beginning.
GROWTH = 2.5


def spread(count: int, *, start: datetime, end: datetime) -> Iterator[tuple[datetime, float, int]]:
    """The hours between these moments, in their order: when each begins, how many seconds of it
    there are, and how many attempts fall into it, which are `count` in all."""
    hours = list(_hours(start, end))
    weights = [_busy(begun, (begun - start) / (end - start)) * taken for begun, taken in hours]
    whole, so_far, given = sum(weights), 0.0, 0
    for (begun, seconds), weight in zip(hours, weights, strict=True):
        so_far += weight
        until = round(count * so_far / whole)
        yield begun, seconds, until - given
        given = until


def _hours(start: datetime, end: datetime) -> Iterator[tuple[datetime, float]]:
    """Of the last one only what is over."""
    begun = start
    while begun < end:
        yield begun, min(HOUR, end - begun).total_seconds()
        begun = min(begun + HOUR, end)


def _busy(moment: datetime, passed: float) -> float:
    local = timezone.localtime(moment, timezone.get_default_timezone())
    day = calendar.today(moment)
    busy = OFFICE[local.hour] * (1 + (GROWTH - 1) * passed)
    if day.weekday() >= 5:
        busy *= WEEKEND
    if day.month == 8 or (day.month, day.day) >= (12, 24) or (day.month, day.day) <= (1, 6):
        busy *= QUIET
    # Somebody is always there, or an hour alone would have none of it.
    return busy + 0.01
