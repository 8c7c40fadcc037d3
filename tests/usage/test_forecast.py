"""What the month will have cost: what it rests on, and when nothing is said."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from chat.queries.usage.forecast import forecast

# A Wednesday, after which eleven days of its month are to come.
TODAY = date(2026, 11, 19)
TO_COME = 11


def spent(days: int, *, weekday: int = 10, weekend: int = 10) -> dict[date, Decimal]:
    """On each of so many days before today."""
    before = (TODAY - timedelta(days=back) for back in range(1, days + 1))
    return {day: Decimal(weekend if day.weekday() > 4 else weekday) for day in before}


def test_days_that_are_all_alike_go_on_without_a_band() -> None:
    found = forecast(spent(28), today=TODAY, currency="USD")

    assert found is not None
    assert found.low == found.likely == found.high == Decimal(10) * 30
    assert (found.days, found.currency) == (28, "USD")


def test_a_weekend_to_come_costs_what_weekends_do() -> None:
    found = forecast(spent(28, weekday=10, weekend=1), today=TODAY, currency="USD")

    # 18 days so far and 12 from today on, of which 5 and 4 are of a weekend.
    assert found is not None
    assert found.likely == 13 * 10 + 5 * 1 + 8 * 10 + 4 * 1
    assert found.low == found.high


def test_days_that_differ_make_a_band_around_what_is_likely() -> None:
    costs = spent(28)
    for number, day in enumerate(sorted(costs)):
        costs[day] += 4 if number // 7 % 2 else -4

    found = forecast(costs, today=TODAY, currency="USD")

    assert found is not None
    assert found.low < found.likely < found.high
    assert found.high - found.likely == found.likely - found.low


@pytest.mark.parametrize(("days", "is_told"), [(0, False), (6, False), (7, True)])
def test_from_less_than_a_week_nothing_is_said(days: int, is_told: bool) -> None:
    assert (forecast(spent(days), today=TODAY, currency="USD") is not None) is is_told


def test_days_without_cost_count_once_anything_was_spent() -> None:
    first = TODAY - timedelta(days=10)

    found = forecast({first: Decimal(20)}, today=TODAY, currency="USD")

    assert found is not None
    assert (found.days, found.likely) == (10, 20 + Decimal(2) * (TO_COME + 1))


def test_what_is_spent_already_is_the_least() -> None:
    costs = spent(7, weekday=1, weekend=1) | {TODAY: Decimal(500)}
    costs[TODAY - timedelta(days=3)] = Decimal(60)

    found = forecast(costs, today=TODAY, currency="USD")

    assert found is not None
    assert found.low >= 566
