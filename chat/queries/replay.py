"""What requests of the past would have cost by other prices: summed by the database, and exact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import BooleanField, Case, Count, Sum, Value, When
from django.utils import timezone

from chat.enums import Grain
from chat.models import Completion, Price
from chat.models.completion import CompletionQuerySet
from chat.queries import calendar
from chat.queries.figures import with_tokens
from chat.queries.usage import Amounts, Scope


@dataclass(frozen=True, slots=True)
class Load:
    """Requests of a model whose prompts are long, or are not, with their tokens in all."""

    model: str
    is_long: bool
    requests: int
    prompt: int
    cached: int
    output: int

    def cost(self, price: Price) -> Decimal:
        return price.cost_of_all(
            prompt=self.prompt, cached=self.cached, output=self.output, is_long=self.is_long
        )


@dataclass(frozen=True, slots=True)
class Replay:
    """What a model's requests have cost, and what they would have by another price."""

    price: Price
    # All, and those whose cost is not known and not a part of `did`.
    requests: int
    unpriced: int
    # How many are estimates, which count with their likely figure.
    estimated: int
    did: Amounts
    # Of requests of which all figures are known.
    replayed: int
    would: Decimal

    @property
    def would_be(self) -> Amounts:
        return ((self.price.currency, self.would),)

    @property
    def difference(self) -> Amounts:
        """None where what it did cost is not all known, or is in another currency."""
        currencies = [currency for currency, _amount in self.did]
        if self.unpriced or currencies != [self.price.currency]:
            return ()
        return ((self.price.currency, self.would - self.did[0][1]),)


def replay(prices: Iterable[Price], *, days: int) -> list[Replay]:
    """By a price for each model, over the team's last days, today included. Two queries, of which
    one reads the ledger's rows of that time once."""
    by_model = {price.model: price for price in prices}
    today = calendar.today(timezone.now())
    start, end = today - timedelta(days=days - 1), today
    rows = Completion.objects.between(calendar.midnight(start), timezone.now())
    loads = loads_of(rows.filter(model_asked__in=by_model), by_model)
    spent = _spent(by_model, start, end)
    return [
        _replay(price, [load for load in loads if load.model == model], spent.get(model, _Spent()))
        for model, price in by_model.items()
    ]


def _replay(price: Price, loads: list[Load], spent: _Spent) -> Replay:
    return Replay(
        price=price,
        requests=spent.requests,
        unpriced=spent.unpriced,
        estimated=spent.estimated,
        did=tuple(sorted(spent.costs)),
        replayed=sum(load.requests for load in loads),
        would=sum((load.cost(price) for load in loads), Decimal(0)),
    )


def loads_of(rows: CompletionQuerySet, prices: Mapping[str, Price]) -> list[Load]:
    """Split at the length from which each model's prompts are long. One query."""
    tiers = [
        When(model_asked=price.model, tokens_in__gt=price.long_prompt_over, then=Value(True))
        for price in prices.values()
        if price.long_prompt_over is not None
    ]
    is_long = Case(*tiers, default=Value(False), output_field=BooleanField())
    by = ("model_asked", "is_long")
    sums = {name: Sum(name) for name in ("tokens_in", "tokens_cached", "tokens_out")}
    sums = {f"sum_{name}": total for name, total in sums.items()}
    lines = with_tokens(rows).annotate(is_long=is_long).values(*by)
    return [
        Load(
            model=line["model_asked"],
            is_long=bool(line["is_long"]),
            requests=line["requests"],
            prompt=int(line["sum_tokens_in"]),
            cached=int(line["sum_tokens_cached"]),
            output=int(line["sum_tokens_out"]),
        )
        for line in lines.annotate(requests=Count("pk"), **sums).order_by(*by)
    ]


@dataclass(slots=True)
class _Spent:
    requests: int = 0
    unpriced: int = 0
    estimated: int = 0
    costs: tuple[tuple[str, Decimal], ...] = ()


def _spent(models: Iterable[str], start: date, end: date) -> dict[str, _Spent]:
    days = Scope(start, end).totals(Grain.DAY).filter(model__in=list(models))
    sums = {
        "requests": Sum("completions"),
        "without": Sum("unpriced"),
        "guessed": Sum("estimated"),
        "whole": Sum("cost"),
    }
    by = ("model", "currency")
    lines: Iterable[Any] = days.values(*by).annotate(**sums).order_by(*by)
    found: dict[str, _Spent] = {}
    for line in lines:
        spent = found.setdefault(line["model"], _Spent())
        spent.requests += line["requests"]
        spent.unpriced += line["without"]
        spent.estimated += line["guessed"]
        if line["currency"]:
            spent.costs += ((line["currency"], line["whole"]),)
    return found
