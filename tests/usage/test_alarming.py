"""What an administrator hears of: a day far above the usual one, a model that fails."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from chat.enums import CompletionState
from chat.models import User
from chat.queries import alarming
from tests.usage.conftest import NOON, Spend

DAY = NOON.date()


def usual(spend: Spend, *, days: int, **fields: object) -> None:
    """A request of 1,000 tokens out on each of so many days before."""
    for ago in range(1, days + 1):
        spend(
            started_at=NOON - timedelta(days=ago),
            prompt_tokens=0,
            completion_tokens=1000,
            **fields,
        )


def today(spend: Spend, *, output: int, **fields: object) -> None:
    spend(prompt_tokens=0, completion_tokens=output, **fields)


def test_a_day_of_three_times_the_usual_cost_is_told_of(
    ben: User, cleo: User, spend: Spend
) -> None:
    for person, output in ((ben, 3000), (cleo, 2990)):
        usual(spend, days=5, user=person)
        today(spend, output=output, user=person)

    (spike,) = alarming.spikes(DAY)

    assert (spike.user, spike.currency, spike.times) == (ben, "USD", Decimal(3))
    assert spike.usual == Decimal("0.0096")


def test_without_a_price_it_is_told_by_tokens(ben: User, spend: Spend) -> None:
    usual(spend, days=6, model_asked="unheard-of")
    today(spend, output=4000, model_asked="unheard-of")

    (spike,) = alarming.spikes(DAY)

    assert (spike.currency, spike.amount, spike.usual) == ("", Decimal(4000), Decimal(1000))


def test_who_has_hardly_been_here_has_no_usual_day(spend: Spend) -> None:
    usual(spend, days=4)
    today(spend, output=50_000)

    assert alarming.spikes(DAY) == []


def test_what_was_spent_more_than_four_weeks_ago_is_no_usual_day(spend: Spend) -> None:
    for ago in range(29, 36):
        spend(started_at=NOON - timedelta(days=ago), prompt_tokens=0, completion_tokens=1000)
    today(spend, output=50_000)

    assert alarming.spikes(DAY) == []


@pytest.mark.parametrize(
    ("requests", "failed", "percent"), [(20, 4, 20), (21, 4, None), (19, 19, None)]
)
def test_a_model_is_told_of_when_a_fifth_of_enough_requests_fails(
    spend: Spend, requests: int, failed: int, percent: int | None
) -> None:
    for number in range(requests):
        spend(state=CompletionState.FAILED if number < failed else CompletionState.FINAL)

    found = alarming.failing(DAY)

    assert [each.percent for each in found] == ([] if percent is None else [percent])


def test_yesterdays_failures_are_not_todays(spend: Spend) -> None:
    for _ in range(20):
        spend(state=CompletionState.FAILED)

    assert alarming.failing(DAY + timedelta(days=1)) == []
    assert alarming.failing(date(2026, 11, 10)) != []
