"""The team's hours, days, weeks and months, as the moments at which they begin: in UTC, in which
an hour that the clocks repeat is two."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

from chat.enums import Period


def today(moment: datetime) -> date:
    """The team's day in which this moment lies."""
    return timezone.localdate(moment, timezone.get_default_timezone())


def midnight(day: date) -> datetime:
    """When a day of the team's begins. A midnight that the clocks skip is the moment at which they
    do."""
    return datetime.combine(day, time.min, timezone.get_default_timezone()).astimezone(UTC)


def hour_of(moment: datetime) -> datetime:
    local = timezone.localtime(moment, timezone.get_default_timezone())
    return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)


def first_of_week(day: date) -> date:
    return day - timedelta(days=day.weekday())


def first_of_month(day: date) -> date:
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after this one's."""
    return first_of_month(first_of_month(day) + timedelta(days=32))


def last_of_month(day: date) -> date:
    return next_month(day) - timedelta(days=1)


def starts(period: str, moment: datetime) -> tuple[datetime, datetime]:
    """When this period of the team's time began, and when the next one will."""
    day = today(moment)
    if period == Period.WEEK:
        first = first_of_week(day)
        following = first + timedelta(days=7)
    elif period == Period.MONTH:
        first, following = first_of_month(day), next_month(day)
    else:
        first, following = day, day + timedelta(days=1)
    return midnight(first), midnight(following)
