"""The prices of models, how a new one is set, and how past requests are valued by them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chat.domain import pricing, revaluing
from chat.forms.prices import PriceForm, RevaluationForm, rates_of
from chat.models import Revaluation
from chat.queries import prices, replay, revaluations
from chat.queries.prices import ModelPrices
from chat.views.access import SignedInRequest, administrator_only, reviewer_only

# How long a request may go on valuing rows; the page that it leads to asks for the rest.
SECONDS = 1.0
PREVIEW_DAYS = 30
MOST_LISTED = 50


@require_safe
@reviewer_only
def prices_page(request: SignedInRequest) -> HttpResponse:
    board = prices.board(offered=settings.MODELS)
    context = {
        "concerned": [each for each in board if each.is_concerned],
        "others": [each for each in board if not each.is_concerned],
        "missing": [each for each in board if each.is_used and each.price is None],
        "unpriced": sum(each.unpriced.requests for each in board),
        "tokens": sum(each.unpriced.tokens for each in board),
    }
    return render(request, "usage/prices.html", context)


@require_safe
@reviewer_only
def model_prices(request: SignedInRequest) -> HttpResponse:
    """The history of one model, by its name in the query: names of models hold all kinds of
    characters."""
    return _model_page(request, _found(request.GET.get("model", "")), form=None)


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_only
def set_price(request: SignedInRequest) -> HttpResponse:
    """First the form, then what the price means, and after that it is set."""
    deed = request.POST.get("deed", "look")
    form = PriceForm(request.POST) if request.method == "POST" else _new_price(request)
    if not form.is_bound or deed == "change":
        return _price_page(request, form)
    if not form.is_valid():
        return _price_page(request, form, status=422)
    if deed != "set":
        (found,) = replay.replay([form.instance], days=PREVIEW_DAYS)
        return _price_page(request, form, preview=found, known=_known(form.instance.model))

    try:
        price = pricing.enter(form.instance)
    except pricing.PriceStands:
        form.refuse_moment()
        return _price_page(request, form, status=422)

    messages.success(request, _("The price is set. What has ended keeps its cost."))
    return redirect(_address(price.model))


@require_POST
@administrator_only
def begin_revaluation(request: SignedInRequest) -> HttpResponse:
    form = RevaluationForm(request.POST)
    if not form.is_valid():
        found = _found(request.POST.get("model", ""))
        return _model_page(request, found, form=form, status=422)

    try:
        revaluation = revaluing.begin(by=request.user, **form.cleaned_data)
    except revaluing.WithoutPrice:
        return redirect(_address(form.cleaned_data["model"]))

    return _gone_on(revaluation)


@require_POST
@administrator_only
def go_on_revaluing(request: SignedInRequest, revaluation_id: int) -> HttpResponse:
    return _gone_on(get_object_or_404(Revaluation, pk=revaluation_id))


@require_safe
@reviewer_only
def revaluation_page(request: SignedInRequest, revaluation_id: int) -> HttpResponse:
    made = get_object_or_404(Revaluation.objects.select_related("made_by"), pk=revaluation_id)
    return render(request, "usage/revaluation.html", {"made": made})


@require_safe
@reviewer_only
def revaluation_list(request: SignedInRequest) -> HttpResponse:
    newest = Revaluation.objects.newest_first().select_related("made_by")[:MOST_LISTED]
    return render(request, "usage/revaluations.html", {"revaluations": newest})


def _gone_on(revaluation: Revaluation) -> HttpResponse:
    revaluing.proceed(revaluation, seconds=SECONDS)
    return redirect("revaluation", revaluation.pk)


def _address(model: str) -> str:
    return f"{reverse('model_prices')}?{urlencode({'model': model})}"


def _known(model: str) -> ModelPrices | None:
    return prices.of_model(model, offered=settings.MODELS)


def _found(model: str) -> ModelPrices:
    if (found := _known(model)) is None:
        raise Http404
    return found


def _model_page(
    request: HttpRequest, found: ModelPrices, *, form: RevaluationForm | None, status: int = 200
) -> HttpResponse:
    oldest_first = found.history[::-1]
    context = {
        "found": found,
        "form": form or RevaluationForm(initial={"model": found.model}),
        "worth": revaluations.worth(oldest_first) if found.unpriced.requests else (),
        "under_way": Revaluation.objects.under_way().of(found.model),
    }
    return render(request, "usage/model_prices.html", context, status=status)


def _new_price(request: HttpRequest) -> PriceForm:
    """To begin with, as the price in force."""
    model = request.GET.get("model", "")
    known = _known(model)
    price = known.price if known else None
    present = rates_of(price) if price else {}
    return PriceForm(initial={"model": model, **present})


def _price_page(
    request: HttpRequest, form: PriceForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {"form": form, "models": settings.MODELS, "days": PREVIEW_DAYS, **more}
    return render(request, "usage/set_price.html", context, status=status)
