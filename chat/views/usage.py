"""What was used: everybody's own figures, and for reviewers and administrators the team's."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from chat.domain import learned
from chat.forms.usage import PeriodForm
from chat.models import User
from chat.queries import calendar, usage
from chat.rendering import sheet
from chat.views.access import SignedInRequest, reviewer_only, signed_in


@require_safe
@signed_in
def my_usage(request: SignedInRequest) -> HttpResponse:
    return _page(request, "usage/mine.html", request.user, _period(request))


@require_safe
@signed_in
def my_usage_csv(request: SignedInRequest) -> HttpResponse:
    form = _period(request)
    return _download(request, request.user, form, page="my_usage", name="evoweb-usage")


@require_safe
@reviewer_only
def team_usage(request: SignedInRequest) -> HttpResponse:
    return _page(request, "usage/team.html", None, _period(request))


@require_safe
@reviewer_only
def team_usage_csv(request: SignedInRequest) -> HttpResponse:
    form = _period(request)
    return _download(request, None, form, page="team_usage", name="evoweb-team-usage")


@require_safe
@reviewer_only
def estimates(request: SignedInRequest) -> HttpResponse:
    """How far off the ledger's estimates are, by what is known of whole answers."""
    return render(request, "usage/estimates.html", {"errors": learned.errors()})


def _period(request: HttpRequest) -> PeriodForm:
    """Of the team's days, which are the same whoever looks."""
    return PeriodForm(request.GET, today=calendar.today(timezone.now()))


def _page(request: HttpRequest, template: str, user: User | None, form: PeriodForm) -> HttpResponse:
    start, end = form.period
    context = {
        "period_form": form,
        "report": usage.report(user=user, start=start, end=end),
        # Named where it is not the one that the person lives by.
        "team_zone": _other_zone(),
    }
    return render(request, template, context)


def _other_zone() -> str:
    name = timezone.get_default_timezone_name()
    return name if name != timezone.get_current_timezone_name() else ""


def _download(
    request: HttpRequest, user: User | None, form: PeriodForm, *, page: str, name: str
) -> HttpResponse:
    """The figures as a file; for a period that cannot be used, the page that says why."""
    if not form.is_valid():
        return redirect(f"{reverse(page)}?{request.GET.urlencode()}")
    start, end = form.period
    return HttpResponse(
        sheet.of(usage.days(user=user, start=start, end=end)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}-{start}-{end}.csv"'},
    )
