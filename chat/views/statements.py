"""Monthly statements of cost centres, as pages to print and as files."""

from __future__ import annotations

from datetime import date

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from chat.forms.usage import WITHOUT_CENTRE
from chat.queries import calendar
from chat.queries.usage import statements as of_centres
from chat.queries.usage.statements import Statement
from chat.rendering import usage as files
from chat.views.access import SignedInRequest, reviewer_only


@require_safe
@reviewer_only
def statements(request: SignedInRequest) -> HttpResponse:
    context = {"months": of_centres.months(), "without_centre": WITHOUT_CENTRE}
    return render(request, "usage/statements.html", context)


@require_safe
@reviewer_only
def statement(request: SignedInRequest, year: int, month: int) -> HttpResponse:
    """Without a cost centre in its address it is that of the whole team."""
    now = timezone.now()
    found = _statement(request, year, month)
    context = {
        "statement": found,
        "is_over": calendar.midnight(calendar.next_month(found.month)) <= now,
        "made_on": calendar.today(now),
        "zone": timezone.get_default_timezone_name(),
    }
    return render(request, "usage/statement.html", context)


@require_safe
@reviewer_only
def statement_table(request: SignedInRequest, year: int, month: int) -> HttpResponse:
    """Of the same statement, with what each person used of each model."""
    found = _statement(request, year, month)
    name = f"evoweb-statement-{found.month:%Y-%m}.csv"
    return HttpResponse(
        files.statement(found),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _statement(request: SignedInRequest, year: int, month: int) -> Statement:
    centre = request.GET.get("cost_centre")
    first = _first_day(year, month)
    return of_centres.statement(first, "" if centre == WITHOUT_CENTRE else centre)


def _first_day(year: int, month: int) -> date:
    try:
        return date(year, month, 1)
    except ValueError:
        raise Http404 from None
