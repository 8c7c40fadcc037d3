"""What a person's conversations used: in which order they stand, a page at a time, with what their
requests cost by later prices, and after they are gone."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from chat.domain import revaluing, totals
from chat.enums import CompletionState, Grain
from chat.models import Completion, Conversation, Price, Total, User
from chat.queries import calendar
from tests.usage.conftest import NOON, ClientFor, Spend
from tests.usage.test_pages import NOVEMBER, cells

MINE = "/usage/"
OTHER = "nobody-knows-its-price"


@pytest.fixture
def talk(ben: User, spend: Spend) -> Any:
    """A conversation of Ben's with one request."""

    def begun(title: str, **fields: Any) -> Completion:
        conversation = Conversation.objects.create(owner=ben, title=title, model="x")
        return spend(conversation=conversation, **fields)

    return begun


@pytest.fixture
def ben_sees(ben: User, client_for: ClientFor) -> Client:
    return client_for(ben)


def _price_in_euros(since: datetime) -> None:
    rates = {"prompt": Decimal(3), "completion": Decimal(1), "currency": "EUR"}
    Price.objects.create(model=OTHER, effective_from=since, **rates)


def titles(client: Client, **query: str) -> list[str]:
    rows = client.get(MINE, NOVEMBER | {"by": "conversation"} | query).context["rows"]
    return [row.conversation.title if row.conversation else "" for row in rows]


@pytest.mark.parametrize(
    ("sort", "right"),
    [
        ("", "dear cheap many unpriced"),
        ("-cost", "dear cheap many unpriced"),
        ("cost", "many cheap dear unpriced"),
        ("name", "cheap dear many unpriced"),
        ("-name", "unpriced many dear cheap"),
        ("-requests", "many dear cheap unpriced"),
        ("-in", "unpriced dear cheap many"),
        ("out", "many cheap dear unpriced"),
        ("-thinking", "cheap dear many unpriced"),
        ("nonsense", "dear cheap many unpriced"),
    ],
)
def test_they_are_sorted_by_any_column_the_unknown_and_the_deleted_last(
    ben_sees: Client, talk: Any, spend: Spend, sort: str, right: str
) -> None:
    spend(prompt_tokens=10**6, completion_tokens=10**6)
    talk("cheap", prompt_tokens=100, completion_tokens=10, reasoning_tokens=9)
    talk("dear", prompt_tokens=200, completion_tokens=20)
    many = talk("many", prompt_tokens=1, completion_tokens=1)
    spend(conversation=many.conversation, state=CompletionState.FAILED)
    talk("unpriced", model_asked=OTHER, prompt_tokens=900, completion_tokens=90)

    assert titles(ben_sees, sort=sort) == [*right.split(), ""]


def test_fifty_stand_on_a_page_and_their_sum_is_that_of_all(ben_sees: Client, talk: Any) -> None:
    for number in range(52):
        talk(f"{number:02}")

    shown = {page: titles(ben_sees, sort="name", page=page) for page in ("1", "2", "99")}
    answer = ben_sees.get(MINE, NOVEMBER | {"by": "conversation"})

    assert shown["1"] == [f"{number:02}" for number in range(50)]
    assert shown["2"] == shown["99"] == ["50", "51"]
    assert answer.context["in_all"].completions == 52


def test_a_conversation_costs_what_its_requests_cost_by_later_prices(
    ben_sees: Client, talk: Any
) -> None:
    row = talk("Later", model_asked=OTHER, prompt_tokens=1_000_000, completion_tokens=0)
    _price_in_euros(since=row.started_at)
    revaluation = revaluing.begin(model=OTHER, by=None, reason="Missing", includes_priced=False)
    while not revaluing.proceed(revaluation, seconds=0):
        pass

    answer = ben_sees.get(MINE, NOVEMBER | {"by": "conversation"})

    assert [each.costs for each in answer.context["rows"]] == [(("EUR", Decimal(3)),)]


def test_the_file_has_a_line_for_each_currency_and_what_cost_nothing(
    ben_sees: Client, talk: Any, spend: Spend
) -> None:
    both = talk("=Both")
    _price_in_euros(since=both.started_at)
    spend(
        conversation=both.conversation,
        model_asked=OTHER,
        prompt_tokens=1_000_000,
        completion_tokens=0,
    )
    talk("Refused", state=CompletionState.FAILED)

    lines = cells(ben_sees.get("/usage/table.csv", NOVEMBER | {"by": "conversation"}))

    places = [lines[0].index(name) for name in ("conversation", "cost", "currency")]
    assert [[line[place] for place in places] for line in lines[1:]] == [
        ["'=Both", "3", "EUR"],
        ["'=Both", "0.0181744", "USD"],
        ["Refused", "0", "USD"],
    ]


def test_what_is_deleted_for_good_still_agrees_with_the_ledger(
    talk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    talk("gone").conversation.delete()
    talk("here")

    assert list(totals.differences()) == []
    Total.objects.by(Grain.TALK).update(completions=7)
    call_command("usage", "rebuild")
    assert list(totals.differences()) == []


@pytest.mark.parametrize("days", [(1, 2), (2,)])
def test_a_ledger_whose_totals_knew_no_conversations_is_added_up_once(
    ben_sees: Client, talk: Any, days: tuple[int, ...]
) -> None:
    """Also where that was begun and broken off."""
    for day in (1, 2):
        talk(f"old {day}", started_at=NOON.replace(day=day))
    lost = [calendar.midnight(date(2026, 11, day)) for day in days]
    Total.objects.by(Grain.TALK).filter(start__in=lost).delete()
    assert len(titles(ben_sees)) == 2 - len(days)

    totals.add_up_once()

    assert titles(ben_sees, sort="name") == ["old 1", "old 2"]


def test_only_the_rows_that_are_shown_are_read(
    ben_sees: Client, talk: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(52):
        talk(f"{number:02}")

    with django_assert_num_queries(10) as captured:
        ben_sees.get(MINE, NOVEMBER | {"by": "conversation"})

    assert sum("LIMIT 50" in query["sql"] for query in captured) == 1
    assert not any(
        'FROM "chat_completion"' in query["sql"] and "SUM" in query["sql"] for query in captured
    )
