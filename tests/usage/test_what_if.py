"""Other prices and limits over what was used: what it would have cost, and whom it would refuse."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat.domain import pricing
from chat.enums import CompletionState, Period
from chat.models import Completion, Price, User
from chat.queries import limits, replay
from chat.queries.limits import Limit
from tests.usage.conftest import ClientFor, Spend

TODAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MODEL = "Gemini-3.0-pro"


@pytest.fixture(autouse=True)
def _on_a_monday_in_november(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: TODAY)


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().split()).replace("\N{NO-BREAK SPACE}", " ")


def price(**fields: Any) -> Price:
    rates = {"prompt": Decimal("0.5"), "cached": Decimal("0.25"), "completion": Decimal(2)}
    return Price(model=MODEL, **rates | fields)


def limit(amount: int | str, **fields: Any) -> Limit:
    defaults = {"currency": "", "period": Period.DAY, "people": None, "is_shared": True}
    return Limit(amount=Decimal(amount), **defaults | fields)


TIER = {
    "long_prompt_over": 1000,
    "long_prompt": Decimal(4),
    "long_cached": None,
    "long_completion": Decimal(8),
}


@pytest.mark.parametrize("tier", [{}, TIER])
def test_a_replay_adds_up_to_what_each_row_would_cost(
    spend: Spend, estimated: Spend, tier: dict[str, Any]
) -> None:
    proposed = price(**tier)
    for prompt, cached in ((999, 7), (1000, 5000), (1001, 0), (70_000, 60_000)):
        spend(
            started_at=TODAY - DAY,
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=11,
            total_tokens=prompt + 40,
            reasoning_tokens=23,
        )
    estimated(prompt=500, output=200, started_at=TODAY - DAY)
    spend(started_at=TODAY - DAY, prompt_tokens=None, completion_tokens=5)
    spend(started_at=TODAY - DAY, state=CompletionState.FAILED)
    spend(started_at=TODAY - 90 * DAY, prompt_tokens=9, completion_tokens=9)
    rows = Completion.objects.filter(started_at=TODAY - DAY).exclude(state=CompletionState.FAILED)
    by_hand = [pricing.cost_of(row, proposed) for row in rows]

    (found,) = replay.replay([proposed], days=90)

    assert found.would == sum(cost.likely for cost in by_hand if cost is not None)
    assert (found.replayed, found.requests, found.unpriced, found.estimated) == (5, 7, 1, 1)


def test_proposed_prices_stand_beside_what_it_did_cost(
    rita: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(started_at=TODAY - DAY, prompt_tokens=1_000_000, completion_tokens=0, total_tokens=0)
    query = {"prices": "1", f"{MODEL}-prompt": "1", f"{MODEL}-completion": "1"}

    answer = client_for(rita).get(reverse("what_if"), query | {f"{MODEL}-currency": "USD"})

    (found,) = answer.context["replays"]
    assert (found.did, found.would_be) == ((("USD", Decimal("3.2")),), (("USD", Decimal(1)),))
    assert "−2.20 USD" in words(answer)
    assert "≈ " not in words(answer).partition("<tbody>")[2].partition("</tbody>")[0]


def test_what_holds_estimates_is_marked(ana: User, client_for: ClientFor, estimated: Spend) -> None:
    estimated(prompt=1_000_000, output=0, started_at=TODAY - DAY)
    client = client_for(ana)
    form = {"model": MODEL, "currency": "USD", "prompt": "1", "completion": "1", "deed": "look"}

    replayed = words(client.get(reverse("what_if"), {"prices": "1"}))
    looked = words(client.post(reverse("set_price"), form))

    assert replayed.count(">≈ 3.20 USD<") == 2
    assert (
        "would have cost <strong>≈ 1.00 USD</strong> with it. They did cost ≈ 3.20 USD." in looked
    )


def test_what_is_not_proposed_keeps_its_price(
    rita: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(started_at=TODAY - DAY)

    (found,) = client_for(rita).get(reverse("what_if"), {"prices": "1"}).context["replays"]

    assert found.difference == (("USD", Decimal(0)),)


def test_a_proposal_that_makes_no_sense_is_explained_and_kept(
    rita: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(started_at=TODAY - DAY)
    query = {"prices": "1", f"{MODEL}-prompt": "-7", f"{MODEL}-completion": "1"}

    answer = client_for(rita).get(reverse("what_if"), query)

    assert "replays" not in answer.context
    assert 'value="-7"' in words(answer)
    assert "Give 0 or more." in words(answer)


# Limits


def took(spend: Spend, user: User, at: datetime, tokens: int) -> None:
    spend(user=user, started_at=at, prompt_tokens=tokens, completion_tokens=0, total_tokens=None)


def test_what_does_not_fit_is_refused_from_then_on_until_the_period_ends(
    spend: Spend, ben: User
) -> None:
    first = TODAY - 2 * DAY
    for hours, tokens in ((0, 60), (1, 50), (2, 40), (3, 1), (24, 100), (25, 1)):
        took(spend, ben, first + hours * HOUR, tokens)

    found = limits.replay(limit(100), days=90)

    assert (found.requests, found.refused) == (6, 3)
    (person,) = found.people
    assert (person[0], person[1], person[2].first_at) == (ben, 6, first + HOUR)
    assert [refusals.first_at for _start, refusals in found.periods] == [
        first + 25 * HOUR,
        first + HOUR,
    ]


@pytest.mark.parametrize(("is_shared", "refused"), [(True, ["ben"]), (False, [])])
def test_a_limit_is_had_together_or_by_each(
    spend: Spend, ben: User, cleo: User, is_shared: bool, refused: list[str]
) -> None:
    took(spend, cleo, TODAY - 2 * HOUR, 60)
    took(spend, ben, TODAY - HOUR, 60)

    found = limits.replay(limit(100, is_shared=is_shared), days=90)

    assert [person.name.lower() for person, _asked, _refusals in found.people] == refused


def test_a_limit_of_some_leaves_the_others_alone(spend: Spend, ben: User, cleo: User) -> None:
    took(spend, cleo, TODAY - 2 * HOUR, 600)
    took(spend, ben, TODAY - HOUR, 60)

    found = limits.replay(limit(100, people=frozenset([ben.pk])), days=90)

    assert (found.requests, found.refused) == (1, 0)


def test_a_limit_of_money_counts_what_requests_cost_and_says_what_has_no_cost(
    spend: Spend, ben: User
) -> None:
    for hours in (3, 2):
        spend(started_at=TODAY - hours * HOUR)
    spend(started_at=TODAY - HOUR, model_asked="unheard-of")

    found = limits.replay(limit("0.02", currency="USD", period=Period.MONTH), days=90)

    assert (found.requests, found.refused, found.unpriced) == (3, 1, 1)


def test_the_ledger_is_read_once(
    spend: Spend, ben: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        took(spend, ben, TODAY - HOUR, 60)

    with django_assert_num_queries(1):
        limits.replay(limit(100), days=90)


def test_a_limit_stands_in_the_address(
    ana: User, ben: User, client_for: ClientFor, spend: Spend
) -> None:
    group = Group.objects.create(name="Sales")
    group.user_set.add(ben)
    took(spend, ben, TODAY - HOUR, 60)
    took(spend, ana, TODAY - HOUR, 60)
    query = {"amount": "50", "unit": "tokens", "period": "day", "shared": "each"}

    answer = client_for(ana).get(reverse("what_if"), query | {"who": f"group-{group.pk}"})

    assert "<strong>One</strong> of 1 requests would have been refused." in words(answer)
    assert [person for person, *_ in answer.context["replayed"].people] == [ben]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"amount": ""}, "amount"), ({"amount": "nan"}, "amount"), ({"who": "group-999"}, "who")],
)
def test_a_limit_that_makes_no_sense_is_explained(
    ana: User, client_for: ClientFor, wrong: dict[str, str], field: str
) -> None:
    query = {"amount": "50", "unit": "tokens", "period": "day", "shared": "each", "who": ""}

    answer = client_for(ana).get(reverse("what_if"), query | wrong)

    assert list(answer.context["limit_form"].errors) == [field]
    assert "replayed" not in answer.context


def test_to_a_member_there_is_no_such_page(ben: User, client_for: ClientFor, spend: Spend) -> None:
    spend()

    assert client_for(ben).get(reverse("what_if")).status_code == 404
