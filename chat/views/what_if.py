"""What other prices and limits would have meant: questions that change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from chat.forms.prices import RatesForm, rates_of
from chat.forms.what_if import LimitForm
from chat.models import Price
from chat.queries import limits, prices, replay
from chat.queries.prices import ModelPrices
from chat.views.access import SignedInRequest, reviewer_only

DAYS = 90
MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Proposal:
    """Of a model, and what it is as it stands."""

    model: str
    form: RatesForm
    present: Price | None

    @property
    def price(self) -> Price | None:
        """What is proposed, or the price in force if nothing else is."""
        is_proposed = self.form.is_bound and self.form.has_changed()
        return self.form.instance if is_proposed else self.present


@require_safe
@reviewer_only
def what_if(request: SignedInRequest) -> HttpResponse:
    asks_limit = "amount" in request.GET
    limit_form = LimitForm(request.GET if asks_limit else None)
    proposals = [_proposal(*each, request.GET) for each in enumerate(_used())]
    context: dict[str, Any] = {
        "days": DAYS,
        "most": MOST_LISTED,
        "limit_form": limit_form,
        "proposals": proposals,
    }
    if asks_limit and limit_form.is_valid():
        context["replayed"] = limits.replay(limit_form.limit, days=DAYS)
        context["limit"] = limit_form.limit
    if "prices" in request.GET and not any(each.form.errors for each in proposals):
        proposed = [each.price for each in proposals if each.price is not None]
        context["replays"] = replay.replay(proposed, days=DAYS)
    return render(request, "usage/what_if.html", context)


def _used() -> list[ModelPrices]:
    return [each for each in prices.board(offered=settings.MODELS) if each.is_used]


def _proposal(number: int, found: ModelPrices, query: QueryDict) -> Proposal:
    """A model that the address does not speak of keeps its price."""
    price = found.price
    is_named = f"{found.model}-prompt" in query
    form = RatesForm(
        query if is_named else None,
        prefix=found.model,
        auto_id=f"model_{number}_%s",
        initial=rates_of(price) if price else {},
        instance=Price(model=found.model, effective_from=timezone.now()),
        empty_permitted=True,
        use_required_attribute=False,
    )
    return Proposal(found.model, form, price)
