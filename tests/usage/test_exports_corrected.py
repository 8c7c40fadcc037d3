"""The ledger as a file after past requests were revalued: it says what they cost now, and what they
were closed with."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from chat.domain import revaluing
from chat.enums import CompletionState, Grain
from chat.models import Completion, Correction, Price, Revaluation, Total
from chat.queries import costs
from chat.queries.ledger import Selection
from chat.rendering.exports import FORMATS, pieces
from tests.usage.conftest import NOON, Spend

MODEL = "unheard-of"
OCTOBER = NOON - timedelta(days=31)
CHARGES = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")

Line = dict[str, Any]


def lines_of(kind: str) -> list[Line]:
    found = Selection(ended_by=NOON + timedelta(days=90))
    text = b"".join(pieces(FORMATS[kind], found)).decode("utf-8-sig")
    if kind == "jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text)))


def price(prompt: str, since: datetime, *, currency: str = "USD") -> Price:
    return Price.objects.create(
        model=MODEL,
        effective_from=since,
        prompt=Decimal(prompt),
        cached=Decimal(prompt) / 10,
        completion=Decimal(prompt) * 3,
        currency=currency,
    )


def revalue(made_at: datetime) -> Revaluation:
    revaluation = revaluing.begin(model=MODEL, by=None, reason="Missing", includes_priced=True)
    assert revaluing.proceed(revaluation, seconds=60)
    Revaluation.objects.filter(pk=revaluation.pk).update(made_at=made_at)
    return revaluation


@pytest.fixture
def revalued(spend: Spend, estimated: Spend) -> list[Completion]:
    """Requests of October and November, before there was a price and after, that were given
    another twice: in November, and in December in another currency."""
    dear = {"model_asked": MODEL, "prompt_tokens": 7_001, "completion_tokens": 13}
    rows = [
        spend(started_at=OCTOBER, cached_tokens=3, **dear),
        estimated(prompt=70, output=80, model_asked=MODEL),
    ]
    price("2", OCTOBER - timedelta(days=1))
    rows += [
        spend(started_at=OCTOBER, **dear),
        spend(**dear),
        spend(model_asked=MODEL, state=CompletionState.FAILED, error="unreachable"),
        spend(),
    ]
    price("0.123457", OCTOBER - timedelta(hours=1))
    revalue(datetime(2026, 11, 20, tzinfo=UTC))
    price("5", NOON - timedelta(hours=1), currency="EUR")
    revalue(datetime(2026, 12, 1, tzinfo=UTC))
    return rows


def known(amount: str | None) -> Decimal:
    return Decimal(amount or 0)


def sums(lines: list[Line], amount: str, currency: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for line in lines:
        if known(line[amount]):
            found[line[currency]] = found.get(line[currency], Decimal(0)) + known(line[amount])
    return found


@pytest.mark.parametrize("kind", FORMATS)
def test_what_a_file_adds_up_to_is_what_the_ledger_counts_with(
    revalued: list[Completion], kind: str
) -> None:
    lines = lines_of(kind)

    columns = CHARGES if kind == "focus" else ("cost",)
    currency = "BillingCurrency" if kind == "focus" else "currency"
    rows: Any = costs.valued(Completion.objects.all())
    costly = rows.exclude(valued_cost=0).values_list("valued_currency")
    ledger = dict(costly.annotate(Sum("valued_cost")))
    totals = Total.objects.by(Grain.MONTH).exclude(cost=0)
    assert ledger.keys() == {"USD", "EUR"}
    assert dict(totals.values_list("currency").annotate(Sum("cost"))) == ledger
    for column in columns:
        assert sums(lines, column, currency) == ledger


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_line_says_what_its_request_costs_now_and_what_it_was_closed_with(
    revalued: list[Completion], kind: str
) -> None:
    lines = lines_of(kind)

    assert len(lines) == len(revalued)
    for line in lines:
        row: Any = costs.valued(Completion.objects.all()).get(pk=line["id"])
        for now, then in (("cost", "cost"), ("low", "cost_low"), ("high", "cost_high")):
            assert known(line[then]) == (getattr(row, f"valued_{now}") or 0)
            assert known(line[f"{then}_at_close"]) == (getattr(row, then) or 0)
        assert (line["price_id"] or None, line["currency"] or None) == (
            _text(row.valued_price, kind),
            row.valued_currency,
        )
        assert (line["price_id_at_close"] or None, line["currency_at_close"] or None) == (
            _text(row.price_id, kind),
            row.price.currency if row.price else None,
        )
        if row.valued_price:
            since = Price.objects.get(pk=row.valued_price).effective_from
            assert datetime.fromisoformat(line["price_from"]) == since
    assert sum(line["cost"] != line["cost_at_close"] for line in lines) == 4


def _text(key: int | None, kind: str) -> int | str | None:
    return str(key) if key and kind == "csv" else key


def test_each_correction_of_a_bill_takes_back_what_was_charged_and_charges_anew(
    revalued: list[Completion],
) -> None:
    lines = lines_of("focus")

    for line in lines:
        quantity = Decimal(line["PricingQuantity"])
        assert Decimal(line["ListUnitPrice"]) * quantity == Decimal(line["BilledCost"])
        assert Decimal(line["ListUnitPrice"]) >= 0
        assert quantity * 1_000_000 == int(line["ConsumedQuantity"])
    for correction in Correction.objects.select_related("completion", "replaces"):
        row, before = correction.completion, correction.replaces
        theirs = [
            line
            for line in lines
            if line["x_CompletionId"] == str(row.pk)
            and line["x_RevaluationId"] == str(correction.revaluation_id)
        ]
        charged = [line for line in theirs if int(line["ConsumedQuantity"]) > 0]
        back = [line for line in theirs if int(line["ConsumedQuantity"]) < 0]
        was = before.cost if before else row.cost
        assert sum(known(line["BilledCost"]) for line in charged) == correction.cost
        assert sum(known(line["BilledCost"]) for line in back) == -(was or 0)
        assert {line["x_PriceId"] for line in charged} == {str(correction.price_id)}
    used = sum(row.prompt + row.output for row in revalued if row.prompt and row.output)
    assert sum(int(line["ConsumedQuantity"]) for line in lines) == used


def test_only_what_corrects_a_month_that_is_over_is_called_a_correction(
    revalued: list[Completion], settings: Any
) -> None:
    settings.TIME_ZONE = "UTC"

    found = {
        (line["ChargePeriodStart"][:7], line["BillingPeriodStart"][:7], line["ChargeClass"])
        for line in lines_of("focus")
    }

    assert found == {
        ("2026-10", "2026-10", ""),
        ("2026-10", "2026-11", "Correction"),
        ("2026-11", "2026-11", ""),
        ("2026-11", "2026-12", "Correction"),
    }


def test_a_bill_asks_no_more_for_more_corrections(
    revalued: list[Completion], django_assert_num_queries: Any
) -> None:
    one = Selection(ended_by=NOON + timedelta(days=90), start=date(2026, 11, 1))
    all_of_them = Selection(ended_by=NOON + timedelta(days=90))

    for selection in (one, all_of_them):
        with django_assert_num_queries(4):
            list(pieces(FORMATS["focus"], selection))
        with django_assert_num_queries(3):
            list(pieces(FORMATS["csv"], selection))
