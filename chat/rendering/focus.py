"""The ledger as bills come: FOCUS 1.2, the FinOps Open Cost and Usage Specification, a line for
each kind of token of a completion. `docs/usage-export.md` says what evoweb means by the columns.

What has no cost yet, since nobody has set a price, is no charge and not in it; nor is what was
refused. A correction has lines of its own: what was charged is taken back, by its own price, and
charged by the new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from django.conf import settings

from chat.enums import CompletionState
from chat.models import Price
from chat.models.completion import output_of, prompt_of
from chat.queries import calendar
from chat.queries.ledger import Batch, Fields, Person
from chat.rendering.sheet import BYTE_ORDER_MARK, cell, exact

# In the standard's order, which is that of letters; own ones come last and begin with `x_`.
COLUMNS = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
    "x_CompletionId",
    "x_CompletionState",
    "x_PriceId",
    "x_RevaluationId",
)
METERS = {"prompt": "Prompt tokens", "cached": "Cached tokens", "completion": "Completion tokens"}
# Prices are for a million tokens.
_MILLIONTHS = -6

FIELDS = (
    *("id", "user_id", "model_asked", "source", "cost_centre", "state", "cost"),
    *("started_at", "finished_at", "estimated_prompt", "estimated_output", "prompt_tokens"),
    *("completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens"),
)
# All of them as they stand in the file.
Columns = dict[str, str]

_SAME: Columns = dict.fromkeys(COLUMNS, "") | {
    "BillingAccountName": "evoweb",
    "BillingAccountType": "Team",
    "ChargeCategory": "Usage",
    "ChargeFrequency": "Usage-Based",
    "ConsumedUnit": "Tokens",
    "PricingCategory": "Standard",
    "PricingUnit": "1000000 Tokens",
    "ResourceType": "Model",
    "ServiceCategory": "AI and Machine Learning",
    "ServiceName": "Chat completions",
    "ServiceSubcategory": "Generative AI",
    "SubAccountType": "Person",
}


class Focus:
    name = "focus.csv"
    content_type = "text/csv; charset=utf-8"
    fields: Fields = {name: name for name in FIELDS} | {
        "price_id": "valued_price",
        "price_id_at_close": "price_id",
    }
    with_corrections = True
    head = f"{BYTE_ORDER_MARK}{','.join(COLUMNS)}\r\n".encode()

    def body(self, batch: Batch) -> bytes:
        lines = map(itemgetter(*COLUMNS), _charges(batch))
        return "".join(f"{','.join(line)}\r\n" for line in lines).encode()


class _Entry(NamedTuple):
    """All tokens of a completion, charged by a price or taken back, in a month's bill."""

    price: Price
    month: date
    sign: int = 1
    marks: Columns = {}
    note: str = ""


def _charges(batch: Batch) -> Iterator[Columns]:
    # There are few prices in a batch.
    meters, month = cache(_meters), cache(_month)
    same = _SAME | _accounts()
    for row in batch.rows:
        if row.state == CompletionState.FAILED:
            continue
        prompt = prompt_of(row) or 0
        quantities = _quantities(row, prompt)
        completion = same | _completion(row, batch.people[row.user_id])
        for price, first, sign, marks, note in _entries(row, batch):
            entry = completion | month(first) | marks
            for (rate, meter), tokens in zip(
                meters(price, price.is_long(prompt), note), quantities, strict=True
            ):
                if tokens:
                    yield entry | meter | _amounts(sign * tokens, rate)


def _entries(row: Any, batch: Batch) -> Iterator[_Entry]:
    begun = calendar.first_of_month(calendar.today(row.started_at))
    price = batch.prices.get(row.price_id_at_close) if row.cost is not None else None
    if price is not None:
        yield _Entry(price, begun)
    for correction in batch.corrections.get(row.id, ()):
        made = calendar.first_of_month(calendar.today(correction.revaluation.made_at))
        marks = {
            # By the standard only what corrects a period that is over is called one.
            "ChargeClass": "Correction" if made > begun else "",
            "x_RevaluationId": str(correction.revaluation_id),
        }
        if price is not None:
            yield _Entry(price, made, -1, marks, ", taken back")
        price = batch.prices[correction.price_id]
        yield _Entry(price, made, 1, marks, ", corrected")


def _quantities(row: Any, prompt: int) -> tuple[int, int, int]:
    cached = min(row.cached_tokens or 0, prompt)
    return prompt - cached, cached, output_of(row) or 0


def _amounts(tokens: int, rate: Decimal) -> Columns:
    quantity = Decimal(tokens).scaleb(_MILLIONTHS)
    costs = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")
    # Nothing, taken back, is not less than nothing.
    return dict.fromkeys(costs, exact(quantity * rate or Decimal())) | {
        "ConsumedQuantity": str(tokens),
        "PricingQuantity": exact(quantity),
    }


def _accounts() -> Columns:
    """What evoweb knows of those who send the bill is where their service is."""
    provider = cell(urlsplit(settings.EVOLINK_BASE_URL).hostname or "")
    return {
        "BillingAccountId": cell(urlsplit(settings.PUBLIC_URL).hostname or ""),
        "InvoiceIssuerName": provider,
        "ProviderName": provider,
        "PublisherName": provider,
    }


def _month(first: date) -> Columns:
    return {
        "BillingPeriodEnd": _second(calendar.midnight(calendar.next_month(first))),
        "BillingPeriodStart": _second(calendar.midnight(first)),
    }


def _completion(row: Any, person: Person) -> Columns:
    model = cell(row.model_asked)
    return {
        # The end is the first second that does not belong to it.
        "ChargePeriodEnd": _second(row.finished_at + timedelta(seconds=1)),
        "ChargePeriodStart": _second(row.started_at),
        "ResourceId": model,
        "ResourceName": model,
        "SubAccountId": str(row.user_id),
        "SubAccountName": cell(person.name),
        "Tags": cell(_tags(row)),
        "x_CompletionId": str(row.id),
        "x_CompletionState": row.state,
    }


def _tags(row: Any) -> str:
    tags: dict[str, object] = {"evoweb/source": row.source}
    if row.cost_centre:
        tags["cost_centre"] = row.cost_centre
    if row.state == CompletionState.ESTIMATED:
        tags["evoweb/estimated"] = True
    return msgspec.json.encode(tags).decode()


def _meters(price: Price, is_long: bool, note: str) -> list[tuple[Decimal, Columns]]:
    """With their rates, in the order of `Price.rates`."""
    rates = price.rates(is_long=is_long)
    return [
        (rate, _meter(price, kind, rate, is_long=is_long, note=note))
        for kind, rate in zip(METERS, rates, strict=True)
    ]


def _meter(price: Price, kind: str, rate: Decimal, *, is_long: bool, note: str) -> Columns:
    sku, long = f"{price.model}/{kind}", ", long prompt" if is_long else ""
    return {
        "BillingCurrency": cell(price.currency),
        "ChargeDescription": cell(f"{price.model}: {METERS[kind].lower()}{long}{note}"),
        "ContractedUnitPrice": exact(rate),
        "ListUnitPrice": exact(rate),
        "SkuId": cell(sku),
        "SkuMeter": METERS[kind],
        "SkuPriceId": cell(f"{sku}/long-prompt" if is_long else sku),
        "x_PriceId": str(price.pk),
    }


def _second(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).isoformat(timespec='seconds')[:19]}Z"
