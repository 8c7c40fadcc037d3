"""Past rows are revalued by new entries beside them: once, in batches, and the totals follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.completions.events import Usage
from chat.domain import ledger, revaluing, totals
from chat.domain.ledger import Receipt
from chat.domain.revaluing import WithoutPrice
from chat.enums import Grain
from chat.models import Completion, Correction, Price, Revaluation, Total, User
from chat.queries import costs, invariants, revaluations
from tests.factories import make_user

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MODEL = "unheard-of"
FIGURES = Usage(prompt_tokens=1_000_000, completion_tokens=1_000_000, cached_tokens=0)
FINAL = Receipt(http_status=200, is_whole=True, usage=FIGURES, may_be_billed=True)

Close = Callable[..., Completion]


@pytest.fixture
def ana(db: None) -> User:
    return make_user("ana")


@pytest.fixture
def close(ana: User) -> Close:
    """A row that began at a moment and is closed."""

    def closed(at: datetime = NOON, receipt: Receipt = FINAL, **fields: Any) -> Completion:
        fields = {"user": ana, "model_asked": MODEL} | fields
        row = Completion.objects.create(started_at=at, **fields)
        ledger.close_row(row.pk, receipt)
        row.refresh_from_db()
        return row

    return closed


def priced(prompt: int, at: datetime = NOON, *, currency: str = "USD") -> Price:
    return Price.objects.create(
        model=MODEL,
        effective_from=at,
        prompt=Decimal(prompt),
        completion=Decimal(prompt),
        currency=currency,
    )


def revalue(*, includes_priced: bool = False) -> Revaluation:
    revaluation = revaluing.begin(
        model=MODEL, by=None, reason="Missing", includes_priced=includes_priced
    )
    assert revaluing.proceed(revaluation, seconds=60)
    return revaluation


def costs_now() -> list[Decimal | None]:
    rows: Iterable[Any] = costs.valued(Completion.objects.order_by("started_at", "pk"))
    return [row.valued_cost for row in rows]


def day_totals() -> list[tuple[str, int, int, Decimal]]:
    fields = ("currency", "completions", "unpriced", "cost")
    return list(Total.objects.by(Grain.DAY).order_by("currency").values_list(*fields))


def test_a_row_without_a_price_is_valued_and_stays_as_it_was(close: Close) -> None:
    row = close()
    before = Completion.objects.filter(pk=row.pk).values().get()
    price = priced(3, NOON + DAY)

    revalue()

    assert Completion.objects.filter(pk=row.pk).values().get() == before
    correction = Correction.objects.get()
    assert (correction.completion, correction.price, correction.cost) == (row, price, Decimal(6))
    assert costs_now() == [Decimal(6)]


def test_the_totals_follow_and_nothing_of_what_was_unknown_is_left(close: Close) -> None:
    close()
    assert day_totals() == [("", 1, 1, Decimal(0))]
    priced(3, currency="EUR")

    revalue()

    assert day_totals() == [("EUR", 1, 0, Decimal(6))]
    assert list(totals.differences()) == []


def test_each_row_counts_with_the_price_of_its_time_and_the_earliest_with_the_first(
    close: Close,
) -> None:
    for days in (-9, 0, 4, 5, 9):
        close(NOON + days * DAY)
    for days, prompt in ((0, 1), (5, 2), (30, 3)):
        priced(prompt, NOON + days * DAY)

    revalue()

    assert costs_now() == [Decimal(amount) for amount in (2, 2, 2, 4, 4)]


def test_a_second_time_nothing_changes(close: Close) -> None:
    close()
    priced(3)
    revalue()

    again = revalue(includes_priced=True)

    assert again.corrections.count() == 0
    assert Correction.objects.count() == 1


def test_what_has_a_cost_is_left_alone_unless_it_is_asked_for(close: Close) -> None:
    priced(1, NOON - DAY)
    close()
    priced(3, NOON - timedelta(hours=1))

    assert revalue().corrections.count() == 0
    corrected = revalue(includes_priced=True)

    assert costs_now() == [Decimal(6)]
    assert (corrected.rows, corrected.unpriced) == (1, 0)
    assert corrected.costs_before == (("USD", Decimal(2)),)
    assert corrected.costs_after == (("USD", Decimal(6)),)
    assert corrected.difference == (("USD", Decimal(4)),)
    assert day_totals() == [("USD", 1, 0, Decimal(6))]


def test_the_newest_of_several_corrections_counts(close: Close) -> None:
    close()
    priced(1, NOON - 3 * DAY)
    revalue()
    priced(5, NOON - 2 * DAY, currency="EUR")
    dearer = revalue(includes_priced=True)
    priced(9, NOON - DAY)
    revalue(includes_priced=True)

    assert costs_now() == [Decimal(18)]
    assert day_totals() == [("USD", 1, 0, Decimal(18))]
    newest = Correction.objects.order_by("-pk")[0]
    assert newest.replaces is not None
    assert newest.replaces.cost == Decimal(10)
    assert dearer.difference == (("EUR", Decimal(10)), ("USD", Decimal(-2)))
    assert invariants.broken() == []


@pytest.mark.parametrize(
    "receipt",
    [
        Receipt(http_status=429, error="rate_limited"),
        Receipt(
            http_status=200, is_whole=True, usage=Usage(completion_tokens=5), may_be_billed=True
        ),
    ],
    ids=["refused", "without-all-figures"],
)
def test_what_no_price_can_value_stays_as_it_is(close: Close, receipt: Receipt) -> None:
    close(receipt=receipt)
    before = day_totals()
    priced(3)

    revaluation = revalue(includes_priced=True)

    assert revaluation.corrections.count() == 0
    assert day_totals() == before


def test_rows_that_run_and_rows_of_other_models_are_not_touched(close: Close, ana: User) -> None:
    close(model_asked="another")
    Completion.objects.create(user=ana, model_asked=MODEL, started_at=NOON)
    close()
    priced(3, NOON + DAY)

    assert revalue().corrections.count() == 1


def test_who_dies_in_the_middle_leaves_what_goes_on(
    close: Close, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revaluing, "BATCH", 2)
    for _ in range(5):
        close()
    priced(3)
    begun = revaluing.begin(model=MODEL, by=None, reason="Missing")
    revaluing.step(begun)
    assert Correction.objects.count() == 2
    assert list(totals.differences()) == []

    found = revaluing.begin(model=MODEL, by=None, reason="Once more")
    revaluing.proceed(found, seconds=60)

    assert found == begun
    assert costs_now() == [Decimal(6)] * 5
    assert day_totals() == [("USD", 5, 0, Decimal(30))]
    assert (found.rows, found.unpriced, found.costs_before) == (5, 5, ())
    assert found.costs_after == (("USD", Decimal(30)),)
    assert invariants.broken() == []


def test_of_two_that_go_on_from_the_same_row_one_does_nothing(
    close: Close, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the first of two rows, so that the other step does not end it all."""
    monkeypatch.setattr(revaluing, "BATCH", 1)
    close()
    close()
    priced(3)
    revaluation = revaluing.begin(model=MODEL, by=None, reason="Missing")
    read_before = revaluing._next_rows

    def overtaken(*args: Any) -> list[Completion]:
        rows = read_before(*args)
        monkeypatch.setattr(revaluing, "_next_rows", read_before)
        revaluing.step(Revaluation.objects.get(pk=revaluation.pk))
        return rows

    monkeypatch.setattr(revaluing, "_next_rows", overtaken)
    revaluing.step(revaluation)

    assert Correction.objects.count() == 1
    assert Revaluation.objects.get().rows == 1
    assert sorted(day_totals()) == [("", 1, 1, Decimal(0)), ("USD", 1, 0, Decimal(6))]


def test_without_a_price_there_is_nothing_to_value_with(close: Close) -> None:
    close()

    with pytest.raises(WithoutPrice):
        revaluing.begin(model=MODEL, by=None, reason="Missing")

    assert not Revaluation.objects.exists()


def test_rows_without_a_cost_are_found_by_their_index() -> None:
    with CaptureQueriesContext(connection) as queries:
        list(revaluations.concerned(MODEL, [], includes_priced=False))

    explained = Completion.objects.filter(model_asked=MODEL).unpriced().explain()
    assert "completion_without_cost" in explained or connection.vendor != "sqlite"
    assert len(queries) == 1


def test_the_command_line_revalues(close: Close, capsys: pytest.CaptureFixture[str]) -> None:
    close()
    with pytest.raises(CommandError, match="has a price"):
        call_command("usage", "revalue", MODEL)
    priced(3)

    call_command("usage", "revalue", MODEL, reason="The contract")

    assert "1 requests are revalued." in capsys.readouterr().out
    made = Revaluation.objects.get()
    assert (made.made_by, made.reason) == (None, "The contract")
    assert costs_now() == [Decimal(6)]
