"""What was used: everybody's own figures, and for administrators the team's."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from chat.forms.usage import PeriodForm
from chat.models import User
from chat.queries import calendar, usage
from chat.rendering import sheet


@require_safe
@login_required
def my_usage(request: HttpRequest) -> HttpResponse:
    user, form = _mine(request)
    return _page(request, "usage/mine.html", user, form)


@require_safe
@login_required
def my_usage_csv(request: HttpRequest) -> HttpResponse:
    user, form = _mine(request)
    return _download(request, user, form, page="my_usage", name="evoweb-usage")


@require_safe
@login_required
def team_usage(request: HttpRequest) -> HttpResponse:
    return _page(request, "usage/team.html", None, _of_team(request))


@require_safe
@login_required
def team_usage_csv(request: HttpRequest) -> HttpResponse:
    form = _of_team(request)
    return _download(request, None, form, page="team_usage", name="evoweb-team-usage")


def _mine(request: HttpRequest) -> tuple[User, PeriodForm]:
    assert isinstance(request.user, User)
    return request.user, _period(request)


def _of_team(request: HttpRequest) -> PeriodForm:
    """To others there is no such page."""
    assert isinstance(request.user, User)
    if not request.user.is_administrator:
        raise Http404
    return _period(request)


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
