"""What the upstream's meter moved by, beside what the ledger has of the same hours.

The meter counts one key. Whoever else uses that key moves it too, so that a difference is a
question and not an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.db.models import Sum

from chat.enums import Grain
from chat.models import MeterReading, Total
from chat.queries import calendar
from chat.queries.comparison import Bounded, Comparison, Measure, sums

# The currency in which the meter's credits have a price.
CURRENCY = "USD"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# What an hour costs in which nothing was asked.
NOTHING = (Bounded(), 0)
# Less money than this is not worth an alarm, however large a share it is.
SMALLEST = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Between two readings, or of several such stretches."""

    start: datetime
    end: datetime
    # None where the meter went back: it was set to nothing, or it is another key's.
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class Meter:
    """The newest stretch first."""

    stretches: list[Stretch]
    # The latest reading with figures, and the latest try.
    latest: MeterReading | None = None
    tried: MeterReading | None = None

    def of_last(self, span: timedelta) -> Stretch | None:
        """All stretches that lie within so long before the latest reading, as one."""
        if self.latest is None:
            return None
        begin = self.latest.hour - span
        return _together([each for each in self.stretches if each.start >= begin])

    @property
    def by_day(self) -> list[tuple[date, Stretch]]:
        """By the team's days, each stretch on the one on which it begins."""
        days: dict[date, list[Stretch]] = {}
        for each in self.stretches:
            days.setdefault(calendar.today(each.start), []).append(each)
        whole = ((day, _together(found)) for day, found in days.items())
        return [(day, stretch) for day, stretch in whole if stretch is not None]

    @property
    def left(self) -> Decimal | None:
        """What is left of the credits, in money."""
        remaining = self.latest.remaining if self.latest is not None else None
        return None if remaining is None else in_money(remaining)


@dataclass(frozen=True, slots=True)
class Alarms:
    """What an administrator has to be told of; None where all is well."""

    drift: Comparison | None = None
    # What is left, in money.
    low: Decimal | None = None


def since(moment: datetime) -> Meter:
    """Two queries."""
    readings = list(MeterReading.objects.since(moment).defer("raw").order_by("hour"))
    taken = [reading for reading in readings if reading.taken_at is not None]
    if not taken:
        return Meter([], tried=readings[-1] if readings else None)
    spent = _spent(taken[0].hour, taken[-1].hour)
    stretches = [_stretch(before, after, spent) for before, after in pairwise(taken)]
    return Meter(stretches[::-1], latest=taken[-1], tried=readings[-1])


def alarms(moment: datetime) -> Alarms:
    """Of the last day. Two queries."""
    meter = since(moment - DAY)
    whole = meter.of_last(DAY)
    drift = whole.comparison if whole is not None else None
    return Alarms(
        drift=drift if drift is not None and is_alarming(drift) else None,
        low=meter.left if meter.latest is not None and _is_low(meter.latest) else None,
    )


def is_alarming(drift: Comparison) -> bool:
    """Whether meter and ledger differ by more than estimates explain and the team puts up with."""
    ledger = drift.ledger.likely if drift.ledger is not None else Decimal(0)
    outside = abs(drift.outside)
    return outside >= SMALLEST and outside > settings.METER_ALARM * ledger


def in_money(credits: Decimal) -> Decimal:
    return Decimal(credits / settings.CREDITS_PER_USD)


def _is_low(reading: MeterReading) -> bool:
    low, remaining = settings.BALANCE_LOW, reading.remaining
    return low is not None and remaining is not None and remaining < low


def _stretch(
    before: MeterReading, after: MeterReading, spent: Mapping[datetime, tuple[Bounded, int]]
) -> Stretch:
    assert before.used is not None
    assert after.used is not None
    moved = after.used - before.used
    if moved < 0:
        return Stretch(before.hour, after.hour, None)
    ledger, unpriced, hour = Bounded(), 0, before.hour
    while hour < after.hour:
        cost, without_price = spent.get(hour, NOTHING)
        ledger, unpriced, hour = ledger + cost, unpriced + without_price, hour + HOUR
    comparison = Comparison(Measure.COST, in_money(moved), ledger, CURRENCY, unpriced)
    return Stretch(before.hour, after.hour, comparison)


def _together(stretches: list[Stretch]) -> Stretch | None:
    """None where nothing can be compared."""
    known = [each.comparison for each in stretches if each.comparison is not None]
    if not known:
        return None
    (whole,) = sums(known)
    return Stretch(
        min(each.start for each in stretches), max(each.end for each in stretches), whole
    )


def _spent(begun: datetime, ended: datetime) -> dict[datetime, tuple[Bounded, int]]:
    """What each hour cost in the meter's currency, and how many requests have no price."""
    rows: Iterable[Mapping[str, Any]] = (
        Total.objects.by(Grain.HOUR)
        .filter(start__gte=begun, start__lt=ended, currency__in=(CURRENCY, ""))
        .values("start")
        .annotate(
            likely=Sum("cost"),
            low=Sum("cost_low"),
            high=Sum("cost_high"),
            without_price=Sum("unpriced"),
        )
        .order_by("start")
    )
    return {
        _in_utc(row["start"]): (
            Bounded(row["likely"], row["low"], row["high"]),
            row["without_price"],
        )
        for row in rows
    }


def _in_utc(start: datetime) -> datetime:
    """The hour of UTC's in which one of the team's begins, which in some zones is half way."""
    return start.astimezone(UTC).replace(minute=0)
