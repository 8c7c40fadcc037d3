"""Pages about people: the first administrator, the profile, and a closed door."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from chat.domain import accounts
from chat.enums import Theme
from chat.forms.people import ProfileForm, WelcomeForm
from chat.models import User
from chat.queries.people import THEME_COOKIE
from chat.views.access import safe_next

YEAR = 365 * 24 * 3600


@never_cache
@sensitive_post_parameters("password")
@sensitive_variables("form")
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest, token: str) -> HttpResponse:
    """Make the first administrator of whoever holds the link that evoweb printed at its start."""
    if not accounts.check_welcome_token(token):
        return _welcome_is_over(request)
    form = WelcomeForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "people/welcome.html", {"form": form}, status=status)

    try:
        user = accounts.create_first_administrator(**form.cleaned_data)
    except accounts.AlreadySetUp:
        return _welcome_is_over(request)

    login(request, user)
    return redirect("new_conversation")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    form = ProfileForm(
        request.POST if request.method == "POST" else None,
        initial={name: getattr(user, name) for name in ProfileForm.base_fields},
    )
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "people/profile.html", {"form": form}, status=status)

    accounts.update_profile(user=user, **form.cleaned_data)

    with translation.override(user.language or translation.get_language_from_request(request)):
        messages.success(request, _("Your profile is saved."))
    return redirect("profile")


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Light, dark or like the device; kept in the profile, before signing in in a cookie."""
    theme = request.POST.get("theme", "")
    if theme not in Theme.values:
        raise BadRequest("no such theme")
    response = redirect(safe_next(request, request.POST.get("next", "")))
    if isinstance(request.user, User):
        accounts.set_theme(user=request.user, theme=theme)
    else:
        response.set_cookie(
            THEME_COOKIE,
            theme,
            max_age=YEAR,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def signup_closed(request: HttpRequest) -> HttpResponse:
    return render(request, "account/signup_closed.html", status=403)


def too_many_attempts(request: HttpRequest) -> HttpResponse:
    """What allauth answers to whom it has counted too often; its counts forget within a minute."""
    response = render(request, "errors/429.html", status=429)
    response["Retry-After"] = "60"
    return response


def _welcome_is_over(request: HttpRequest) -> HttpResponse:
    return render(request, "people/welcome.html", {"expired": True}, status=410)
