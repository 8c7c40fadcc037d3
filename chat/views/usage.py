"""What was used: everybody's own figures, and for reviewers and administrators the team's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from chat.domain import learned
from chat.forms.looking import LABELS, MINE, PERSON, TEAM, Looking
from chat.models import User
from chat.queries import budgets, calendar, usage
from chat.queries.ledger import Selection
from chat.queries.usage import By, Report, Row, opinions
from chat.queries.usage.conversations import FIRST
from chat.queries.usage.forecast import forecasts
from chat.queries.usage.order import arranged, is_like
from chat.queries.usage.people import Idle, without_use
from chat.queries.usage.requests import requests
from chat.queries.usage.rows import in_all
from chat.rendering import sheet
from chat.rendering import usage as files
from chat.rendering.exports import FORMATS, piece
from chat.views.access import SignedInRequest, reviewer_only, signed_in
from chat.views.sending import sent

CSV = "text/csv; charset=utf-8"
PAGE = FIRST
OF_TEAM = ("group", "model", "source", "cost_centre")
OF_PERSON = ("model", "source", "cost_centre")


@require_safe
@signed_in
def my_usage(request: SignedInRequest) -> HttpResponse:
    looking = _looking_at_mine(request)
    now = timezone.now()
    today, month = usage.lately(request.user, calendar.today(now))
    context = {
        "today": today,
        "month": month,
        "budgets": budgets.standing(request.user, now),
        "table_url": reverse("my_usage_table"),
    }
    return _page(request, "usage/mine.html", looking, context)


@require_safe
@signed_in
def my_usage_table(request: SignedInRequest) -> HttpResponse:
    return _table(request, _looking_at_mine(request), reverse("my_usage"), name="evoweb-usage")


@require_safe
@signed_in
def my_usage_csv(request: SignedInRequest) -> HttpResponseBase:
    return _days(request, _looking_at_mine(request), reverse("my_usage"), name="evoweb-usage")


@require_safe
@reviewer_only
def team_usage(request: SignedInRequest) -> HttpResponse:
    looking = _looking_at_team(request)
    today = calendar.today(timezone.now())
    is_this_month = looking.scope.start == calendar.first_of_month(today) <= looking.scope.end
    context = {
        "forecasts": forecasts(looking.scope, today=today) if is_this_month else [],
        "table_url": reverse("team_usage_table"),
    }
    return _page(request, "usage/team.html", looking, context)


@require_safe
@reviewer_only
def team_usage_table(request: SignedInRequest) -> HttpResponse:
    looking = _looking_at_team(request)
    return _table(request, looking, reverse("team_usage"), name="evoweb-team-usage")


@require_safe
@reviewer_only
def team_usage_csv(request: SignedInRequest) -> HttpResponseBase:
    looking = _looking_at_team(request)
    return _days(request, looking, reverse("team_usage"), name="evoweb-team-usage")


@require_safe
@reviewer_only
def estimates(request: SignedInRequest) -> HttpResponse:
    """How far off the ledger's estimates are, by what is known of whole answers."""
    return render(request, "usage/estimates.html", {"errors": learned.errors()})


@require_safe
@reviewer_only
def people_without_use(request: SignedInRequest) -> HttpResponse:
    looking = _looking_at_team(request)
    context = _shared(looking) | {
        "rows": _paged(request, _idle(looking)),
        "table_url": reverse("people_without_use_table"),
    }
    return render(request, "usage/without_use.html", context)


@require_safe
@reviewer_only
def people_without_use_table(request: SignedInRequest) -> HttpResponse:
    looking = _looking_at_team(request)
    if not looking.is_usable:
        return _back(request, reverse("people_without_use"))
    return _file(files.people(_idle(looking)), looking, name="evoweb-without-use")


@require_safe
@reviewer_only
def team_feedback(request: SignedInRequest) -> HttpResponse:
    """What people thought of answers: counts, and the words that they let be read."""
    looking = _looking(request, TEAM)
    context = _shared(looking) | {
        "opinions": opinions.opinions(looking.scope),
        "words": opinions.words(looking.scope),
        "table_url": reverse("team_feedback_table"),
    }
    return render(request, "usage/feedback.html", context)


@require_safe
@reviewer_only
def team_feedback_table(request: SignedInRequest) -> HttpResponse:
    looking = _looking(request, TEAM)
    if not looking.is_usable:
        return _back(request, reverse("team_feedback"))
    found = opinions.opinions(looking.scope)
    return _file(files.opinions(found), looking, name="evoweb-feedback")


@require_safe
@reviewer_only
def person_usage(request: SignedInRequest, person_id: int) -> HttpResponse:
    looking = _looking_at(request, person_id)
    context = {
        "person": looking.scope.user,
        "table_url": reverse("person_usage_table", args=(person_id,)),
    }
    return _page(request, "usage/person.html", looking, context)


