"""The ways of looking at what was used: what each tells apart, and that each adds up."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from chat.enums import CompletionState, Grain, Source
from chat.models import Completion, Conversation, Total, User
from chat.queries import usage
from chat.queries.usage import By, Report, Scope
from chat.queries.usage.people import without_use
from chat.queries.usage.rows import in_all
from chat.queries.usage.statements import months, statement
from tests.usage.conftest import NOON, Spend
from tests.usage.test_report import ROW

NOVEMBER = date(2026, 11, 1), date(2026, 11, 30)


@pytest.fixture(autouse=True)
def _in_madrid(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Madrid"


def of(by: By, **scope: Any) -> Report:
    start, end = scope.pop("period", NOVEMBER)
    return usage.report(Scope(start, end, **scope), by)


def counts(report: Report, name: str) -> dict[Any, int]:
    return {getattr(row, name): row.completions for row in report.rows if row.completions}


def test_an_hour_is_one_of_the_teams_clock_whatever_the_day(spend: Spend) -> None:
    spend(started_at=datetime(2026, 11, 10, 8, 59, tzinfo=UTC))
    spend(started_at=datetime(2026, 11, 12, 8, tzinfo=UTC))
    spend(started_at=datetime(2026, 11, 12, 23, tzinfo=UTC))

    report = of(By.HOUR)

    assert counts(report, "hour") == {9: 2, 0: 1}
    assert [row.hour for row in report.rows] == list(range(24))


def test_an_hour_that_the_clocks_repeat_is_the_same_hour_of_the_day(spend: Spend) -> None:
    for hour in (0, 1):
        spend(started_at=datetime(2026, 10, 25, hour, 30, tzinfo=UTC))

    report = of(By.HOUR, period=(date(2026, 10, 25), date(2026, 10, 25)))

    assert counts(report, "hour") == {2: 2}


def test_who_is_in_two_groups_is_counted_in_both_and_once_in_all(
    ben: User, cleo: User, spend: Spend
) -> None:
    sales, law = (Group.objects.create(name=name) for name in ("Sales", "Law"))
    ben.groups.add(sales, law)
    spend(user=ben)
    spend(user=cleo)

    report = of(By.GROUP)

    assert counts(report, "group") == {"Sales": 1, "Law": 1, "": 1}
    assert report.total.completions == 2


def test_what_it_was_made_for_and_who_pays_are_told_apart(spend: Spend) -> None:
    spend(source=Source.TITLE, cost_centre="4711")
    spend()

    assert counts(of(By.SOURCE), "source") == {"title": 1, "chat": 1}
    assert counts(of(By.COST_CENTRE), "cost_centre") == {"4711": 1, "": 1}


@pytest.mark.parametrize("by", [By.DAY, By.MONTH, By.HOUR, By.PERSON, By.GROUP, By.MODEL])
def test_every_way_of_looking_adds_up_to_what_the_scope_holds(
    ben: User, cleo: User, spend: Spend, by: By
) -> None:
    sales = Group.objects.create(name="Sales")
    cleo.groups.add(sales)
    wanted = {"user": cleo, "source": Source.API, "cost_centre": "4711", "model_asked": "gpt-5.1"}
    spend(**wanted)
    for name, other in {
        "user": ben,
        "source": Source.CHAT,
        "cost_centre": "",
        "model_asked": "x",
    }.items():
        spend(**wanted | {name: other})

    narrow = {"group": sales, "source": "api", "cost_centre": "4711", "model": "gpt-5.1"}

    assert of(by).total.completions == 5
    assert [of(by, **{name: value}).total.completions for name, value in narrow.items()] == [4] * 4
    assert of(by, **narrow).total.completions == 1


def test_an_empty_cost_centre_is_those_who_have_none(spend: Spend) -> None:
    spend(cost_centre="4711")
    spend()
    spend()

    assert of(By.DAY, cost_centre="").total.completions == 2
    assert of(By.DAY, cost_centre=None).total.completions == 3


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (date(2026, 9, 1), date(2026, 11, 30), 91),
        (date(2026, 9, 15), date(2026, 11, 9), 56),
        (date(2026, 9, 30), date(2026, 10, 1), 2),
        (date(2026, 10, 2), date(2026, 10, 30), 29),
        (date(2026, 9, 1), date(2026, 9, 30), 30),
        (date(2026, 9, 2), date(2026, 10, 31), 60),
        (date(2026, 10, 1), date(2026, 11, 1), 32),
    ],
)
@pytest.mark.parametrize("by", [By.MODEL, By.MONTH])
def test_months_and_days_together_hold_each_day_of_a_period_once(
    every_day: None,
    start: date,
    end: date,
    days: int,
    by: By,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON.replace(month=12))

    assert of(by, period=(start, end)).total.completions == days


def test_this_month_to_date_is_a_whole_one_until_it_is_over(
    spend: Spend, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend()
    to_date = Scope(NOVEMBER[0], NOON.date())

    for month, grain in ((11, Grain.MONTH), (12, Grain.DAY)):
        monkeypatch.setattr(timezone, "now", lambda month=month: NOON.replace(month=month))
        assert [total.grain for total in to_date.totals()] == [grain]


@pytest.fixture
def every_day(ben: User, spend: Spend) -> None:
    """One request on each of 91 days, whose totals are made of the ledger."""
    for ordinal in range(date(2026, 9, 1).toordinal(), date(2026, 12, 1).toordinal()):
        spend(started_at=datetime.combine(date.fromordinal(ordinal), NOON.timetz()))


def test_days_of_a_long_period_are_shown_by_month_and_its_hours_are_those_of_the_last_days(
    spend: Spend,
) -> None:
    spend(started_at=NOON.replace(month=3))
    spend()
    year = date(2025, 12, 1), date(2026, 12, 1)

    assert counts(of(By.DAY, period=year), "day") == {date(2026, 11, 1): 1, date(2026, 3, 1): 1}
    hours = of(By.HOUR, period=year)
    assert (hours.start, hours.total.completions) == (date(2026, 11, 1), 1)


def test_conversations_are_told_apart_and_what_cannot_be_opened_is_one_row(
    ben: User, spend: Spend
) -> None:
    here, binned, gone = (
        Conversation.objects.create(owner=ben, title=title, model="x")
        for title in ("here", "binned", "gone")
    )
    for conversation in (here, here, binned, gone):
        spend(conversation=conversation)
    gone.delete()
    Conversation.objects.filter(pk=binned.pk).update(deleted_at=timezone.now())

    report = of(By.CONVERSATION, user=ben)

    assert [(row.conversation, row.completions) for row in report.rows] == [(here, 2), (None, 2)]


def test_what_others_spent_in_a_conversation_of_mine_is_not_mine(
    ben: User, cleo: User, spend: Spend
) -> None:
    spend(user=cleo, conversation=Conversation.objects.create(owner=ben, title="x", model="x"))

    assert list(of(By.CONVERSATION, user=ben).rows) == []


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=6))
def test_conversations_have_the_figures_of_the_totals(
    ben: User, spend: Spend, estimated: Spend, rows: list[dict[str, int | None]]
) -> None:
    Total.objects.all().delete()
    Completion.objects.all().delete()
    for row in rows:
        spend(**row)
    estimated(prompt=7, output=8, cached_tokens=3)

    found = in_all(of(By.CONVERSATION, user=ben).rows)
    right = of(By.MODEL, user=ben).total

    for name in (
        "completions",
        "estimated",
        "failed",
        "stopped",
        "unknown",
        "unpriced",
        "prompt_tokens",
        "output_tokens",
        "cached_tokens",
        "reasoning_tokens",
        "costs",
    ):
        assert getattr(found, name) == getattr(right, name), name


def test_outcomes_are_counted_with_how_long_the_first_token_took(spend: Spend) -> None:
    for seconds in (1, 2, 2):
        spend(first_token_at=NOON.replace(second=seconds))
    spend(state=CompletionState.FAILED)

    (row,) = of(By.OUTCOME).rows

    assert (row.completions, row.failed) == (4, 1)
    assert row.first_token_p50 is not None
    assert row.first_token_p50.seconds == Decimal("1.25")


def test_whoever_may_sign_in_and_used_nothing_is_named_with_their_last_day(
    ben: User, cleo: User, rita: User, spend: Spend
) -> None:
    spend(user=ben)
    spend(user=cleo, started_at=NOON.replace(month=10, hour=23))
    User.objects.create_user("dan@example.org", is_active=False)

    found = without_use(Scope(*NOVEMBER))

    assert [(each.user, each.last_day) for each in found] == [
        (rita, None),
        (cleo, date(2026, 10, 11)),
    ]


def test_without_use_is_meant_of_what_the_page_is_narrowed_to(
    ben: User, cleo: User, spend: Spend
) -> None:
    sales = Group.objects.create(name="Sales")
    ben.groups.add(sales)
    spend(user=ben, model_asked="gpt-5.1")

    assert [each.user for each in without_use(Scope(*NOVEMBER, group=sales, model="x"))] == [ben]
    assert without_use(Scope(*NOVEMBER, group=sales, model="gpt-5.1")) == []


def test_a_statement_is_of_one_month_and_cost_centre_with_its_bounds(
    ben: User, cleo: User, spend: Spend, estimated: Spend
) -> None:
    spend(user=ben, cost_centre="4711")
    estimated(prompt=1_000_000, output=0, user=cleo, cost_centre="4711")
    spend(user=cleo, cost_centre="4712")
    spend(user=cleo, cost_centre="4711", started_at=NOON.replace(month=10))

    found = statement(date(2026, 11, 1), "4711")

    assert [(row.user, row.completions) for row in found.by_person] == [(cleo, 1), (ben, 1)]
    assert [row.completions for row in found.by_model] == [2]
    (low, likely, high) = (found.total.costs_low, found.total.costs, found.total.costs_high)
    assert low[0][1] == Decimal("0.0181744") < likely[0][1] < high[0][1]
    assert statement(date(2026, 11, 1), None).total.completions == 3
    assert statement(date(2026, 11, 1), "").total.completions == 0


def test_every_month_with_use_is_listed_with_its_cost_centres(spend: Spend) -> None:
    spend(cost_centre="4711")
    spend()
    spend(started_at=NOON.replace(month=10))

    assert [
        (month, [row.cost_centre for row in centres]) for month, centres in months().items()
    ] == [(date(2026, 11, 1), ["", "4711"]), (date(2026, 10, 1), [""])]
