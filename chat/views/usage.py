"""What was used: everybody's own figures, and for administrators the team's."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from chat.forms.usage import PeriodForm
from chat.models import User
from chat.queries import usage
from chat.queries.usage import Report
from chat.rendering import sheet


@require_safe
@login_required
def my_usage(request: HttpRequest) -> HttpResponse:
    form, report = _mine(request)
    return render(request, "usage/mine.html", {"period_form": form, "report": report})


@require_safe
@login_required
def my_usage_csv(request: HttpRequest) -> HttpResponse:
    form, report = _mine(request)
    return _download(request, form, report, page="my_usage", name="evoweb-usage")


@require_safe
@login_required
def team_usage(request: HttpRequest) -> HttpResponse:
    form, report = _of_team(request)
    return render(request, "usage/team.html", {"period_form": form, "report": report})


@require_safe
@login_required
def team_usage_csv(request: HttpRequest) -> HttpResponse:
    form, report = _of_team(request)
    return _download(request, form, report, page="team_usage", name="evoweb-team-usage")


def _mine(request: HttpRequest) -> tuple[PeriodForm, Report]:
    """By the person's own days."""
    assert isinstance(request.user, User)
    zone = timezone.get_current_timezone()
    form = PeriodForm(request.GET, today=timezone.localdate(timezone=zone))
    start, end = form.period
    return form, usage.report(user=request.user, start=start, end=end, zone=zone)


def _of_team(request: HttpRequest) -> tuple[PeriodForm, Report]:
    """By the team's days, which are the same whoever looks. To others there is no such page."""
    assert isinstance(request.user, User)
    if not request.user.is_administrator:
        raise Http404
    zone = timezone.get_default_timezone()
    form = PeriodForm(request.GET, today=timezone.localdate(timezone=zone))
    start, end = form.period
    return form, usage.report(user=None, start=start, end=end, zone=zone)


def _download(
    request: HttpRequest, form: PeriodForm, report: Report, *, page: str, name: str
) -> HttpResponse:
    """The figures as a file; for a period that cannot be used, the page that says why."""
    if not form.is_valid():
        return redirect(f"{reverse(page)}?{request.GET.urlencode()}")
    return HttpResponse(
        sheet.of(report),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}-{report.start}-{report.end}.csv"'
        },
    )
