"""The usage pages: who may see them, which period they show, and what the file holds."""

import csv
import io
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat.enums import CompletionState
from chat.models import User
from chat.queries.usage import Scope
from chat.rendering import sheet
from tests.usage.conftest import NOON, ClientFor, Spend, body_of

NOVEMBER = {"start": "2026-11-01", "end": "2026-11-30"}
TODAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
MINE, TEAM = "my_usage", "team_usage"
PAGES = [MINE, TEAM, "my_usage_csv", "team_usage_csv"]


@pytest.fixture(autouse=True)
def _on_a_monday_in_november(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: TODAY)


def cells(answer: Any) -> list[list[str]]:
    """The rows of a CSV file, its headers first."""
    return rows_of(answer.content.decode("utf-8-sig"))


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def sheet_of(**scope: Any) -> str:
    """The same file, read in the transaction of the test."""
    months = Scope(**{"start": date(2026, 11, 1), "end": date(2026, 11, 30)} | scope)
    left: Scope | None = months
    whole = sheet.HEAD
    while left is not None:
        piece, left = sheet.piece(months, left)
        whole += piece
    return whole.decode("utf-8-sig")


@pytest.mark.parametrize("page", PAGES)
def test_an_administrator_may_see_every_page(ana: User, client_for: ClientFor, page: str) -> None:
    assert client_for(ana).get(reverse(page), NOVEMBER).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_a_reviewer_sees_the_teams_figures_and_administers_nothing(
    rita: User, client_for: ClientFor, spend: Spend, page: str
) -> None:
    spend()
    client = client_for(rita)

    assert client.get(reverse(page), NOVEMBER).status_code == 200
    assert client.get(reverse("admin:index")).status_code != 200


def test_a_reviewer_who_is_switched_off_sees_nothing(rita: User, client_for: ClientFor) -> None:
    client = client_for(rita)
    User.objects.filter(pk=rita.pk).update(is_active=False)

    assert client.get(reverse(TEAM)).status_code == 302


@pytest.mark.parametrize(("page", "status"), list(zip(PAGES, [200, 404, 200, 404], strict=True)))
def test_to_a_member_the_team_has_no_page(
    ben: User, client_for: ClientFor, spend: Spend, page: str, status: int
) -> None:
    spend()

    assert client_for(ben).get(reverse(page), NOVEMBER).status_code == status


@pytest.mark.parametrize("page", PAGES)
def test_whoever_is_not_signed_in_is_asked_to(db: None, client: Client, page: str) -> None:
    answer = client.get(reverse(page))

    assert (answer.status_code, answer["Location"].partition("?")[0]) == (
        302,
        reverse("account_login"),
    )


@pytest.mark.parametrize("page", [MINE, TEAM])
def test_the_figures_of_the_seed_stand_on_the_page(
    ana: User, client_for: ClientFor, spend: Spend, page: str
) -> None:
    spend(user=ana)

    answer = client_for(ana).get(reverse(page))

    assert answer.context["report"].total.output_tokens == 1891
    text = answer.content.decode()
    assert ">13<" in text
    assert ">1,891<" in text
    assert ">1,480<" in text


