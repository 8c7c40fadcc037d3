"""What people are told on their pages, what is left of a budget, and the page of all budgets."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat.domain import notices
from chat.enums import News, Period
from chat.models import Allowance, Budget, Notice, User
from chat.queries import calendar
from tests.usage.conftest import ClientFor

TODAY = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_a_monday_in_november(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: TODAY)


def tell(user: User, words: str = "Not now", *, about: str = "request:1") -> Notice:
    notices.tell(
        [user],
        News.MORE_DECLINED,
        subject=about,
        figures={"words": words},
        expires_at=TODAY + timedelta(days=1),
    )
    return Notice.objects.latest("pk")


def used(budget: Budget, amount: int, *, by: User | None = None, held: int = 0) -> None:
    start, _next = calendar.starts(budget.period, TODAY)
    Allowance.objects.create(budget=budget, user=by, start=start, used=amount, held=held)


def page(client: Client, address: str = "/") -> str:
    return client.get(address).content.decode()


def left(client: Client) -> str:
    """What stands beside the composer."""
    (line,) = re.findall(r'<p id="budget-left".*?</p>', page(client), re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", line).split())


def test_a_notice_is_shown_to_its_person_until_it_is_put_away(
    ben: User, cleo: User, client_for: ClientFor
) -> None:
    notice, bens, cleos = tell(ben), client_for(ben), client_for(cleo)
    assert "You do not get more of the budget. Not now" in page(bens)
    assert "Not now" not in page(cleos)

    address = reverse("read_notice", args=(notice.pk,))
    assert cleos.post(address).status_code == 404
    assert "Not now" in page(bens)
    answer = bens.post(address, {"next": "/usage/"})

    assert answer["Location"] == "/usage/"
    assert "Not now" not in page(bens)


def test_newer_news_of_the_same_takes_the_place_of_older(ben: User, client_for: ClientFor) -> None:
    tell(ben, "The first")
    tell(ben, "The second")
    shown = page(client_for(ben))

    tell(ben, "Another", about="request:2")
    with_another = page(client_for(ben))

    assert ("The first" in shown, "The second" in shown) == (False, True)
    assert ("The second" in with_another, "Another" in with_another) == (True, True)


def test_what_is_no_news_any_more_is_not_shown(ben: User, client_for: ClientFor) -> None:
    tell(ben)
    Notice.objects.update(expires_at=TODAY)

    assert "Not now" not in page(client_for(ben))


@pytest.mark.parametrize(
    ("taken", "held", "line"),
    [
        (790, 9, ""),
        (800, 0, "Your budget for today: 200 of 1,000 tokens left. Ask for more"),
        (100, 850, "Your budget for today: 50 of 1,000 tokens left. Ask for more"),
    ],
)
def test_what_is_left_is_said_when_it_is_little(
    ben: User, client_for: ClientFor, taken: int, held: int, line: str
) -> None:
    used(Budget.objects.create(user=ben, period=Period.DAY, tokens=1000), taken, held=held)
    used(Budget.objects.create(period=Period.MONTH, tokens=10**6), 10)

    assert left(client_for(ben)) == line


def test_of_several_the_one_with_least_left_is_named(ben: User, client_for: ClientFor) -> None:
    used(Budget.objects.create(user=ben, period=Period.DAY, tokens=1000), 850)
    used(Budget.objects.create(period=Period.MONTH, tokens=10**6), 990_000)

    assert left(client_for(ben)).startswith("The shared budget for this month: 10,000 of")


def test_over_a_soft_budget_it_is_said_and_nothing_is_asked(
    ben: User, client_for: ClientFor
) -> None:
    soft = Budget.objects.create(user=ben, period=Period.DAY, tokens=1000, is_hard=False)
    used(soft, 1200)

    expected = "Your budget for today: 200 tokens over 1,000 tokens. Nothing is refused."
    assert left(client_for(ben)) == expected


def test_after_an_answer_the_line_is_asked_for_by_those_alone_who_have_a_budget(
    ben: User,
    cleo: User,
    client_for: ClientFor,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    budget = Budget.objects.create(user=ben, period=Period.DAY, tokens=1000)
    client = client_for(ben)
    assert "hx-get" not in re.findall('<p id="budget-left".*?>', page(client_for(cleo)))[0]
    assert reverse("budget_left") in re.findall('<p id="budget-left".*?>', page(client))[0]
    used(budget, 900)

    # The session, the person, their budgets, and what is used and granted of them.
    with django_assert_max_num_queries(5):
        answer = client.get(reverse("budget_left"))

    assert "100 of 1,000 tokens left" in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_the_page_of_budgets_says_where_each_stands(
    rita: User, ben: User, cleo: User, client_for: ClientFor
) -> None:
    used(Budget.objects.create(period=Period.MONTH, tokens=10_000), 2500, held=500)
    each = Budget.objects.create(period=Period.DAY, tokens=1000, is_shared=False)
    used(each, 100, by=ben)
    used(each, 700, by=cleo)

    shown = page(client_for(rita), reverse("budget_list"))

    rows = [
        " ".join(re.sub(r"<[^>]+>", " ", row).split())
        for row in re.findall(r"<tr>.*?</tr>", shown, re.S)
    ]
    assert rows[1].startswith("Everybody together, each month 25 % 2,500 7,000 10,000 tokens 500")
    assert rows[2].startswith("Each person, each day – – 1,000 tokens –")
    assert rows[3].startswith("Cleo 70 % 700 300 1,000 tokens 0")
    assert rows[4].startswith("Ben 10 % 100 900 1,000 tokens 0")
    assert "Estimates count with their likely figure." in shown


def test_reviewers_look_at_budgets_and_administrators_change_them(
    ana: User, rita: User, ben: User, client_for: ClientFor
) -> None:
    budget = Budget.objects.create(period=Period.DAY, tokens=1000)
    change = reverse("admin:chat_budget_change", args=(budget.pk,))

    assert change in page(client_for(ana), reverse("budget_list"))
    assert change not in page(client_for(rita), reverse("budget_list"))
    assert client_for(ben).get(reverse("budget_list")).status_code == 404


def test_the_page_of_budgets_costs_the_same_queries_however_many(
    ana: User,
    ben: User,
    client_for: ClientFor,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_for(ana)

    def cost() -> int:
        with django_assert_max_num_queries(12) as captured:
            client.get(reverse("budget_list"))
        return len(captured)

    used(Budget.objects.create(user=ben, period=Period.DAY, tokens=10), 1)
    with_one = cost()
    for user in (ana, ben):
        used(Budget.objects.create(period=Period.DAY, tokens=9, is_shared=False), 1, by=user)
        used(Budget.objects.create(user=user, period=Period.MONTH, tokens=8), 1)

    assert cost() == with_one
