"""A budget tried on what was asked: whom it would have refused, and when."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone

from chat.domain import what_if
from chat.domain.what_if import Replay
from chat.enums import CompletionState, Period
from chat.models import Budget, User
from tests.usage.conftest import NOON, ClientFor, Spend

PAGE = "what_if"
TODAY = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_a_monday_in_november(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: TODAY)


def replay(**fields: Any) -> Replay:
    budget = Budget(**{"period": Period.DAY, "tokens": 1000} | fields)
    return what_if.replay(budget, since=TODAY - timedelta(days=90), until=TODAY)


def ask(spend: Spend, *, times: int, output: int = 400, **fields: Any) -> None:
    for number in range(times):
        started_at = fields.get("started_at", NOON) + timedelta(minutes=number)
        spend(
            **fields | {"started_at": started_at, "prompt_tokens": 0, "completion_tokens": output}
        )


def test_what_begins_above_the_limit_would_have_been_refused(ben: User, spend: Spend) -> None:
    ask(spend, times=5)

    found = replay()

    # 400, 800, and the third passes the limit.
    assert (found.requests, found.refused, found.passed) == (5, 2, 3)
    assert [(hit.user, hit.refused, hit.requests) for hit in found.people] == [(ben, 2, 5)]
    (span,) = found.spans
    assert span.first_refused_at == NOON + timedelta(minutes=3)


def test_each_period_begins_anew(spend: Spend) -> None:
    ask(spend, times=3)
    ask(spend, times=3, started_at=NOON + timedelta(days=1))

    assert replay().refused == 0
    assert replay(period=Period.MONTH).refused == 3


def test_days_are_the_teams(spend: Spend, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Madrid"
    ask(spend, times=2, output=1000, started_at=datetime(2026, 11, 10, 22, 59, tzinfo=UTC))

    assert replay().refused == 0


def test_all_have_it_together_or_each_has_as_much(ben: User, cleo: User, spend: Spend) -> None:
    ask(spend, times=2, output=600)
    ask(spend, times=2, output=600, user=cleo, started_at=NOON + timedelta(hours=1))

    assert [hit.user for hit in replay().people] == [cleo]
    assert replay(is_shared=False).refused == 0


def test_a_budget_is_tried_on_those_for_whom_it_is(ben: User, cleo: User, spend: Spend) -> None:
    group = Group.objects.create(name="Sales")
    cleo.groups.add(group)
    ask(spend, times=4)
    ask(spend, times=1, user=cleo)

    assert replay(user=cleo).requests == 1
    assert replay(group=group).requests == 1
    assert replay(user=ben).refused == 1


def test_money_counts_by_what_it_cost_and_what_has_no_price_is_told_apart(spend: Spend) -> None:
    ask(spend, times=3, output=100_000)
    ask(spend, times=2, model_asked="unheard-of")

    found = replay(tokens=None, money=Decimal("1.5"), currency="USD")

    # 0.96 each: the third begins above.
    assert (found.requests, found.refused, found.unpriced) == (5, 1, 2)


def test_what_failed_takes_nothing(spend: Spend) -> None:
    spend(state=CompletionState.FAILED)

    found = replay(tokens=None, money=Decimal(1), currency="USD")

    assert (found.requests, found.refused, found.unpriced) == (1, 0, 0)


def test_the_page_says_how_many_and_whom(rita: User, client_for: ClientFor, spend: Spend) -> None:
    ask(spend, times=5)

    answer = client_for(rita).get(reverse(PAGE), {"tokens": "1000", "period": "day"})

    page = answer.content.decode()
    assert "<strong>2 requests</strong> of 5 would have been refused." in page
    assert ">Ben</th>" in page


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"period": "day"}, "tokens"),
        ({"period": "day", "tokens": "5", "money": "5", "currency": "USD"}, "tokens"),
        ({"period": "day", "money": "5", "currency": "dollars"}, "currency"),
        ({"period": "day", "money": "5", "currency": ""}, "currency"),
        ({"period": "year", "tokens": "5"}, "period"),
        ({"period": "day", "tokens": "many"}, "tokens"),
        ({"period": "day", "tokens": "5", "user": "0"}, "user"),
    ],
)
def test_what_makes_no_budget_is_explained(
    rita: User, client_for: ClientFor, query: dict[str, str], field: str
) -> None:
    answer = client_for(rita).get(reverse(PAGE), query)

    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert "replay" not in answer.context


def test_nothing_is_tried_before_somebody_asks(rita: User, client_for: ClientFor) -> None:
    answer = client_for(rita).get(reverse(PAGE))

    assert answer.context["form"].errors == {}
    assert "replay" not in answer.context


def test_to_a_member_there_is_no_such_page(ben: User, client_for: ClientFor) -> None:
    assert client_for(ben).get(reverse(PAGE), {"tokens": "5", "period": "day"}).status_code == 404
