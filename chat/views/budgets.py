"""Asking for more of a budget, and what administrators decide about it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chat.domain import asking
from chat.domain.asking import AskedAlready, DecidedAlready
from chat.forms.budgets import AskForm, DeclineForm, GrantForm, grant_form
from chat.models import Budget, BudgetRequest
from chat.queries import budgets
from chat.views.access import (
    NOTICE,
    SignedInRequest,
    administrator_only,
    reviewer_only,
    safe_next,
    signed_in,
    unsent,
)

SHOWN = 100


@require_safe
@reviewer_only
def budget_list(request: SignedInRequest) -> HttpResponse:
    return render(request, "usage/budgets.html", {"budgets": budgets.overview(timezone.now())})


@require_safe
@signed_in
def budget_left(request: SignedInRequest) -> HttpResponse:
    """The composer's line, for a page on which an answer has just ended."""
    return render(request, "chat/conversation.html#budget-left")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def ask_for_more(request: SignedInRequest, budget_id: int) -> HttpResponse:
    """As a page, and beside the composer, whose text comes along and is given back."""
    budget = get_object_or_404(Budget.objects.applying_to(request.user), pk=budget_id)
    form = AskForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _ask(request, budget, form)

    try:
        asking.ask(budget=budget, user=request.user, reason=form.cleaned_data["reason"])
        words = gettext("You have asked for more. You are told here as soon as it is decided.")
    except AskedAlready:
        words = gettext("You have asked for more already. Nobody has decided it yet.")

    return _asked(request, words)


@require_safe
@signed_in
def my_requests(request: SignedInRequest) -> HttpResponse:
    own = request.user.budget_requests.with_names()
    return render(request, "usage/my_requests.html", {"requests": own.newest_first()[:SHOWN]})


@require_safe
@administrator_only
def budget_requests(request: SignedInRequest) -> HttpResponse:
    return _requests(request)


@require_POST
@administrator_only
def grant_request(request: SignedInRequest, request_id: int) -> HttpResponse:
    asked = _found(request_id)
    form = grant_form(asked.budget, asked.pk, request.POST)
    if not form.is_valid():
        return _requests(request, form, of=asked)

    try:
        asking.grant(
            asked,
            by=request.user,
            amount=form.granted,
            until=form.ends_at,
            words=form.cleaned_data["words"],
        )
    except DecidedAlready:
        return _decided_already(request)

    messages.success(request, gettext("Granted. %(name)s is told.") % {"name": asked.user.name})
    return redirect("budget_requests")


@require_POST
@administrator_only
def decline_request(request: SignedInRequest, request_id: int) -> HttpResponse:
    asked = _found(request_id)
    form = DeclineForm(request.POST)
    if not form.is_valid():
        bound = grant_form(asked.budget, asked.pk, request.POST)
        return _requests(request, bound, of=asked)

    try:
        asking.decline(asked, by=request.user, words=form.cleaned_data["words"])
    except DecidedAlready:
        return _decided_already(request)

    messages.success(request, gettext("Declined. %(name)s is told.") % {"name": asked.user.name})
    return redirect("budget_requests")


def _found(request_id: int) -> BudgetRequest:
    rows = BudgetRequest.objects.select_related("budget", "user")
    return get_object_or_404(rows, pk=request_id)


def _ask(request: SignedInRequest, budget: Budget, form: AskForm) -> HttpResponse:
    context: dict[str, Any] = {"budget": budget, "ask_form": form}
    status = 422 if form.is_bound else 200
    if request.htmx:
        return render(request, NOTICE, context | {"oob": True}, status=status)
    context |= {
        "has_asked": budgets.has_asked(request.user, budget),
        "standing": budgets.standing_of(budget, request.user, timezone.now()),
        "text": request.POST.get("text", ""),
        "next": _way_on(request),
    }
    return render(request, "usage/ask.html", context, status=status)


def _asked(request: SignedInRequest, words: str) -> HttpResponse:
    if request.htmx or request.POST.get("text"):
        return unsent(request, heading=words, notice=words, status=200, way_on=_way_on(request))
    messages.success(request, words)
    return redirect("my_requests")


def _way_on(request: HttpRequest) -> str:
    return safe_next(request, request.POST.get("next") or request.GET.get("next", ""))


def _requests(
    request: SignedInRequest, form: GrantForm | None = None, *, of: BudgetRequest | None = None
) -> HttpResponse:
    """All of them; one of the forms may be as it was sent, with what is wrong with it."""
    asked = budgets.open_requests(timezone.now())
    forms = [
        form if form and of == each.request else grant_form(each.request.budget, each.request.pk)
        for each in asked
    ]
    decided = BudgetRequest.objects.decided().with_names()
    context = {
        "asked": list(zip(asked, forms, strict=True)),
        "decided": decided.newest_first()[:SHOWN],
    }
    return render(request, "usage/requests.html", context, status=422 if form else 200)


def _decided_already(request: SignedInRequest) -> HttpResponse:
    messages.info(request, gettext("Somebody has decided this already."))
    return redirect(reverse("budget_requests"))
