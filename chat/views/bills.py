"""What the provider billed beside the ledger: reviewers look, administrators enter."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from chat.domain import bills as entering
from chat.forms.bill_file import BillFile, BillFileForm, ConfirmForm
from chat.forms.bills import BillMonthForm, LineForm
from chat.models import BilledDay
from chat.queries import bills, calendar
from chat.views.access import SignedInRequest, administrator_only, reviewer_only

# Rows of a table: more than a month has, and less than a file may bring.
MOST_SHOWN = 500


@require_safe
@reviewer_only
def bill_page(request: SignedInRequest) -> HttpResponse:
    return _page(request)


@require_POST
@administrator_only
def enter_line(request: SignedInRequest) -> HttpResponse:
    form = LineForm(request.POST)
    if not form.is_valid():
        return _page(request, line_form=form)
    return _enter(request, [form.line], key=form.cleaned_data["key"])


@require_POST
@administrator_only
def look_at_file(request: SignedInRequest) -> HttpResponse:
    """What the file would change, before it is entered."""
    form = BillFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, file_form=form)
    return _preview(request, form.cleaned_data["file"], name=form.file_name)


@require_POST
@administrator_only
def confirm_file(request: SignedInRequest) -> HttpResponse:
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        return _page(request, file_form=form)
    file = form.cleaned_data["text"]
    name = form.cleaned_data["file_name"]
    return _enter(request, file.lines, key=form.cleaned_data["key"], file_name=name)


def _page(
    request: SignedInRequest,
    *,
    line_form: LineForm | None = None,
    file_form: BillFileForm | ConfirmForm | None = None,
) -> HttpResponse:
    """The month; with a form that cannot be used, what is wrong with it."""
    month_form = _month_form(request)
    month, billed_by = month_form.chosen
    statement = bills.statement(month, billed_by)
    is_bad = line_form is not None or file_form is not None
    context = _stretch(month_form) | {
        "statement": statement,
        "line_form": line_form or LineForm(initial={"currency": "USD"}),
        "file_form": file_form or BillFileForm(),
        "is_entering": is_bad,
        "models": sorted({line.model for line in statement.lines} | set(settings.MODELS)),
    }
    return render(request, "usage/bills.html", context, status=422 if is_bad else 200)


def _preview(request: SignedInRequest, file: BillFile, *, name: str) -> HttpResponse:
    month_form = _month_form(request)
    fresh = bills.new_among(file.lines)
    statement = bills.preview(file.lines, month_form.chosen[1])
    context = _stretch(month_form) | {
        "file": file,
        "file_name": name[:200],
        "key": uuid.uuid4(),
        "fresh": len(fresh),
        "known": len(file.lines) - len(fresh),
        "statement": statement,
    }
    return render(request, "usage/bill_preview.html", context)


def _enter(
    request: SignedInRequest, lines: list[BilledDay], *, key: uuid.UUID, file_name: str = ""
) -> HttpResponse:
    entered = entering.enter(lines, by=request.user, key=key, file_name=file_name)
    if entered:
        words = ngettext("One line is entered.", "%(count)d lines are entered.", len(entered))
        messages.success(request, words % {"count": len(entered)})
    else:
        messages.info(request, _("This is entered already. Nothing was changed."))
    return redirect(_address(request, month=max(line.day for line in lines)))


def _address(request: HttpRequest, *, month: date) -> str:
    _month, billed_by = _month_form(request).chosen
    query = urlencode({"month": f"{month:%Y-%m}", "days": billed_by.value})
    return f"{reverse('bills')}?{query}"


def _month_form(request: HttpRequest) -> BillMonthForm:
    return BillMonthForm(request.GET, today=calendar.today(timezone.now()))


def _stretch(form: BillMonthForm) -> dict[str, Any]:
    """Which month, by whose days, and by what address to come back to it."""
    month, billed_by = form.chosen
    zone = timezone.get_default_timezone_name()
    return {
        "month_form": form,
        "month": month,
        "billed_by": billed_by,
        "team_zone": zone,
        "most": MOST_SHOWN,
        "query": urlencode({"month": f"{month:%Y-%m}", "days": billed_by.value}),
        # Hours of the team that begin within one of UTC's belong to the day in which they begin.
        "is_rough": calendar.midnight(month).minute != 0,
    }
