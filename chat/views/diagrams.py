"""The frame in which a diagram is drawn: a page without an origin, that may load nothing."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

# The library writes styles into what it draws, which no page of evoweb itself allows. What a model
# wrote is drawn here and nowhere else, so whatever it finds to break, it has broken out of nothing.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts"
)


@require_GET
@xframe_options_sameorigin
def diagram(request: HttpRequest) -> HttpResponse:
    """Nothing of anybody is in it: the page that holds the frame tells it what to draw."""
    response = render(request, "chat/diagram.html")
    response["Content-Security-Policy"] = POLICY
    return response
