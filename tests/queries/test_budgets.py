"""Where a person's budgets stand: each by its own period, with what is used and held."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from pytest_django import DjangoAssertNumQueries

from chat.enums import Period, RequestState
from chat.models import Allowance, Budget, BudgetRequest, User
from chat.queries import budgets, calendar
from tests.factories import make_user

pytestmark = pytest.mark.django_db

# A Monday that is also the first of its month, and the Wednesday of the week after.
FIRST = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW = FIRST + timedelta(days=9)


@pytest.fixture
def ana(db: None) -> User:
    return make_user("ana")


def used(budget: Budget, amount: int, *, by: User | None = None, at: datetime = NOW) -> None:
    start, _next = calendar.starts(budget.period, at)
    Allowance.objects.create(budget=budget, user=by, start=start, used=amount, held=1)


def budget(**fields: Any) -> Budget:
    return Budget.objects.create(**{"period": Period.DAY, "tokens": 100} | fields)


def test_each_budget_stands_by_its_own_period(ana: User) -> None:
    for number, period in enumerate(Period, start=2):
        each = budget(period=period)
        used(each, number * 10)
        used(each, 99, at=FIRST - timedelta(days=40))
    # What the week that began with the month has used is over.
    used(Budget.objects.get(period=Period.WEEK), 98, at=FIRST)

    found = budgets.standing(ana, NOW)

    assert [(each.budget.period, each.used, each.held, each.left) for each in found] == [
        (Period.DAY, 20, 1, 79),
        (Period.WEEK, 30, 1, 69),
        (Period.MONTH, 40, 1, 59),
    ]
    assert [calendar.today(each.start).day for each in found] == [10, 8, 1]
    assert found[2].resets_at == calendar.midnight(date(2026, 7, 1))


def test_what_others_use_counts_where_it_is_had_together_and_not_where_each_has_as_much(
    ana: User,
) -> None:
    ben = make_user("ben")
    shared, each, own = budget(), budget(is_shared=False), budget(user=ana, is_shared=False)
    used(shared, 60)
    used(each, 70, by=ben)
    used(each, 20, by=ana)
    used(own, 30)

    assert [standing.used for standing in budgets.standing(ana, NOW)] == [60, 20, 30]


def test_the_limit_has_what_is_granted_to_this_person_or_to_all(ana: User) -> None:
    ben = make_user("ben")
    for each in (budget(), budget(is_shared=False)):
        for number, hours in ((1, 1), (10, 0)):
            BudgetRequest.objects.create(
                budget=each,
                user=ben,
                state=RequestState.GRANTED,
                decided_at=NOW,
                granted=number,
                until=NOW + timedelta(hours=hours),
            )

    assert [standing.limit for standing in budgets.standing(ana, NOW)] == [101, 100]
    assert [standing.limit for standing in budgets.standing(ben, NOW)] == [101, 101]


def test_only_budgets_that_apply_are_there_and_unused_ones_are_whole(ana: User) -> None:
    group = Group.objects.create(name="Sales")
    budget(user=make_user("ben"))
    budget(group=group)
    budget(is_active=False)
    mine = budget(user=ana)

    (found,) = budgets.standing(ana, NOW)

    assert (found.budget, found.used, found.percent) == (mine, 0, 0)


def test_it_is_three_queries_however_many_there_are(
    ana: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for period in Period:
        used(budget(period=period), 1)

    with django_assert_num_queries(3):
        budgets.standing(ana, NOW)
