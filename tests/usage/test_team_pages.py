"""The team's tables, people one by one, and statements: who sees them, and what stands in their
addresses."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat.domain import revaluing
from chat.enums import CompletionState, Period
from chat.models import Allowance, Budget, Conversation, Message, Price, User
from chat.queries import calendar
from chat.queries.usage import By
from tests.usage.conftest import NOON, SECRET, ClientFor, Spend
from tests.usage.test_pages import NOVEMBER, TODAY, cells

MINE, TEAM = "/usage/", "/usage/team/"
PEOPLE = NOVEMBER | {"by": "person"}


@pytest.fixture(autouse=True)
def _on_a_monday_in_november(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: TODAY)


@pytest.fixture
def rita_sees(rita: User, client_for: ClientFor) -> Client:
    return client_for(rita)


def pages_about(person: User) -> list[str]:
    return [
        TEAM,
        "/usage/team/table.csv",
        "/usage/team/without-use/",
        "/usage/team/without-use.csv",
        "/usage/team/feedback/",
        "/usage/team/feedback.csv",
        f"/usage/team/people/{person.pk}/",
        f"/usage/team/people/{person.pk}/table.csv",
        f"/usage/team/people/{person.pk}/requests/",
        "/usage/team/statements/",
        "/usage/team/statements/2026-11/",
        "/usage/team/statements/2026-11/table.csv",
    ]


def test_reviewers_and_administrators_see_the_team_and_every_person(
    ana: User, rita: User, ben: User, client_for: ClientFor, spend: Spend
) -> None:
    spend()

    for user in (ana, rita):
        client = client_for(user)
        assert {client.get(page).status_code for page in pages_about(ben)} == {200}


def test_to_a_member_there_is_no_such_page_not_even_about_themselves(
    ben: User, client_for: ClientFor, spend: Spend
) -> None:
    spend()
    client = client_for(ben)

    assert {client.get(page).status_code for page in pages_about(ben)} == {404}


def test_nobody_has_a_page_who_is_not_there(rita_sees: Client) -> None:
    assert rita_sees.get("/usage/team/people/99999/").status_code == 404
    assert rita_sees.get("/usage/team/statements/2026-13/").status_code == 404


def names(answer: Any) -> list[str]:
    return [row.user.name for row in answer.context["rows"]]


@pytest.mark.parametrize(
    ("sort", "people"),
    [
        ("", ["Cleo", "Ben", "Rita"]),
        ("name", ["Ben", "Cleo", "Rita"]),
        ("-name", ["Rita", "Cleo", "Ben"]),
        ("-requests", ["Ben", "Cleo", "Rita"]),
        ("-cost", ["Cleo", "Ben", "Rita"]),
        ("cost", ["Ben", "Cleo", "Rita"]),
        ("in", ["Ben", "Cleo", "Rita"]),
        ("-in", ["Cleo", "Ben", "Rita"]),
        ("nonsense", ["Cleo", "Ben", "Rita"]),
    ],
)
def test_people_are_sorted_by_any_column_and_the_unknown_comes_last(
    ben: User, cleo: User, rita: User, rita_sees: Client, spend: Spend, sort: str, people: list[str]
) -> None:
    for _ in range(2):
        spend(user=ben, prompt_tokens=10, completion_tokens=1)
    spend(user=cleo, prompt_tokens=500, completion_tokens=1)
    spend(user=rita, state=CompletionState.FAILED)

    answer = rita_sees.get(TEAM, PEOPLE | {"sort": sort})

    assert names(answer) == people


def test_the_sorted_column_says_so_and_its_next_click_turns_it(
    rita_sees: Client, spend: Spend
) -> None:
    spend()

    page = rita_sees.get(TEAM, PEOPLE | {"sort": "-cost", "page": "1"}).content.decode()

    (head,) = re.findall(r'<th[^>]*aria-sort="descending"><a[^>]*href="([^"]*)">Cost</a>', page)
    assert "sort=cost" in head
    assert "by=person" in head
    assert "page=" not in head
    assert page.count("aria-sort") == 1


def test_people_are_found_by_name_and_by_address_and_the_sum_is_theirs(
    ben: User, cleo: User, rita_sees: Client, spend: Spend
) -> None:
    spend(user=ben)
    spend(user=cleo)

    for words in ("BEN", "ben@exam"):
        answer = rita_sees.get(TEAM, PEOPLE | {"q": words})
        assert names(answer) == ["Ben"]
        assert answer.context["in_all"].completions == 1
    nobody = rita_sees.get(TEAM, PEOPLE | {"q": "<b>"}).content.decode()
    assert "Nobody with “&lt;b&gt;” in their name" in nobody


def test_fifty_people_stand_on_a_page_and_the_file_has_all(rita_sees: Client, spend: Spend) -> None:
    for number in range(51):
        spend(user=User.objects.create_user(f"p{number:02}@example.org"))

    first = rita_sees.get(TEAM, PEOPLE | {"sort": "name"})
    second = rita_sees.get(TEAM, PEOPLE | {"sort": "name", "page": "2"})
    file = rita_sees.get("/usage/team/table.csv", PEOPLE | {"sort": "-name"})

    assert (len(names(first)), names(second)) == (50, ["p50"])
    assert re.search(r'<a class="button" rel="next" href="[^"]*page=2">', first.content.decode())
    assert second.context["in_all"].completions == 51
    assert [line[0] for line in cells(file)] == ["person", *(f"p{n:02}" for n in range(50, -1, -1))]


def test_a_page_of_days_is_whole_however_many_there_are(rita_sees: Client, spend: Spend) -> None:
    for back in range(60):
        spend(started_at=TODAY - timedelta(days=back))

    answer = rita_sees.get(TEAM, {"period": "last-90-days"})

    assert len(answer.context["rows"]) == 60


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("today", date(2026, 11, 23), date(2026, 11, 23)),
        ("this-month", date(2026, 11, 1), date(2026, 11, 23)),
        ("last-month", date(2026, 10, 1), date(2026, 10, 31)),
        ("last-90-days", date(2026, 8, 26), date(2026, 11, 23)),
        ("never", date(2026, 11, 1), date(2026, 11, 23)),
    ],
)
def test_a_period_with_a_name_goes_with_the_time(
    rita_sees: Client, period: str, start: date, end: date
) -> None:
    report = rita_sees.get(TEAM, {"period": period}).context["report"]

    assert (report.start, report.end) == (start, end)


def test_what_a_page_is_narrowed_to_stands_in_its_address_and_in_its_links(
    ben: User, cleo: User, rita_sees: Client, spend: Spend
) -> None:
    sales = Group.objects.create(name="Sales")
    ben.groups.add(sales)
    spend(user=ben, model_asked="gpt-5.1")
    spend(user=ben)
    spend(user=cleo, model_asked="gpt-5.1")

    answer = rita_sees.get(TEAM, PEOPLE | {"group": sales.pk, "model": "gpt-5.1"})

    assert answer.context["report"].total.completions == 1
    page = answer.content.decode()
    assert (
        f'href="/usage/team/people/{ben.pk}/?start=2026-11-01&amp;end=2026-11-30&amp;model=gpt-5.1"'
        in page
    )
    assert 'name="by" value="person"' in page


def test_a_model_that_was_not_used_may_be_asked_for_and_a_group_that_is_not_there_is_explained(
    rita_sees: Client, spend: Spend
) -> None:
    Group.objects.create(name="Sales")
    Group.objects.create(name="Law")
    spend()

    unused = rita_sees.get(TEAM, NOVEMBER | {"model": "gpt-9"})
    wrong = rita_sees.get(TEAM, NOVEMBER | {"group": "0x1"})
    file = rita_sees.get("/usage/team/table.csv", NOVEMBER | {"group": "0x1"})

    assert unused.context["looking"].is_usable
    assert "Nothing was used in this time" in unused.content.decode()
    assert "Choose a group of the list." in wrong.content.decode()
    assert file["Location"].startswith("/usage/team/?")


@pytest.mark.parametrize("by", By)
def test_every_way_of_looking_has_its_table_and_its_file(
    ana: User, client_for: ClientFor, spend: Spend, by: By
) -> None:
    own = Conversation.objects.create(owner=ana, title="=A1", model="x")
    spend(user=ana, conversation=own, model_asked="=A1")
    base = MINE if by == By.CONVERSATION else TEAM
    client = client_for(ana)

    page = client.get(base, NOVEMBER | {"by": by}).content.decode()
    file = client.get(f"{base}table.csv", NOVEMBER | {"by": by})

    assert f'id="table-{by}"' in page
    header, *lines = cells(file)
    assert header[0] == str(by).replace("-", "_").replace("outcome", "model")
    assert sum(int(line[header.index("completions")]) for line in lines) == 1
    assert not any(cell.startswith("=") for line in lines for cell in line)


def test_a_file_has_a_line_for_each_currency_and_the_bounds(
    rita_sees: Client, spend: Spend, estimated: Spend
) -> None:
    estimated(prompt=1_000_000, output=0)
    spend(model_asked="unheard-of")

    header, *lines = cells(rita_sees.get("/usage/team/table.csv", PEOPLE))

    found = [dict(zip(header, line, strict=True)) for line in lines]
    assert [(each["person"], each["completions"], each["currency"]) for each in found] == [
        ("Ben", "1", ""),
        ("Ben", "1", "USD"),
    ]
    assert Decimal(found[1]["cost_low"]) == 0 < Decimal(found[1]["cost"])
    assert Decimal(found[1]["cost_high"]) > Decimal(found[1]["cost"])


def test_a_persons_requests_are_figures_and_times_and_never_a_word(
    ben: User, rita_sees: Client, secret_turn: Message, spend: Spend
) -> None:
    spend(state=CompletionState.FAILED, error="rate_limited", first_token_at=None)
    spend(first_token_at=NOON + timedelta(milliseconds=340), was_stopped=True)

    page = rita_sees.get(f"/usage/team/people/{ben.pk}/requests/", NOVEMBER).content.decode()

    assert page.count("<tr>") == 1 + 3
    assert "rate_limited" in page
    assert "340 ms" in page
    assert "Final, stopped" in page
    assert "1,891" in page
    assert SECRET not in page


def test_a_persons_request_costs_what_it_was_corrected_to_and_says_so(
    ben: User, rita_sees: Client, spend: Spend
) -> None:
    address = f"/usage/team/people/{ben.pk}/requests/"
    spend(model_asked="unheard-of", prompt_tokens=1_000_000, completion_tokens=0)
    before = rita_sees.get(address, NOVEMBER).content.decode()

    Price.objects.create(
        model="unheard-of", prompt=Decimal(3), completion=Decimal(4), currency="EUR"
    )
    revaluation = revaluing.begin(model="unheard-of", by=None, reason="Missing")
    assert revaluing.proceed(revaluation, seconds=60)

    after = rita_sees.get(address, NOVEMBER).content.decode()
    assert ">unknown<" in before
    assert "corrected" not in before
    assert ">unknown<" not in after
    assert re.search(r"3\.00\sEUR <span[^>]*>corrected<", after)


def test_a_persons_page_holds_nobody_elses_figures(
    ben: User, cleo: User, rita_sees: Client, spend: Spend
) -> None:
    spend(user=ben)
    spend(user=cleo)

    page = rita_sees.get(f"/usage/team/people/{ben.pk}/", NOVEMBER)
    rows = rita_sees.get(f"/usage/team/people/{ben.pk}/requests/", NOVEMBER).context["rows"]

    assert page.context["report"].total.completions == 1
    assert [row.user_id for row in rows] == [ben.pk]


def test_whoever_used_nothing_is_listed_and_may_be_looked_for(
    ben: User, cleo: User, rita: User, rita_sees: Client, spend: Spend
) -> None:
    spend(user=ben)
    spend(user=cleo, started_at=NOON.replace(month=10))

    answer = rita_sees.get("/usage/team/without-use/", NOVEMBER)
    found = rita_sees.get("/usage/team/without-use/", NOVEMBER | {"q": "cle"})
    file = rita_sees.get("/usage/team/without-use.csv", NOVEMBER)

    assert [each.user for each in answer.context["rows"]] == [rita, cleo]
    assert "10 October 2026" in answer.content.decode()
    assert [each.user for each in found.context["rows"]] == [cleo]
    assert cells(file)[1:] == [
        ["Rita", "rita@example.org", ""],
        ["Cleo", "cleo@example.org", "2026-10-10"],
    ]


def test_the_months_end_is_forecast_for_this_month_alone(rita_sees: Client, spend: Spend) -> None:
    for back in range(28):
        spend(started_at=TODAY - timedelta(days=back), prompt_tokens=100_000, completion_tokens=0)

    this = rita_sees.get(TEAM).content.decode()
    last = rita_sees.get(TEAM, {"period": "last-month"}).content.decode()

    assert "Likely at the end of the month: 4.80\xa0USD" in this
    assert "It rests on what the last 27 days cost." in this
    assert "Likely at the end" not in last


def test_a_statement_names_the_month_its_zone_and_what_is_not_certain(
    rita_sees: Client, spend: Spend, estimated: Spend, settings: Settings
) -> None:
    settings.TIME_ZONE = "Europe/Madrid"
    estimated(prompt=1_000_000, output=0, cost_centre="R&D")
    spend(model_asked="unheard-of", cost_centre="R&D")
    spend(user=User.objects.create_user("dan@example.org"), cost_centre="4711")

    listed = rita_sees.get("/usage/team/statements/").content.decode()
    (address,) = re.findall(r'href="([^"]*cost_centre=R[^"]*)"', listed)
    page = rita_sees.get(address.replace("&amp;", "&")).content.decode()

    assert "R&amp;D, November 2026" in page
    assert "One request is estimated" in page
    assert "One request has no price" in page
    assert "Europe/Madrid" in page
    assert "This month is not over" in page
    assert "dan@example.org" not in page


def test_the_statement_of_those_without_a_cost_centre_is_theirs_alone(
    rita_sees: Client, spend: Spend
) -> None:
    spend(cost_centre="4711")
    spend()

    address = "/usage/team/statements/2026-11/"
    without = rita_sees.get(address, {"cost_centre": "-"}).context["statement"]
    everybody = rita_sees.get(address).context["statement"]

    assert (without.total.completions, everybody.total.completions) == (1, 2)


def test_a_statement_leads_to_a_file_of_its_own_to_the_last_digit(
    rita_sees: Client, spend: Spend, estimated: Spend
) -> None:
    spend(cost_centre="R&D")
    estimated(prompt=1_000_000, output=0, cost_centre="R&D", model_asked="gpt-5.4")
    spend(cost_centre="4711", user=User.objects.create_user("dan@example.org"))
    spend(cost_centre="R&D", started_at=NOON.replace(month=10))

    page = rita_sees.get("/usage/team/statements/2026-11/", {"cost_centre": "R&D"})
    (address,) = re.findall(r'href="([^"]*table.csv[^"]*)"', page.content.decode())
    header, *lines = cells(rita_sees.get(address.replace("&amp;", "&")))
    everybody = cells(rita_sees.get("/usage/team/statements/2026-11/table.csv"))[1:]

    found = [dict(zip(header, line, strict=True)) for line in lines]
    names = ("month", "cost_centre", "email", "model", "cost", "currency")
    assert [tuple(each[name] for name in names) for each in found] == [
        ("2026-11", "R&D", "ben@example.org", "Gemini-3.0-pro", "0.0181744", "USD"),
        ("2026-11", "R&D", "ben@example.org", "gpt-5.4", "2.5", "USD"),
    ]
    assert Decimal(found[1]["cost_high"]) == 10
    assert [(line[1], line[3]) for line in everybody] == [
        ("4711", "dan@example.org"),
        ("R&D", "ben@example.org"),
        ("R&D", "ben@example.org"),
    ]


def test_my_usage_says_what_today_and_this_month_took(
    ben: User, cleo: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(started_at=TODAY)
    spend()
    spend(user=cleo, started_at=TODAY)
    spend(started_at=NOON.replace(month=10))

    answer = client_for(ben).get(MINE, {"period": "last-month"})

    assert (answer.context["today"].completions, answer.context["month"].completions) == (1, 2)
    page = re.sub("[ \\n]+", " ", answer.content.decode())
    assert "Today: 0.0182\xa0USD, one request · This month: 0.0363\xa0USD, 2 requests" in page


def test_my_conversations_are_links_by_their_titles(
    ben: User, client_for: ClientFor, spend: Spend
) -> None:
    mine = Conversation.objects.create(owner=ben, title="<i>Mine</i>", model="x")
    spend(conversation=mine)
    spend()

    page = client_for(ben).get(MINE, NOVEMBER | {"by": "conversation"}).content.decode()

    assert f'<a href="/c/{mine.pk}/">&lt;i&gt;Mine&lt;/i&gt;</a>' in page
    assert "Deleted conversations" in page


def test_my_budgets_stand_with_what_is_used_held_and_left(
    ben: User, cleo: User, client_for: ClientFor
) -> None:
    mine = Budget.objects.create(user=ben, period=Period.DAY, tokens=5_000)
    Budget.objects.create(user=cleo, period=Period.DAY, tokens=7_777)
    Budget.objects.create(period=Period.MONTH, money=Decimal("12.50"), currency="EUR")
    start, _ends = calendar.starts(Period.DAY, TODAY)
    Allowance.objects.create(budget=mine, start=start, used=1_200, held=300)

    page = client_for(ben).get(MINE).content.decode()

    row = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page[page.index("Day, your own") :]))
    assert row.startswith("Day, your own 3,500 1,200 5,000 300 24 November, 00:00")
    assert "12.50\xa0EUR" in page
    assert "7,777" not in page
    assert "Estimates count with their likely figure." in page


@pytest.mark.parametrize("person", ["ana", "rita"])
@pytest.mark.parametrize(
    "query", [f"?by={by}" for by in By if by != By.CONVERSATION] + ["without-use/", "statements/"]
)
def test_a_team_page_takes_ten_queries_at_most_and_as_many_with_one_as_with_three(
    ben: User,
    client_for: ClientFor,
    spend: Spend,
    query: str,
    person: str,
    request: pytest.FixtureRequest,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_for(request.getfixturevalue(person))

    def cost() -> int:
        with django_assert_max_num_queries(10) as captured:
            assert client.get(TEAM + query).status_code == 200
        return len(captured)

    Group.objects.create(name="Sales").user_set.add(ben)
    spend()
    with_one = cost()
    for number in range(2):
        other = User.objects.create_user(f"p{number}@example.org", cost_centre=str(number))
        Group.objects.create(name=str(number)).user_set.add(other)
        spend(user=other, model_asked=str(number), cost_centre=str(number), started_at=TODAY)
        User.objects.create_user(f"idle{number}@example.org")

    assert cost() == with_one


@pytest.mark.parametrize("by", ["day", "model", "conversation"])
def test_my_usage_takes_few_queries_however_much_there_is(
    ben: User,
    client_for: ClientFor,
    spend: Spend,
    by: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_for(ben)

    def cost() -> int:
        with django_assert_max_num_queries(11 if by == "conversation" else 8) as captured:
            client.get(MINE, NOVEMBER | {"by": by})
        return len(captured)

    def use(number: int) -> None:
        conversation = Conversation.objects.create(owner=ben, title="x", model="x")
        spend(conversation=conversation, model_asked=str(number))

    use(1)
    with_one = cost()
    use(2)
    use(3)

    assert cost() == with_one


def test_a_persons_requests_take_as_many_queries_with_one_as_with_three(
    ben: User,
    rita_sees: Client,
    spend: Spend,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    def cost() -> int:
        with django_assert_max_num_queries(10) as captured:
            rita_sees.get(f"/usage/team/people/{ben.pk}/requests/", NOVEMBER)
        return len(captured)

    spend()
    with_one = cost()
    spend()
    spend(model_asked="unheard-of")

    assert cost() == with_one