@require_safe
@reviewer_only
def person_usage_table(request: SignedInRequest, person_id: int) -> HttpResponse:
    page = reverse("person_usage", args=(person_id,))
    return _table(request, _looking_at(request, person_id), page, name=f"evoweb-person-{person_id}")


@require_safe
@reviewer_only
def person_requests(request: SignedInRequest, person_id: int) -> HttpResponse:
    """One by one: figures and times, and how they ended."""
    looking = _looking_at(request, person_id)
    context = _shared(looking) | {
        "person": looking.scope.user,
        "rows": _paged(request, requests(looking.scope)),
        "table_url": reverse("person_requests_csv", args=(person_id,)),
    }
    return render(request, "usage/person_requests.html", context)


@require_safe
@reviewer_only
def person_requests_csv(request: SignedInRequest, person_id: int) -> HttpResponseBase:
    """What the ledger has of the requests that the page shows, if they have ended."""
    looking = _looking_at(request, person_id)
    if not looking.is_usable:
        return _back(request, reverse("person_requests", args=(person_id,)))
    name, kind = _named(looking, f"evoweb-person-{person_id}-requests"), FORMATS["csv"]
    rows = partial(piece, kind, Selection(timezone.now(), scope=looking.scope))
    return sent(request, name, kind.content_type, kind.head, rows)


def _looking_at_mine(request: SignedInRequest) -> Looking:
    return _looking(request, MINE, user=request.user)


def _looking_at_team(request: SignedInRequest) -> Looking:
    return _looking(request, TEAM, fields=OF_TEAM)


def _looking_at(request: SignedInRequest, person_id: int) -> Looking:
    person = get_object_or_404(User, pk=person_id)
    return _looking(request, PERSON, user=person, fields=OF_PERSON)


def _looking(request: SignedInRequest, looks: tuple[By, ...], **of_whom: Any) -> Looking:
    """By the team's days, which are the same whoever looks."""
    return Looking(request.GET, looks, today=calendar.today(timezone.now()), **of_whom)


def _page(
    request: SignedInRequest, template: str, looking: Looking, context: dict[str, Any]
) -> HttpResponse:
    report = usage.report(looking.scope, looking.by, looking.sort)
    rows = _rows(report, looking)
    shown = {
        "report": report,
        "label": LABELS[report.by],
        # A chart has the whole time.
        "rows": _paged(request, rows, size=len(rows) or 1 if report.by.is_of_time else PAGE),
        "in_all": in_all(rows) if looking.words else report.total,
    }
    return render(request, template, _shared(looking) | shown | context)


def _shared(looking: Looking) -> dict[str, Any]:
    return {
        "looking": looking,
        "period_form": looking.period,
        "sort": looking.sort,
        # Named where it is not the one that the person lives by.
        "team_zone": _other_zone(),
    }


def _rows(report: Report, looking: Looking) -> Sequence[Row]:
    rows = report.rows
    if report.by == By.CONVERSATION:
        return rows
    if report.by == By.PERSON and looking.words:
        rows = [row for row in rows if is_like(row.user, looking.words)]
    return arranged(rows, looking.sort)


def _idle(looking: Looking) -> list[Idle]:
    found = without_use(looking.scope)
    return [each for each in found if is_like(each.user, looking.words)]


def _paged(request: SignedInRequest, rows: Any, *, size: int = PAGE) -> Page[Any]:
    return Paginator(rows, size).get_page(request.GET.get("page"))


def _other_zone() -> str:
    name = timezone.get_default_timezone_name()
    return name if name != timezone.get_current_timezone_name() else ""


def _table(request: SignedInRequest, looking: Looking, page: str, *, name: str) -> HttpResponse:
    """All rows of the table that the page shows; for what cannot be shown, the page that says
    why."""
    if not looking.is_usable:
        return _back(request, page)
    report = usage.report(looking.scope, looking.by, looking.sort)
    content = files.table(report, _rows(report, looking))
    return _file(content, looking, name=f"{name}-by-{report.by}")


def _days(request: SignedInRequest, looking: Looking, page: str, *, name: str) -> HttpResponseBase:
    """All figures of days."""
    if not looking.is_usable:
        return _back(request, page)
    months = partial(sheet.piece, looking.scope)
    return sent(request, _named(looking, name), CSV, sheet.HEAD, months)


def _back(request: SignedInRequest, page: str) -> HttpResponse:
    return redirect(f"{page}?{request.GET.urlencode()}")


def _file(content: str, looking: Looking, *, name: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type=CSV,
        headers={"Content-Disposition": f'attachment; filename="{_named(looking, name)}"'},
    )


def _named(looking: Looking, name: str) -> str:
    return f"{name}-{looking.scope.start}-{looking.scope.end}.csv"
