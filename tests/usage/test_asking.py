"""Asking for more of a budget, beside the composer and as a page, and what is decided about it."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat.domain import asking
from chat.enums import Period, RequestState
from chat.models import Budget, BudgetRequest, User
from chat.queries import budgets, calendar
from tests.usage.conftest import ClientFor

TODAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
HTMX = {"HX-Request": "true"}
REQUESTS, MINE = "/usage/requests/", "/usage/requests/mine/"


@pytest.fixture(autouse=True)
def _on_a_monday_in_november(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: TODAY)


@pytest.fixture
def budget(ben: User) -> Budget:
    return Budget.objects.create(user=ben, period=Period.MONTH, tokens=1000)


def ask(client: Client, budget: Budget, reason: str = "The yearly report", **data: str) -> str:
    address = reverse("ask_for_more", args=(budget.pk,))
    answer = client.post(address, {"reason": reason} | data, follow=True)
    return answer.content.decode()


def asked(budget: Budget, user: User) -> BudgetRequest:
    return asking.ask(budget=budget, user=user, reason="The yearly report")


def decide(client: Client, request: BudgetRequest, deed: str = "grant", **data: str) -> str:
    address = f"{REQUESTS}{request.pk}/{deed}/"
    answer = client.post(address, {"amount": "500", "until": "2026-11-30"} | data, follow=True)
    return answer.content.decode()


def test_a_person_asks_and_sees_what_they_asked(
    ben: User, client_for: ClientFor, budget: Budget
) -> None:
    client = client_for(ben)
    page = client.get(reverse("ask_for_more", args=(budget.pk,))).content.decode()
    assert "1,000 of 1,000 tokens left" in page

    shown = ask(client, budget)

    assert BudgetRequest.objects.get().reason == "The yearly report"
    assert "You have asked for more." in shown
    assert "The yearly report" in shown


def test_where_the_budgets_stand_is_the_way_to_what_one_asked_for(
    ben: User, cleo: User, client_for: ClientFor, budget: Budget
) -> None:
    limited, free = (client_for(who).get("/usage/").content.decode() for who in (ben, cleo))

    assert f'<a href="{MINE}">' in limited
    assert MINE not in free


def test_without_a_reason_it_is_said_beside_the_field_and_the_text_is_kept(
    ben: User, client_for: ClientFor, budget: Budget
) -> None:
    shown = ask(client_for(ben), budget, reason=" ", text="What I wrote")

    assert "Say what you need it for." in shown
    assert 'name="text" value="What I wrote"' in shown
    assert not BudgetRequest.objects.exists()


def test_without_script_the_text_of_the_composer_is_given_back(
    ben: User, client_for: ClientFor, budget: Budget
) -> None:
    shown = ask(client_for(ben), budget, text="What I wrote", next="/conversations/")

    assert BudgetRequest.objects.exists()
    assert re.search(r"<textarea[^>]*>\nWhat I wrote</textarea>", shown)
    assert 'href="/conversations/"' in shown


def test_to_script_only_the_notice_is_answered(
    ben: User, client_for: ClientFor, budget: Budget
) -> None:
    client, address = client_for(ben), reverse("ask_for_more", args=(budget.pk,))

    wrong = client.post(address, {"reason": ""}, headers=HTMX)
    right = client.post(address, {"reason": "A report", "text": "Kept"}, headers=HTMX)

    assert (wrong.status_code, right.status_code) == (422, 200)
    assert "Say what you need it for." in wrong.content.decode()
    assert '<details class="ask" open>' in wrong.content.decode()
    for answer in (wrong, right):
        assert 'id="composer-notice"' in answer.content.decode()
        assert "<textarea" not in answer.content.decode()


def test_who_asks_twice_is_told_so_and_one_request_is_open(
    ben: User, client_for: ClientFor, budget: Budget
) -> None:
    client = client_for(ben)
    ask(client, budget)

    assert "already" in ask(client, budget, reason="Again")
    assert BudgetRequest.objects.get().reason == "The yearly report"


@pytest.mark.parametrize("fields", [{"is_active": False}, {"user": "cleo"}])
def test_what_does_not_apply_is_not_there(
    ben: User, cleo: User, client_for: ClientFor, budget: Budget, fields: dict[str, object]
) -> None:
    Budget.objects.update(**fields | ({"user": cleo} if "user" in fields else {}))
    address = reverse("ask_for_more", args=(budget.pk,))

    for answer in (client_for(ben).get(address), client_for(ben).post(address, {"reason": "x"})):
        assert answer.status_code == 404
    assert not BudgetRequest.objects.exists()


def test_nobody_sees_what_others_asked(
    ben: User, cleo: User, client_for: ClientFor, budget: Budget
) -> None:
    asked(budget, ben)

    assert "The yearly report" in client_for(ben).get(MINE).content.decode()
    assert "The yearly report" not in client_for(cleo).get(MINE).content.decode()


def test_as_it_comes_it_grants_half_as_much_until_the_end_of_the_period_in_one_press(
    ana: User, ben: User, client_for: ClientFor, budget: Budget
) -> None:
    request, client = asked(budget, ben), client_for(ana)
    page = client.get(REQUESTS).content.decode()
    fields = dict(re.findall(r'name="(amount|until)" value="([^"]+)"', page))
    assert "Ben" in page
    assert "The yearly report" in page

    decide(client, request, **fields)

    request.refresh_from_db()
    assert (request.state, request.granted) == (RequestState.GRANTED, 500)
    assert (request.decided_by, request.until) == (ana, calendar.midnight(date(2026, 12, 1)))
    assert budgets.standing(ben, TODAY)[0].limit == 1500
    assert "500 tokens more" in client_for(ben).get(MINE).content.decode()


def test_money_is_granted_exactly(ana: User, ben: User, client_for: ClientFor) -> None:
    budget = Budget.objects.create(period=Period.DAY, money=Decimal("10.50"), currency="USD")
    request = asked(budget, ben)

    decide(client_for(ana), request, amount="0.1", until="2026-11-23")

    request.refresh_from_db()
    assert request.granted == 10**11
    assert request.until == calendar.midnight(date(2026, 11, 24))


def test_it_is_declined_with_words_that_the_person_sees(
    ana: User, ben: User, client_for: ClientFor, budget: Budget
) -> None:
    request = asked(budget, ben)

    decide(client_for(ana), request, "decline", words="Wait for Monday")

    request.refresh_from_db()
    assert (request.state, request.granted) == (RequestState.DECLINED, None)
    shown = client_for(ben).get(MINE).content.decode()
    assert "Declined" in shown
    assert "Wait for Monday" in shown
    assert budgets.standing(ben, TODAY)[0].limit == 1000


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"amount": ""},
        {"amount": "much"},
        {"amount": "9" * 30},
        {"until": "2026-11-22"},
        {"until": ""},
        {"words": "x" * 501},
    ],
)
def test_a_decision_that_makes_no_sense_is_explained_and_kept(
    ana: User, ben: User, client_for: ClientFor, budget: Budget, wrong: dict[str, str]
) -> None:
    request = asked(budget, ben)

    shown = decide(client_for(ana), request, **{"words": "Kept"} | wrong)

    assert "errorlist" in shown
    assert wrong.get("words", 'value="Kept"') in shown
    request.refresh_from_db()
    assert request.state == RequestState.OPEN


def test_a_second_decision_changes_nothing_and_says_so(
    ana: User, ben: User, client_for: ClientFor, budget: Budget
) -> None:
    request, client = asked(budget, ben), client_for(ana)
    decide(client, request)

    shown = decide(client, request, amount="900")
    declined = decide(client, request, "decline")

    request.refresh_from_db()
    assert (request.state, request.granted) == (RequestState.GRANTED, 500)
    for page in (shown, declined):
        assert "Somebody has decided this already." in page


@pytest.mark.parametrize("who", ["ben", "rita"])
def test_only_administrators_decide(
    ben: User, rita: User, client_for: ClientFor, budget: Budget, who: str
) -> None:
    request = asked(budget, ben)
    client = client_for({"ben": ben, "rita": rita}[who])

    for deed in ("grant", "decline"):
        answer = client.post(f"{REQUESTS}{request.pk}/{deed}/", {"amount": "500"})
        assert answer.status_code == 404
    assert client.get(REQUESTS).status_code == 404
    request.refresh_from_db()
    assert request.state == RequestState.OPEN


def test_the_tab_says_how_many_wait(
    ana: User, ben: User, cleo: User, client_for: ClientFor, budget: Budget
) -> None:
    everybodys = Budget.objects.create(period=Period.DAY, tokens=10)
    asked(budget, ben)
    asked(everybodys, cleo)
    asking.decline(asked(everybodys, ben), by=ana)

    shown = client_for(ana).get("/usage/").content.decode()

    assert '<span class="tabs__count">2</span>' in shown


def test_the_page_costs_the_same_queries_however_many_ask(
    ana: User,
    ben: User,
    cleo: User,
    client_for: ClientFor,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client, each = client_for(ana), Budget.objects.create(period=Period.DAY, tokens=10)

    def cost() -> int:
        with django_assert_max_num_queries(14) as captured:
            client.get(REQUESTS)
        return len(captured)

    asking.decline(asked(each, ben), by=ana)
    asked(each, ben)
    with_one = cost()
    asked(each, cleo)
    asking.decline(asked(each, ana), by=ana)

    assert cost() == with_one
