"""What the provider billed beside the ledger: the arithmetic, and entries that replace others."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from chat.domain import bills as entering
from chat.enums import BilledBy, CompletionState
from chat.models import Bill, BilledDay, User
from chat.queries import bills
from chat.queries.bills import Line, Statement
from chat.queries.comparison import Bounded, Comparison, Measure
from tests.domain.conftest import at_once
from tests.usage.conftest import NOON, Spend

NOVEMBER = date(2026, 11, 1)
TENTH = date(2026, 11, 10)
MODEL = "Gemini-3.0-pro"


def billed(**fields: Any) -> BilledDay:
    fields = {"day": TENTH, "model": MODEL} | fields
    if amount := fields.get("amount"):
        fields = {"currency": "USD"} | fields | {"amount": D(str(amount))}
    return BilledDay(**fields)


def enter(by: User, *entries: BilledDay, key: uuid.UUID | None = None) -> list[BilledDay]:
    return entering.enter(entries, by=by, key=key or uuid.uuid4())


def november(billed_by: BilledBy = BilledBy.UTC) -> Statement:
    return bills.statement(NOVEMBER, billed_by)


def only(found: Statement) -> Line:
    (line,) = found.lines
    return line


@pytest.mark.parametrize(
    ("amount", "outside", "explained"),
    [
        ("100", "0", None),
        ("90", "0", "1"),
        ("130", "0", "1"),
        ("140", "10", "0.75"),
        ("80", "-10", "0.5"),
    ],
)
def test_the_bounds_explain_what_lies_within_them(
    amount: str, outside: str, explained: str | None
) -> None:
    ledger = Bounded(D(100), low=D(90), high=D(130))

    found = Comparison(Measure.COST, D(amount), ledger, "USD")

    assert found.difference == D(amount) - 100
    assert found.outside == D(outside)
    assert found.explained == (None if explained is None else D(explained))
    assert found.share == found.difference / 100


def test_a_bill_stands_beside_the_ledger_of_its_day_and_model(ana: User, spend: Spend) -> None:
    spend()
    spend()
    spend(model_asked="gemini-3.5-flash")
    spend(started_at=NOON.replace(day=11))
    enter(ana, billed(prompt_tokens=30, completion_tokens=3782, amount="0.0363488"))

    found = november()

    (line,) = found.billed
    tokens_in, tokens_out, cost = line.comparisons
    assert (tokens_in.billed, tokens_in.difference, tokens_in.outside) == (D(30), D(4), D(4))
    assert (tokens_out.difference, tokens_out.outside) == (D(0), D(0))
    assert (cost.ledger, cost.difference) == (Bounded(*[D("0.0363488")] * 3), D(0))
    assert [(other.day, other.model) for other in found.unbilled] == [
        (date(2026, 11, 11), MODEL),
        (TENTH, "gemini-3.5-flash"),
    ]
    assert [each.billed for each in found.in_all] == [30, 3782, D("0.0363488")]


def test_an_estimate_explains_a_bill_within_its_bounds(ana: User, estimated: Spend) -> None:
    estimated(prompt=100, output=200)
    enter(ana, billed(prompt_tokens=400, completion_tokens=801))

    tokens_in, tokens_out = only(november()).comparisons

    assert (tokens_in.difference, tokens_in.outside) == (D(300), D(0))
    assert (tokens_out.difference, tokens_out.outside) == (D(601), D(1))


def test_thinking_that_only_the_total_counts_is_output(ana: User, spend: Spend) -> None:
    spend()
    enter(ana, billed(prompt_tokens=13, completion_tokens=411, total_tokens=1904))

    assert [each.difference for each in only(november()).comparisons] == [0, 0]


def test_a_total_alone_is_compared_with_in_and_out_together(ana: User, spend: Spend) -> None:
    spend()
    enter(ana, billed(total_tokens=2000))

    (tokens,) = only(november()).comparisons

    assert (tokens.measure, tokens.difference) == (Measure.TOKENS, D(96))


def test_what_the_ledger_knows_nothing_of_lies_wholly_outside(ana: User, spend: Spend) -> None:
    spend(state=CompletionState.FAILED)
    enter(ana, billed(amount="5"))

    line = only(november())

    assert (line.is_in_ledger, line.comparisons[0].outside) == (False, D(5))


def test_another_currency_is_compared_with_nothing(ana: User, spend: Spend) -> None:
    spend()
    enter(ana, billed(amount="5", currency="EUR"))

    (cost,) = only(november()).comparisons

    assert (cost.ledger, cost.share) == (None, None)


def test_requests_without_a_price_are_named_beside_a_bill(ana: User, spend: Spend) -> None:
    spend()
    spend(model_asked="nobody-priced-it")
    enter(ana, billed(amount="5"), billed(amount="5", model="nobody-priced-it"))

    assert [line.comparisons[-1].lacking for line in november().lines] == [0, 1]


@pytest.mark.parametrize(
    ("billed_by", "days"),
    [(BilledBy.UTC, [10, 9]), (BilledBy.TEAM, [10])],
)
def test_a_day_is_that_of_utc_or_of_the_team(
    ana: User, spend: Spend, settings: Settings, billed_by: BilledBy, days: list[int]
) -> None:
    settings.TIME_ZONE = "Europe/Madrid"
    spend(started_at=datetime(2026, 11, 9, 23, 30, tzinfo=UTC))
    spend(started_at=datetime(2026, 11, 10, 22, 30, tzinfo=UTC))

    assert [line.day.day for line in november(billed_by).lines if line.day] == days


def test_the_latest_entry_counts_and_the_earlier_stays_visible(
    ana: User, ben: User, spend: Spend
) -> None:
    spend()
    enter(ana, billed(total_tokens=1))
    enter(ana, billed(total_tokens=2))

    found = november()

    assert [line.entry.total_tokens for line in found.billed if line.entry] == [2]
    assert [entry.total_tokens for entry in found.replaced] == [1]


def test_what_is_entered_already_is_not_entered_again(ana: User) -> None:
    enter(ana, billed(total_tokens=1), billed(total_tokens=2, model="other"))

    again = enter(ana, billed(total_tokens=1), billed(total_tokens=2, model="other"))
    corrected = enter(ana, billed(total_tokens=1), billed(total_tokens=3, model="other"))
    back = enter(ana, billed(total_tokens=2, model="other"))

    assert (len(again), len(corrected), len(back)) == (0, 1, 1)
    assert BilledDay.objects.count() == 4


def test_an_old_confirmation_that_comes_again_changes_nothing(ana: User) -> None:
    key = uuid.uuid4()
    enter(ana, billed(total_tokens=1), key=key)
    enter(ana, billed(total_tokens=2))

    again = enter(ana, billed(total_tokens=1), key=key)

    assert again == []
    assert [entry.total_tokens for entry in BilledDay.objects.counting()] == [2]


def test_a_file_that_was_not_entered_to_its_end_counts_nowhere(ana: User) -> None:
    enter(ana, billed(total_tokens=1))
    half = Bill.objects.create(entered_by=ana)
    BilledDay.objects.bulk_create(
        [billed(bill=half, total_tokens=2), billed(bill=half, model="other", total_tokens=3)]
    )

    found = november()

    assert [line.entry.total_tokens for line in found.billed if line.entry] == [1]
    assert found.replaced == []


def test_a_file_that_was_left_half_way_is_completed_by_the_same_confirmation(ana: User) -> None:
    half = Bill.objects.create(entered_by=ana)
    BilledDay.objects.bulk_create([billed(bill=half, total_tokens=1)])

    enter(ana, billed(total_tokens=1), billed(model="other", total_tokens=2), key=half.key)

    counting = BilledDay.objects.counting().order_by("pk")
    assert [(entry.bill_id, entry.total_tokens) for entry in counting] == [
        (half.pk, 1),
        (half.pk, 2),
    ]


@pytest.mark.django_db(transaction=True)
def test_the_same_confirmation_from_several_windows_is_one_bill(ana: User) -> None:
    key = uuid.uuid4()

    came = at_once(
        lambda: enter(ana, billed(total_tokens=1), billed(model="b", total_tokens=2), key=key)
    )

    assert [refusal for refusal in came if isinstance(refusal, Exception)] == []
    assert (Bill.objects.count(), BilledDay.objects.count()) == (1, 2)
    assert BilledDay.objects.counting().count() == 2


@pytest.mark.parametrize("days", [1, 5])
def test_a_month_takes_two_queries_however_much_was_billed(
    ana: User, spend: Spend, django_assert_num_queries: DjangoAssertNumQueries, days: int
) -> None:
    for day in range(1, days + 1):
        spend(started_at=NOON.replace(day=day))
        enter(ana, billed(day=date(2026, 11, day), total_tokens=day))

    with django_assert_num_queries(2):
        found = november()

    assert [line.entry.bill.entered_by for line in found.billed if line.entry] == [ana] * days
