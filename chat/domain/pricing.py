"""What a completion costs: fixed when its row closes, by the price that was valid at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from chat.domain import notices
from chat.enums import CompletionState, News
from chat.models import Completion, Price


@dataclass(frozen=True, slots=True)
class Cost:
    """The likely amount and the bounds that the true one should lie in, in the price's currency."""

    likely: Decimal
    low: Decimal
    high: Decimal


class PriceStands(Exception):
    """There is a price of that model from that moment already, and prices are never changed."""


@dataclass(frozen=True, slots=True)
class Valuation:
    """What a row counts with: a price and the cost by it, as far as they are known."""

    price: Price | None
    cost: Cost | None


NOTHING = Cost(Decimal(0), Decimal(0), Decimal(0))


def enter(price: Price) -> Price:
    """Set a price. What has ended keeps its cost."""
    try:
        with transaction.atomic():
            price.save(force_insert=True)
            if price.effective_from <= timezone.now():
                notices.settle(notices.of_model(News.UNPRICED, price.model))
    except IntegrityError:
        raise PriceStands from None
    return price


def fields(row: Completion) -> dict[str, Any]:
    """What the row of a completion that ends is to hold of its cost."""
    price = Price.objects.of(row.model_asked, at=row.started_at)
    cost = cost_of(row, price)
    if cost is None:
        return {}
    return {
        "price": price,
        "cost": cost.likely,
        "cost_low": cost.low,
        "cost_high": cost.high,
    }


def as_closed(row: Completion) -> Valuation:
    return _valuation(row.price, row.cost, row.cost_low, row.cost_high)


def as_valued(row: Any, prices: Mapping[int, Price]) -> Valuation:
    """Of a row that `costs.valued` was asked for."""
    price = prices[row.valued_price] if row.valued_price is not None else None
    return _valuation(price, row.valued_cost, row.valued_low, row.valued_high)


def _valuation(
    price: Price | None, likely: Decimal | None, low: Decimal | None, high: Decimal | None
) -> Valuation:
    if likely is None or low is None or high is None:
        return Valuation(price, None)
    return Valuation(price, Cost(likely, low, high))


def cost_of(row: Completion, price: Price | None) -> Cost | None:
    """None where it is unknown: nobody set a price, or the figures are not all there."""
    if row.state == CompletionState.FAILED:
        return NOTHING
    if price is None or row.prompt is None or row.output is None:
        return None
    likely = price.cost(prompt=row.prompt, cached=row.cached_tokens or 0, output=row.output)
    if not row.is_estimated:
        return Cost(likely, likely, likely)
    low, high = row.estimated_prompt_low or 0, row.estimated_prompt_high or 0
    # How much of it was read from a cache is not known either, if the upstream did not say.
    cached = low if row.cached_tokens is None else row.cached_tokens
    least = price.cost(prompt=low, cached=cached, output=row.estimated_output_low or 0)
    most = price.cost(
        prompt=high, cached=row.cached_tokens or 0, output=row.estimated_output_high or 0
    )
    # Odd prices, such as cached tokens that cost more than others, change nothing about the order.
    return Cost(likely, low=min(least, likely), high=max(most, likely))
