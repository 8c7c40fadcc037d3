"""Pages for what went wrong."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from chat.queries.people import THEME_COOKIE
from chat.views.access import NOTICE, unsent


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/400.html", status=400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/403.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Asks the database nothing: it may be what failed."""
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        return _database_away(request)
    context = {"theme": request.COOKIES.get(THEME_COOKIE)}
    return HttpResponse(render_to_string("errors/500.html", context), status=500)


def _database_away(request: HttpRequest) -> HttpResponse:
    """A page sends its text again by itself after this status; a plain form gets its text back."""
    words = _("evoweb cannot reach its database. Try again in a moment.")
    if "HX-Request" in request.headers:
        body = render_to_string(NOTICE, {"notice": words, "oob": True})
    else:
        context = {"heading": words, "text": request.POST.get("text", ""), "way_on": "/"}
        body = render_to_string("errors/unsent.html", context)
    return HttpResponse(body, status=503, headers={"Retry-After": "5"})


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return unsent(
        request,
        heading=_("This page was open for too long"),
        notice=_("This page was open for too long. Your text is kept: reload it, then send again."),
        status=403,
    )
