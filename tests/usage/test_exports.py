"""The ledger as a file: who may have it, that each row is in it once and whole, and that its bill
is the ledger's to the last digit."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from chat.enums import CompletionState, Grain
from chat.models import Completion, Message, Price, Total, User
from chat.queries import ledger
from chat.queries.ledger import Selection
from chat.rendering.exports import FORMATS, piece, pieces
from chat.views import exports
from tests.evoweb_process import EvowebProcess, send
from tests.factories import make_conversation
from tests.upstream.process import Upstream
from tests.usage.conftest import NOON, SECRET, ClientFor, Spend, body_of
from tests.waiting import eventually

TODAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
MINE = ["my_ledger_csv", "my_ledger_jsonl", "my_ledger_focus"]
TEAM = ["team_ledger_csv", "team_ledger_jsonl", "team_ledger_focus"]
# By the standard, of whatever is billed.
MANDATORY = {
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency"),
    *("BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass"),
    *("ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost"),
    *("EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit"),
    *("ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
}


@pytest.fixture(autouse=True)
def _on_a_monday_in_november(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: TODAY)


def text_of(kind: str, **selection: Any) -> str:
    found = Selection(**{"ended_by": TODAY} | selection)
    return b"".join(pieces(FORMATS[kind], found)).decode("utf-8-sig")


def lines_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def ids(text: str) -> list[int]:
    return [int(line["id"]) for line in lines_of(text)]


# What is in it


@pytest.fixture
def of_every_kind(ben: User, spend: Spend, estimated: Spend) -> list[Completion]:
    """Long, cached, estimated, refused, without a price, without a figure."""
    return [
        spend(conversation=make_conversation(ben)),
        spend(prompt_tokens=250_000, completion_tokens=7, cached_tokens=50_001),
        spend(prompt_tokens=900, completion_tokens=1, total_tokens=1_000, cached_tokens=899),
        spend(prompt_tokens=10, completion_tokens=3, cached_tokens=99, cost_centre="R&D, Köln"),
        estimated(prompt=70, output=80, was_stopped=True, first_token_at=NOON),
        spend(state=CompletionState.FAILED, error="unreachable", http_status=502),
        spend(model_asked="unheard-of"),
        spend(prompt_tokens=None, completion_tokens=5),
    ]


def told(row: Completion) -> dict[str, Any]:
    """What a line has to say of a row, by the words of the model."""
    return {
        "id": row.pk,
        "conversation_id": str(row.conversation_id) if row.conversation_id else None,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "first_token_at": row.first_token_at,
        "was_stopped": row.was_stopped,
        "person": row.user.name,
        "email": row.user.email,
        "cost_centre": row.cost_centre,
        "state": row.state,
        "error": row.error,
        "http_status": row.http_status,
        "prompt_tokens": row.prompt_tokens,
        "estimated_output_high": row.estimated_output_high,
        "tokens_in": row.prompt,
        "tokens_out": row.output,
        "cost": row.cost,
        "cost_low": row.cost_low,
        "cost_high": row.cost_high,
        "price_id": row.price_id,
        "currency": row.price.currency if row.price else None,
        "price_from": row.price.effective_from if row.price else None,
    }


def test_a_line_of_json_says_of_a_row_what_the_ledger_does(of_every_kind: list[Completion]) -> None:
    lines = [json.loads(line) for line in text_of("jsonl").splitlines()]

    for line, row in zip(lines, of_every_kind, strict=True):
        for name in ("started_at", "finished_at", "first_token_at", "price_from"):
            line[name] = line[name] and datetime.fromisoformat(line[name])
        for name in ("cost", "cost_low", "cost_high"):
            line[name] = line[name] and Decimal(line[name])
        assert line | told(row) == line


def test_the_sheet_says_the_same_with_empty_cells_for_what_is_unknown(
    of_every_kind: list[Completion],
) -> None:
    as_json = [json.loads(line) for line in text_of("jsonl").splitlines()]

    sheet = lines_of(text_of("csv"))

    assert sheet == [
        {
            name: ""
            if value is None
            else str(int(value) if value is True or value is False else value)
            for name, value in line.items()
        }
        for line in as_json
    ]
    assert sheet[3]["cost_centre"] == "R&D, Köln"
    assert sheet[7]["prompt_tokens"] == sheet[7]["cost"] == ""


def test_amounts_are_exact_and_have_no_exponent(spend: Spend) -> None:
    Price.objects.create(
        model="cheap",
        effective_from=NOON - timedelta(days=1),
        prompt=Decimal("0.000001"),
        completion=Decimal(0),
    )
    spend(model_asked="cheap", prompt_tokens=1, completion_tokens=9)
    spend(model_asked="cheap", prompt_tokens=0, completion_tokens=9)

    assert [line["cost"] for line in lines_of(text_of("csv"))] == ["0.000000000001", "0"]
    assert [line["BilledCost"] for line in lines_of(text_of("focus"))] == [
        *("0.000000000001", "0", "0")
    ]


def test_every_column_of_the_ledger_is_there_but_the_usage_as_it_came(spend: Spend) -> None:
    spend()

    (line,) = lines_of(text_of("csv"))

    columns = {field.attname for field in Completion._meta.concrete_fields}
    assert columns - line.keys() == {"usage"}


@pytest.mark.parametrize("kind", FORMATS)
def test_no_file_holds_a_word_of_a_conversation(secret_turn: Message, kind: str) -> None:
    text = text_of(kind)

    assert "Gemini-3.0-pro" in text
    assert SECRET not in text


@pytest.mark.parametrize("kind", ["csv", "focus"])
def test_no_name_becomes_a_formula(cleo: User, spend: Spend, kind: str) -> None:
    cleo.display_name = '=HYPERLINK("x")'
    cleo.save()
    spend(user=cleo, cost_centre="@sum")

    (line, *_) = lines_of(text_of(kind))

    name, centre = ("person", "cost_centre") if kind == "csv" else ("SubAccountName", "Tags")
    assert line[name] == '\'=HYPERLINK("x")'
    assert not line[centre].startswith("@")


# Each row once


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_each_row_comes_once_and_in_order_however_they_are_read(
    spend: Spend, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(ledger, "BATCH", size)
    # Most of a moment, and not in the order in which they were written.
    later = spend(started_at=NOON + timedelta(microseconds=1))
    same = [spend().pk for _ in range(4)]
    first = spend(started_at=NOON - timedelta(days=500))

    assert ids(text_of("csv")) == [first.pk, *same, later.pk]


def test_what_ends_while_the_file_is_made_is_left_to_the_next(
    spend: Spend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "BATCH", 1)
    there = [spend().pk, spend(started_at=NOON + timedelta(hours=2)).pk]
    running = spend(state=CompletionState.OPEN, started_at=NOON + timedelta(hours=1))

    file = pieces(FORMATS["csv"], Selection(TODAY))
    begun = next(file) + next(file)
    Completion.objects.filter(pk=running.pk).update(
        state=CompletionState.FAILED, finished_at=TODAY + timedelta(seconds=1)
    )
    text = (begun + b"".join(file)).decode("utf-8-sig")

    assert ids(text) == there
    assert running.pk in ids(text_of("csv", ended_by=TODAY + timedelta(minutes=1)))


def test_days_are_the_teams_and_both_ends_are_included(spend: Spend, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Madrid"
    rows = [
        spend(started_at=datetime(2026, 11, day, hour, tzinfo=UTC)).pk
        for day, hour in ((8, 22), (8, 23), (10, 22), (10, 23))
    ]

    assert ids(text_of("csv", start=date(2026, 11, 9), end=date(2026, 11, 10))) == rows[1:3]
    assert ids(text_of("csv", start=date(2026, 11, 9))) == rows[1:]
    assert ids(text_of("csv", end=date(2026, 11, 10))) == rows[:3]


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_is_a_file_with_its_headers(db: None, kind: str) -> None:
    assert text_of(kind).count("\n") == (0 if kind == "jsonl" else 1)


# FOCUS


def test_the_bill_is_the_ledgers_to_the_last_digit(of_every_kind: list[Completion]) -> None:
    lines = lines_of(text_of("focus"))

    for row in of_every_kind:
        theirs = [line for line in lines if line["x_CompletionId"] == str(row.pk)]
        assert sum(Decimal(line["BilledCost"]) for line in theirs) == (row.cost or 0)
    whole = Total.objects.by(Grain.MONTH).filter(currency="USD").aggregate(Sum("cost"))
    assert sum(Decimal(line["BilledCost"]) for line in lines) == whole["cost__sum"] > 0


def test_the_price_times_the_quantity_is_what_a_line_costs(of_every_kind: list[Completion]) -> None:
    lines = lines_of(text_of("focus"))

    assert len(lines) == 3 + 2 + 3 + 2 + 2
    for line in lines:
        cost = Decimal(line["ListUnitPrice"]) * Decimal(line["PricingQuantity"])
        costs = {line[f"{name}Cost"] for name in ("Billed", "List", "Contracted", "Effective")}
        assert {Decimal(each) for each in costs} == {cost}
        assert Decimal(line["PricingQuantity"]) * 1_000_000 == int(line["ConsumedQuantity"])


def test_a_long_prompt_is_billed_by_its_own_rates(spend: Spend) -> None:
    price = Price.objects.create(
        model="long",
        effective_from=NOON - timedelta(days=1),
        prompt=Decimal(1),
        cached=Decimal("0.1"),
        completion=Decimal(2),
        long_prompt_over=100,
        long_prompt=Decimal(4),
        long_cached=Decimal("0.5"),
        long_completion=Decimal(8),
    )
    spend(model_asked="long", prompt_tokens=100, cached_tokens=10, completion_tokens=5)
    spend(model_asked="long", prompt_tokens=101, cached_tokens=10, completion_tokens=5)

    short, long = (lines_of(text_of("focus"))[at : at + 3] for at in (0, 3))

    assert [line["ListUnitPrice"] for line in short] == ["1", "0.1", "2"]
    assert [line["ListUnitPrice"] for line in long] == ["4", "0.5", "8"]
    assert [line["ConsumedQuantity"] for line in long] == ["91", "10", "5"]
    assert {line["SkuPriceId"] for line in short}.isdisjoint(line["SkuPriceId"] for line in long)
    assert {line["x_PriceId"] for line in short + long} == {str(price.pk)}


def test_what_the_standard_demands_is_filled_in_as_it_says(spend: Spend, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Madrid"
    spend(cost_centre="R&D")

    (line, *_) = lines_of(text_of("focus"))

    assert {name for name in MANDATORY if not line[name]} == {"ChargeClass"}
    periods = [
        line[f"{name}Period{end}"] for name in ("Billing", "Charge") for end in ("Start", "End")
    ]
    assert periods == [
        *("2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z"),
        *("2026-11-10T12:00:00Z", "2026-11-10T12:00:10Z"),
    ]
    assert (line["ServiceCategory"], line["ServiceSubcategory"]) == (
        "AI and Machine Learning",
        "Generative AI",
    )
    assert (line["PricingUnit"], line["ConsumedUnit"]) == ("1000000 Tokens", "Tokens")
    assert json.loads(line["Tags"]) == {"cost_centre": "R&D", "evoweb/source": "chat"}


def test_estimated_charges_say_so(spend: Spend, estimated: Spend) -> None:
    spend()
    estimated(prompt=70, output=80)

    marks = [
        (line["x_CompletionState"], json.loads(line["Tags"]).get("evoweb/estimated", False))
        for line in lines_of(text_of("focus"))
    ]

    assert marks == [("final", False)] * 2 + [("estimated", True)] * 2


# Who may have it


@pytest.mark.parametrize("page", [*MINE, *TEAM])
def test_reviewers_and_administrators_may_have_every_file(
    ana: User, rita: User, client_for: ClientFor, page: str
) -> None:
    for user in (ana, rita):
        answer = client_for(user).get(reverse(page))
        assert (answer.status_code, answer.streaming) == (200, True)


@pytest.mark.parametrize("page", TEAM)
def test_to_a_member_there_is_no_file_of_the_team(
    ben: User, client_for: ClientFor, page: str
) -> None:
    assert client_for(ben).get(reverse(page)).status_code == 404
    assert client_for(ben).get(reverse(page), {"person": ben.pk}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_member_gets_their_own_rows_and_a_reviewer_everybodys_or_one_persons(
    ben: User, cleo: User, rita: User, client_for: ClientFor, spend: Spend
) -> None:
    bens, cleos = spend(user=ben).pk, spend(user=cleo).pk

    own = client_for(ben).get(reverse("my_ledger_csv"), {"person": cleo.pk})
    all_of_them = client_for(rita).get(reverse("team_ledger_csv"))
    one = client_for(rita).get(reverse("team_ledger_csv"), {"person": cleo.pk})

    assert ids(body_of(own)) == [bens]
    assert ids(body_of(all_of_them)) == [bens, cleos]
    assert ids(body_of(one)) == [cleos]
    assert own["Content-Disposition"] == 'attachment; filename="evoweb-ledger.csv"'
    assert one["Content-Disposition"] == 'attachment; filename="evoweb-team-ledger.csv"'


@pytest.mark.django_db(transaction=True)
def test_the_page_of_a_persons_requests_leads_to_a_file_of_exactly_those(
    ben: User, cleo: User, rita: User, client_for: ClientFor, spend: Spend
) -> None:
    october = datetime(2026, 10, 31, 12, tzinfo=UTC)
    wanted = [spend(started_at=october).pk, spend(started_at=october, cost_centre="R&D").pk]
    spend(user=cleo, started_at=october)
    spend(started_at=october, model_asked="unheard-of")
    spend()
    page = f"/usage/team/people/{ben.pk}/requests/"
    query = "?period=last-month&model=Gemini-3.0-pro"

    shown = client_for(rita).get(page + query)
    file = client_for(rita).get(f"{page}ledger.csv{query}")

    link = f'<a class="filter__link" href="{page}ledger.csv{query.replace("&", "&amp;")}" download>'
    assert link in shown.content.decode()
    assert [row.pk for row in reversed(shown.context["rows"])] == wanted
    assert ids(body_of(file)) == wanted
    assert file["Content-Disposition"] == (
        f'attachment; filename="evoweb-person-{ben.pk}-requests-2026-10-01-2026-10-31.csv"'
    )


def test_a_members_requests_are_no_file_to_members_nor_are_those_of_nobody(
    ben: User, cleo: User, rita: User, client_for: ClientFor, spend: Spend
) -> None:
    spend()
    file = f"/usage/team/people/{ben.pk}/requests/ledger.csv"

    assert client_for(rita).get(file).status_code == 200
    for member in (ben, cleo):
        assert client_for(member).get(file).status_code == 404
    assert client_for(rita).get("/usage/team/people/999999/requests/ledger.csv").status_code == 404
    explained = client_for(rita).get(file, {"start": "yesterday"}, follow=True)
    assert "Give a day as year-month-day" in explained.content.decode()


@pytest.mark.parametrize("person", ["0", "999999", "cleo", "99999999999999999999"])
def test_a_person_who_is_not_there_has_no_file(
    rita: User, client_for: ClientFor, person: str
) -> None:
    answer = client_for(rita).get(reverse("team_ledger_csv"), {"person": person})

    assert answer.status_code == 404


def test_a_period_may_be_of_any_length_and_one_that_cannot_be_used_is_explained(
    ben: User, client_for: ClientFor
) -> None:
    client, address = client_for(ben), reverse("my_ledger_csv")

    years = client.get(address, {"start": "2001-01-01", "end": "2099-12-31"})
    backwards = client.get(address, {"start": "2026-11-02", "end": "2026-11-01"}, follow=True)
    no_day = client.get(address, {"start": "yesterday"}, follow=True)

    assert years.status_code == 200
    assert "Give a last day that is not before the first." in backwards.content.decode()
    assert "Give a day as year-month-day" in no_day.content.decode()


def test_the_page_leads_to_the_files_of_its_period(ana: User, client_for: ClientFor) -> None:
    for page, prefix in (("my_usage", "/usage/"), ("team_usage", "/usage/team/")):
        text = client_for(ana).get(reverse(page)).content.decode()
        for file in ("ledger.csv", "ledger.jsonl", "focus.csv"):
            assert f'<a href="{file}?start=2026-11-01&amp;end=2026-11-23" download>' in text
            assert client_for(ana).get(f"{prefix}{file}").status_code == 200


# As they are had


def test_who_asks_for_the_head_alone_has_nothing_read(ben: User) -> None:
    # The test client would take the body away itself.
    request = RequestFactory().head("/")
    request.user = ben

    answer = exports.my_ledger(request, kind="csv")

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert body_of(answer) == ""


@pytest.mark.django_db(transaction=True)
def test_no_more_is_read_than_one_piece_ahead_and_nothing_after_the_reader_left(
    ben: User, client_for: ClientFor, spend: Spend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "BATCH", 1)
    for _ in range(9):
        spend()
    made: list[object] = []

    def noted(*of: Any) -> Any:
        made.append(of)
        return piece(*of)

    monkeypatch.setattr(exports, "piece", noted)
    answer: Any = client_for(ben).get(reverse("my_ledger_csv"))

    async def read_a_little() -> bytes:
        content = aiter(answer)
        read = await anext(content) + await anext(content)
        await content.aclose()
        del content
        await asyncio.sleep(0.2)
        return bytes(read)

    read = asyncio.run(read_a_little())

    assert len(ids(read.decode("utf-8-sig"))) == 1
    assert 1 <= len(made) <= 2


def test_a_running_evoweb_sends_the_file_in_pieces(
    evoweb: EvowebProcess, upstream: Upstream
) -> None:
    with evoweb.session() as browser:
        send(browser, "Hello")
        # What has not ended is not in it.
        answer = eventually(
            lambda: browser.get("/usage/team/ledger.jsonl"), lambda it: bool(it.text)
        )

    assert "Content-Length" not in answer.headers
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Type"] == "application/jsonl; charset=utf-8"
    assert [json.loads(line)["person"] for line in answer.text.splitlines()]


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_operator_writes_the_same_files(
    spend: Spend, in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spend(started_at=NOON - timedelta(days=40))
    spend()

    call_command("usage", "export", "bill.csv", format="focus", start=date(2026, 11, 1))
    call_command("usage", "export", "-")

    file = in_folder / "bill.csv"
    assert file.read_bytes().decode("utf-8-sig") == text_of("focus", start=date(2026, 11, 1))
    assert file.stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().out.removeprefix("\ufeff") == text_of("csv")


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        (None, "Name the file"),
        ("there.csv", "there.csv is there already"),
        ("no/such/place.csv", "cannot be written"),
    ],
)
def test_an_operator_is_told_why_nothing_was_written(
    db: None, in_folder: Path, file: str | None, complaint: str
) -> None:
    (in_folder / "there.csv").write_text("mine")

    with pytest.raises(CommandError, match=complaint):
        call_command("usage", "export", *([file] if file else []))

    assert (in_folder / "there.csv").read_text() == "mine"
