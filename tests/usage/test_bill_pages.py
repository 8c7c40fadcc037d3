"""The page of bills: who enters and who looks, and files that are good or named line by line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.forms import bill_file
from chat.models import BilledDay, User
from tests.usage.conftest import ClientFor, Spend

NOVEMBER = {"month": "2026-11"}
LINE = {"day": "2026-11-10", "model": "Gemini-3.0-pro", "amount": "12,50", "currency": "USD"}
KEY = "6f7c34a5-0c6b-4ad5-8f0e-3e5f2b7d1c11"
GOOD = "day,model,prompt_tokens,amount,currency\n2026-11-10,Gemini-3.0-pro,13,0.02,USD\n"


@pytest.fixture(autouse=True)
def _on_a_monday_in_november(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 23, 8, tzinfo=UTC))


def upload(client: Client, content: str | bytes) -> Any:
    data = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile("november.csv", data, content_type="text/csv")
    return client.post(reverse("look_at_bill_file"), {"file": file})


def confirm(client: Client, text: str, key: str = KEY) -> Any:
    fields = {"text": text, "file_name": "november.csv", "key": key}
    return client.post(reverse("confirm_bill_file"), fields, follow=True)


def lines(count: int) -> str:
    rows = (f"2026-11-10,m{number},1\n" for number in range(count))
    return "".join(["day,model,total_tokens\n", *rows])


def problems(answer: Any) -> list[str]:
    assert answer.status_code == 422
    return [words for found in answer.context["file_form"].errors.values() for words in found]


@pytest.mark.parametrize(("person", "status"), [("ana", 200), ("rita", 200), ("ben", 404)])
def test_who_may_look_at_bills(
    request: pytest.FixtureRequest, client_for: ClientFor, spend: Spend, person: str, status: int
) -> None:
    spend()

    answer = client_for(request.getfixturevalue(person)).get(reverse("bills"))

    assert answer.status_code == status


@pytest.mark.parametrize("person", ["rita", "ben"])
def test_only_administrators_enter(
    request: pytest.FixtureRequest, client_for: ClientFor, person: str
) -> None:
    client = client_for(request.getfixturevalue(person))

    line = client.post(reverse("enter_bill_line"), LINE | {"key": KEY})

    assert line.status_code == upload(client, GOOD).status_code == 404
    assert confirm(client, GOOD).status_code == 404
    assert not BilledDay.objects.exists()


def test_a_reviewer_is_shown_no_way_to_enter(ana: User, rita: User, client_for: ClientFor) -> None:
    way = reverse("enter_bill_line")

    assert way in client_for(ana).get(reverse("bills")).content.decode()
    assert way not in client_for(rita).get(reverse("bills")).content.decode()


def test_a_line_is_entered_and_its_month_is_shown(ana: User, client_for: ClientFor) -> None:
    way = reverse("enter_bill_line")

    answer = client_for(ana).post(way, LINE | {"key": KEY, "day": "2026-09-30"}, follow=True)

    assert answer.context["month"] == date(2026, 9, 1)
    (entry,) = BilledDay.objects.all()
    assert (entry.amount, entry.bill.entered_by) == (Decimal("12.5"), ana)
    assert "12.50\N{NO-BREAK SPACE}USD" in answer.content.decode()


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"day": "10/11/2026"}, "day", "Give a day as year-month-day, such as 2026-11-23."),
        ({"model": ""}, "model", "Give the model as the ledger names it."),
        ({"currency": "usd"}, "currency", "Give its three capital letters."),
        ({"currency": ""}, "currency", "An amount and its currency belong together: give both."),
        ({"amount": "-1"}, "amount", "Give an amount, such as 12.50."),
        ({"amount": "NaN"}, "amount", "Give an amount, such as 12.50."),
        ({"amount": "9000001"}, "amount", "Give an amount of at most 9,000,000 with 12 decimals."),
        ({"prompt_tokens": "1.5"}, "prompt_tokens", "Give a whole number, such as 1200."),
        (
            {"amount": "", "currency": ""},
            "amount",
            "Give an amount or tokens. 0 says that it was free.",
        ),
    ],
)
def test_a_line_that_cannot_be_used_is_explained_and_kept(
    ana: User, client_for: ClientFor, change: dict[str, str], field: str, words: str
) -> None:
    given = LINE | {"key": KEY, "note": "the second invoice"} | change

    answer = client_for(ana).post(reverse("enter_bill_line"), given)

    assert answer.status_code == 422
    assert answer.context["line_form"].errors == {field: [words]}
    assert "the second invoice" in answer.content.decode()
    assert not BilledDay.objects.exists()


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("day,model,amount,currency\n2026-11-10,m,1234.5,USD\n", "1234.5"),
        ("\ufeffCurrency,Cost,Model,Date\r\nUSD,1.234,m,2026-11-10\r\n", "1.234"),
        ("day;model;amount;currency;page\n2026-11-10;m;1.234,50;USD;7\n\n", "1234.5"),
        ('day,model,amount,currency\n2026-11-10,"m","12,5",USD\n', "12.5"),
        ("day;model;amount;currency\n2026-11-10;m;0,234;USD\n", "0.234"),
    ],
)
def test_a_file_is_read_however_its_country_writes_it(
    ana: User, client_for: ClientFor, text: str, amount: str
) -> None:
    client = client_for(ana)

    shown = upload(client, text)
    assert not BilledDay.objects.exists()
    confirm(client, shown.context["file"].text)

    (entry,) = BilledDay.objects.all()
    assert (entry.day, entry.model, entry.amount) == (date(2026, 11, 10), "m", Decimal(amount))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("2026-13-01,m,1,USD,", "Line 3, day: Give a day as year-month-day, such as 2026-11-23."),
        ("2026-11-11,,1,USD,", "Line 3, model: Give the model as the ledger names it."),
        (
            '2026-11-11,m,"1,234",USD,',
            "Line 3, amount: This can be read in two ways. Write 1234 for thousands, "
            "1.2340 for decimals.",
        ),
        ("2026-11-11,m,1,USD,-4", "Line 3, prompt_tokens: Give a whole number, such as 1200."),
        (
            "2026-11-11,m,,,",
            "Line 3, amount: Give an amount or tokens. 0 says that it was free.",
        ),
        ("2026-11-10,m,2,USD,", "Line 3: Line 2 has the same day and model. Add them up."),
        (
            "2026-11-11,m,1,50,USD,7",
            "Line 3: There are more cells than columns. Quote what holds a comma.",
        ),
        ('2026-11-11,"m,1,USD,', "Line 3: it is not CSV. Check its quotation marks."),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_entered(
    ana: User, client_for: ClientFor, rows: str, words: str
) -> None:
    text = f"day,model,amount,currency,prompt_tokens\n2026-11-10,m,1,USD,\n{rows}"
    client = client_for(ana)

    assert problems(upload(client, text)) == [words]
    assert words in problems(confirm(client, text))
    assert not BilledDay.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("model,amount\nm,1\n", "The first line has to name the columns"),
        ("day,date,model,amount\n", "Name each column once: there is more than one day."),
        ("day,model,amount\n", "This file has no lines under its columns. Choose another."),
        ("día,m\n".encode("latin-1"), "Save the file as CSV in UTF-8."),
        ("day,model\n".encode("utf-16"), "Save the file as CSV in UTF-8."),
        (b"x" * (2 * 1024 * 1024 + 1), "Give a file of at most 2 MB: a month at a time is enough."),
        (b"", "This file is empty. Choose another."),
    ],
)
def test_a_file_that_is_no_bill_is_refused(
    ana: User, client_for: ClientFor, content: str | bytes, words: str
) -> None:
    (found,) = problems(upload(client_for(ana), content))

    assert found.startswith(words)


def test_many_bad_lines_are_counted_instead_of_listed(ana: User, client_for: ClientFor) -> None:
    text = "day,model,amount\n" + "never,m,1\n" * 40

    found = problems(upload(client_for(ana), text))

    assert found[-1] == "And 10 more."


def test_so_many_lines_are_taken_and_not_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill_file, "MOST_LINES", 3)

    assert len(bill_file.read(lines(3)).lines) == 3
    with pytest.raises(ValidationError, match="Give at most 10,000 lines"):
        bill_file.read(lines(4))


def test_a_file_longer_than_a_batch_and_a_page_is_entered_whole(
    ana: User, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.domain.bills.AT_ONCE", 2)
    monkeypatch.setattr("chat.views.bills.MOST_SHOWN", 3)

    answer = confirm(client_for(ana), lines(5))

    assert BilledDay.objects.counting().count() == 5
    assert "Only the first 3 are shown." in answer.content.decode()


def test_the_differences_are_shown_before_anything_is_entered(
    ana: User, client_for: ClientFor, spend: Spend
) -> None:
    spend()

    page = upload(client_for(ana), GOOD).content.decode()

    assert "0.0182\N{NO-BREAK SPACE}USD in the ledger for the same days" in page
    assert "0.0018\N{NO-BREAK SPACE}USD above the bounds" in page
    assert not BilledDay.objects.exists()


def test_the_same_file_enters_once(ana: User, client_for: ClientFor) -> None:
    client = client_for(ana)
    confirm(client, GOOD)

    shown = upload(client, GOOD)
    again = confirm(client, GOOD, key="6f7c34a5-0c6b-4ad5-8f0e-3e5f2b7d1c12")

    assert (shown.context["fresh"], shown.context["known"]) == (0, 1)
    assert "This is entered already. Nothing was changed." in again.content.decode()
    assert BilledDay.objects.count() == 1


@pytest.mark.parametrize("query", [{"month": "2026-13"}, {"month": "0001-01"}, {"days": "mars"}])
def test_a_month_that_cannot_be_used_is_explained(
    rita: User, client_for: ClientFor, query: dict[str, str]
) -> None:
    answer = client_for(rita).get(reverse("bills"), query)

    assert answer.status_code == 200
    assert answer.context["month_form"].errors
    assert answer.context["month"] == date(2026, 11, 1)