def test_unknown_figures_are_said_to_be_unknown(
    ben: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(prompt_tokens=None)

    answer = client_for(ben).get(reverse(MINE))

    assert ">unknown<" in answer.content.decode()


def test_what_was_refused_has_no_figures_and_is_not_called_unknown(
    ben: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(state=CompletionState.FAILED)

    page = client_for(ben).get(reverse(MINE), NOVEMBER).content.decode()

    assert "No tokens: every request was refused." in page
    assert "unknown" not in page


def test_a_sum_that_holds_an_estimate_is_marked(
    ben: User, client_for: ClientFor, spend: Spend, estimated: Spend
) -> None:
    spend()
    exact = client_for(ben).get(reverse(MINE), NOVEMBER).content.decode()
    estimated(prompt=100, output=200, started_at=NOON.replace(day=9))

    page = client_for(ben).get(reverse(MINE), NOVEMBER).content.decode()

    assert "≈" not in exact
    assert "≈ 2,091 tokens out and 113 in" in page
    # Of the day, and in all; not of the day that is exact.
    assert len(re.findall(r"<td[^>]*>≈ ", page)) == 2 * 3


def test_what_a_cache_saved_is_said(ben: User, client_for: ClientFor, spend: Spend) -> None:
    spend(prompt_tokens=100_000, completion_tokens=1)
    without = client_for(ben).get(reverse(MINE), NOVEMBER).content.decode()
    spend(prompt_tokens=100_000, cached_tokens=50_000, completion_tokens=1)

    page = client_for(ben).get(reverse(MINE), NOVEMBER).content.decode()

    # 50,000 × (1.60 − 0.16), a million.
    assert "Tokens that were read from a cache saved 0.0720\xa0USD." in page
    assert "cache saved" not in without


@pytest.mark.django_db(transaction=True)
def test_a_member_sees_only_their_own_figures(
    ben: User, cleo: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(user=ben, prompt_tokens=1, completion_tokens=2)
    spend(user=cleo, prompt_tokens=333, completion_tokens=444)

    answer = client_for(ben).get(reverse(MINE), NOVEMBER)
    file = client_for(ben).get(reverse("my_usage_csv"), NOVEMBER)

    assert answer.context["report"].total.prompt_tokens == 1
    assert [line[1] for line in rows_of(body_of(file))] == ["person", "Ben"]


@pytest.mark.django_db(transaction=True)
def test_the_team_is_shown_with_everybody(
    ana: User, ben: User, cleo: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(user=ben)
    spend(user=cleo)

    answer = client_for(ana).get(reverse(TEAM), NOVEMBER | {"by": "person"})
    file = client_for(ana).get(reverse("team_usage_csv"), NOVEMBER)

    assert [row.user for row in answer.context["report"].rows] == [ben, cleo]
    assert [line[1] for line in rows_of(body_of(file))] == ["person", "Ben", "Cleo"]


def test_without_a_period_it_is_this_month_to_date(ben: User, client_for: ClientFor) -> None:
    report = client_for(ben).get(reverse(MINE)).context["report"]

    assert (report.start, report.end) == (date(2026, 11, 1), date(2026, 11, 23))


def test_the_first_day_alone_reaches_to_today(ben: User, client_for: ClientFor) -> None:
    report = client_for(ben).get(reverse(MINE), {"start": "2026-06-05"}).context["report"]

    assert (report.start, report.end) == (date(2026, 6, 5), date(2026, 11, 23))


@pytest.mark.parametrize(
    ("period", "field", "error"),
    [
        ({"start": "yesterday"}, "start", "Give a day as year-month-day, such as 2026-11-23."),
        ({"end": "2026-02-30"}, "end", "Give a day as year-month-day, such as 2026-11-23."),
        ({"end": "31/12/2026"}, "end", "Give a day as year-month-day, such as 2026-11-23."),
        ({"start": "2026-11-01\0"}, "start", "Give a day as year-month-day, such as 2026-11-23."),
        ({"start": "0001-01-01"}, "start", "Give a day from the year 2000 on."),
        ({"end": "9999-12-31"}, "end", "Give a day from the year 2000 on."),
        (
            {"start": "2026-11-02", "end": "2026-11-01"},
            "end",
            "Give a last day that is not before the first.",
        ),
        (
            {"start": "2016-01-01", "end": "2026-01-08"},
            "end",
            "Give a period of at most 3660 days.",
        ),
    ],
)
def test_a_period_that_cannot_be_used_is_explained_and_this_month_is_shown(
    ben: User, client_for: ClientFor, period: dict[str, str], field: str, error: str
) -> None:
    client = client_for(ben)

    answer = client.get(reverse(MINE), period)
    file = client.get(reverse("my_usage_csv"), period, follow=True)

    for page in (answer, file):
        assert page.status_code == 200
        assert page.context["period_form"].errors == {field: [error]}
        assert error in page.content.decode()
        assert page.context["report"].start == date(2026, 11, 1)


def test_a_period_may_have_ten_years(ben: User, client_for: ClientFor) -> None:
    period = {"start": "2016-01-01", "end": "2026-01-07"}

    answer = client_for(ben).get(reverse(MINE), period)

    assert answer.context["period_form"].errors == {}


def test_days_are_the_teams_whoever_looks_and_the_page_says_so(
    ana: User, client_for: ClientFor, spend: Spend, settings: Settings
) -> None:
    settings.TIME_ZONE = "Europe/Madrid"
    spend(user=ana, started_at=datetime(2026, 11, 10, 22, tzinfo=UTC))
    client = client_for(ana)

    for zone in ("Asia/Tokyo", ""):
        ana.time_zone = zone
        ana.save(update_fields=["time_zone"])
        for page in (MINE, TEAM):
            answer = client.get(reverse(page))
            assert [row.day for row in answer.context["report"].rows] == [date(2026, 11, 10)]
            says_so = "in the time zone Europe/Madrid" in answer.content.decode()
            assert says_so is bool(zone)


def test_what_it_costs_comes_first(ben: User, client_for: ClientFor, spend: Spend) -> None:
    spend()
    spend(model_asked="unheard-of")

    page = client_for(ben).get(reverse(MINE), NOVEMBER | {"by": "model"}).content.decode()

    assert '<p class="usage__sentence"><strong>≥ 0.0182\xa0USD</strong>: 3,782 tokens out' in page
    assert "One request has no price and is not in the cost" in page
    assert ">unknown</td>" in page


@pytest.mark.django_db(transaction=True)
def test_the_file_holds_the_rows_of_the_page_and_leaves_the_unknown_empty(
    ben: User, client_for: ClientFor, spend: Spend, estimated: Spend
) -> None:
    spend()
    estimated(prompt=7, output=8, started_at=NOON.replace(day=9))
    spend(prompt_tokens=None, started_at=NOON.replace(day=8))

    answer = client_for(ben).get(reverse("my_usage_csv"), NOVEMBER)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == (
        'attachment; filename="evoweb-usage-2026-11-01-2026-11-30.csv"'
    )
    me, exactly = ["Ben", "ben@example.org", "Gemini-3.0-pro"], ["0.0181744", "USD"]
    assert rows_of(body_of(answer))[1:] == [
        ["2026-11-10", *me, "1", "13", "1891", "1480", "0", "1904", "0", "0", *exactly, "0"],
        ["2026-11-09", *me, "1", "7", "8", "", "", "15", "1", "0", "0.000088", "USD", "0"],
        ["2026-11-08", *me, "1", "", "", "", "", "", "0", "1", "", "", "1"],
    ]


def test_the_files_headers_are_the_same_in_every_language(ben: User, client_for: ClientFor) -> None:
    ben.language = "es"
    ben.save(update_fields=["language"])

    answer = client_for(ben).get(reverse("my_usage_csv"), NOVEMBER)

    assert rows_of(body_of(answer)) == [
        [
            "day",
            "person",
            "email",
            "model",
            "completions",
            "prompt_tokens",
            "output_tokens",
            "reasoning_tokens",
            "cached_tokens",
            "total_tokens",
            "completions_estimated",
            "completions_without_figures",
            "cost",
            "currency",
            "completions_without_price",
        ]
    ]


@pytest.mark.parametrize(
    ("words", "harmless"),
    [
        ("=A1", "'=A1"),
        ("+A1", "'+A1"),
        ("-A1", "'-A1"),
        ("@A1", "'@A1"),
        ("\t=A1", "'\t'=A1"),
        ("\rA1", "'\rA1"),
        (" =A1", "' =A1"),
        ("\u200b=A1", "'\u200b=A1"),
        ("＝A1", "'＝A1"),
        # Where a semicolon or a tab ends a cell, as it does in Spanish.
        ("x;=A1;y", "x;'=A1;y"),
        ("x; +A1", "x;' +A1"),
        ("x\t=A1", "x\t'=A1"),
        ("x,@A1", "x,'@A1"),
        ("x|=A1", "x|'=A1"),
        ("one-two; three = four", "one-two; three = four"),
    ],
)
def test_a_cell_is_never_a_formula(ben: User, spend: Spend, words: str, harmless: str) -> None:
    ben.display_name, ben.email = words, f"{words}@example.org"
    ben.save(update_fields=["display_name", "email"])
    spend(model_asked=words)

    assert rows_of(sheet_of())[1][1:4] == [harmless, f"{harmless}@example.org", harmless]


def test_names_arrive_in_a_spreadsheet_as_they_are(ben: User, spend: Spend) -> None:
    ben.display_name = 'Begoña "Bea", 李'
    ben.save(update_fields=["display_name"])
    spend()

    assert sheet.HEAD.startswith(b"\xef\xbb\xbf")
    assert rows_of(sheet_of())[1][1] == 'Begoña "Bea", 李'


@pytest.mark.parametrize(("start", "months"), [((2026, 11, 1), 1), ((2026, 9, 30), 3)])
def test_the_file_is_read_month_by_month_however_much_there_is(
    ben: User,
    cleo: User,
    spend: Spend,
    start: tuple[int, int, int],
    months: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    days = [datetime(2026, *day, 12, tzinfo=UTC) for day in ((11, 30), (11, 1), (10, 31), (9, 30))]
    for day in days:
        spend(user=ben, started_at=day)
        spend(user=cleo, started_at=day)

    with django_assert_num_queries(2 * months):
        lines = rows_of(sheet_of(start=date(*start)))[1:]

    found = [str(day.date()) for day in days if day.date() >= date(*start)]
    assert [line[0] for line in lines] == [day for day in found for _ in range(2)]


@pytest.mark.parametrize("page", [MINE, TEAM])
def test_a_page_costs_the_same_queries_however_long(
    ana: User,
    ben: User,
    client_for: ClientFor,
    spend: Spend,
    page: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_for(ana)
    client.get(reverse(page), NOVEMBER)

    def cost() -> int:
        with django_assert_max_num_queries(12) as captured:
            client.get(reverse(page), NOVEMBER)
        return len(captured)

    spend(user=ana)
    with_one = cost()
    for day in (1, 2):
        spend(user=ana, started_at=NOON.replace(day=day))
        spend(user=ben, started_at=NOON.replace(day=day))

    assert cost() == with_one
