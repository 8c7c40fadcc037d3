"""Who may come in, and what the others are told. In each case what they typed is kept."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from chat.generation.service import NotServing
from chat.models import Conversation, User

P = ParamSpec("P")
NOTICE = "chat/conversation.html#composer-notice"


class SignedInRequest(HttpRequest):
    """A request behind `signed_in`."""

    user: User
    htmx: HtmxDetails


def signed_in(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Let signed-in people in and send the others to the sign-in page.

    A script that would put the sign-in page into the middle of another one gets a notice instead,
    and what was typed stays where it is.
    """

    @wraps(view)
    def guarded(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _session_ended(request)
        try:
            return view(request, *args, **kwargs)
        except NotServing:
            words = _("evoweb is starting. Try again in a moment.")
            return unsent(request, heading=words, notice=words, status=503)

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", guarded)


def visible_conversation(request: SignedInRequest, conversation_id: uuid.UUID) -> Conversation:
    """Raises Http404 for who may not see it, as for one that is not there."""
    return get_object_or_404(Conversation.objects.visible_to(request.user), pk=conversation_id)


def open_conversation(request: SignedInRequest, conversation_id: uuid.UUID) -> Conversation:
    """The same for who may not change it."""
    return get_object_or_404(Conversation.objects.open_to(request.user), pk=conversation_id)


def reviewer_only(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Let in who sees the team's usage. To others there is no such page."""
    return signed_in(_where(lambda user: user.sees_team_usage, view))


def administrator_only(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Let administrators in. To others there is no such page."""
    return signed_in(_where(lambda user: user.is_administrator, view))


def _where(
    may_enter: Callable[[User], bool],
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[SignedInRequest, P], HttpResponseBase]:
    @wraps(view)
    def guarded(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not may_enter(request.user):
            raise Http404
        return view(request, *args, **kwargs)

    return cast("Callable[Concatenate[SignedInRequest, P], HttpResponseBase]", guarded)


def unsent(
    request: HttpRequest, *, heading: str, notice: str, status: int, way_on: str = "/"
) -> HttpResponse:
    """Say why nothing was done; a page of its own gives back the text that came with the form."""
    if getattr(request, "htmx", False):
        context = {"notice": notice, "sign_in": status == 401, "oob": True}
        return render(request, NOTICE, context, status=status)
    context = {"heading": heading, "text": request.POST.get("text", ""), "way_on": way_on}
    return render(request, "errors/unsent.html", context, status=status)


def safe_next(request: HttpRequest, address: str) -> str:
    """An address that came with a request, if it leads to a page of this site; else home."""
    is_here = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if is_here else "/"


def _session_ended(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect_to_login(request.get_full_path(), resolve_url("account_login"))
    return unsent(
        request,
        heading=_("Your session has ended"),
        notice=_(
            "Your session has ended. Your text is kept: sign in again, come back and send it."
        ),
        status=401,
        way_on=f"{reverse('account_login')}?{urlencode({'next': '/'})}",
    )
