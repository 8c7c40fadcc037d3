"""What surrounds every request: a line in the log, its length over the wire, its database
connection, and what its person chose."""

import logging
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers

from chat.queries.people import ZONE_COOKIE, time_zone_of

logger = logging.getLogger(__name__)

# Asked every few seconds by programs.
UNLOGGED = ("healthz", "metrics")


class RequestLogMiddleware:
    """One line a request, with ids and no words.

    An answer that is streamed is logged as it begins: its end may be minutes away, or never come.
    Static files do not come here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = monotonic()
        response = self._get_response(request)
        # Never the path: some hold a secret, and one that leads nowhere may be half of such a one.
        match = request.resolver_match
        route = match.view_name if match else None
        if route in UNLOGGED:
            return response
        # Who was found out while the request was answered: for the log nobody is looked up.
        user = getattr(request, "_cached_user", None)
        fields = {
            "event": "request",
            "method": request.method,
            "route": route,
            **_ids(match.kwargs if match else {}),
            "status": response.status_code,
            "duration_ms": round((monotonic() - began) * 1000, 1),
            "user_id": user.pk if user else None,
        }
        logger.info(
            "%s %s %d, %.1f ms",
            request.method,
            route or "(no such address)",
            response.status_code,
            fields["duration_ms"],
            extra={"fields": fields},
        )
        return response


def _ids(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Of what an address names, the ids."""
    names = ("conversation_id", "message_id", "queued_id", "preset_id", "prompt_id")
    return {name: parameters[name] for name in names if name in parameters}


class CompressionMiddleware(GZipMiddleware):
    """Pages over the wire in a fraction of their length. What is streamed goes out as it comes, and
    pictures are as short as they can be.

    That some of a page is secret and some of it a client's own, whose lengths together could tell
    of the secret, is seen to: tokens are masked anew in each page, and Django adds a random length.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        is_text = response.headers.get("Content-Type", "").startswith("text/")
        if response.streaming or not is_text:
            return response
        return super().process_response(request, response)


class ConnectionMiddleware:
    """Give the database connection back as soon as the answer is made, from the request's thread.

    Django does it when the answer has been sent, which takes as long as a client likes, and not at
    all when the client leaves. Connections come out of a pool: a few such clients would empty it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self._get_response(request)
        finally:
            for connection in connections.all(initialized_only=True):
                # Within a transaction only where a test has begun one around the whole request.
                if not connection.in_atomic_block:
                    connection.close_if_unusable_or_obsolete()


class PreferencesMiddleware:
    """Use the profile's language and time zone, and where it names none the browser's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated and user.language:
            translation.activate(user.language)
            request.LANGUAGE_CODE = translation.get_language()
        zone = user.time_zone if user.is_authenticated else ""
        with timezone.override(time_zone_of(zone or request.COOKIES.get(ZONE_COOKIE, ""))):
            response = self._get_response(request)
        # Pictures never change, and say so themselves.
        if user.is_authenticated and not response.has_header("Cache-Control"):
            # What Back shows has to be as it is now: an old page holds a send key that is used up.
            add_never_cache_headers(response)
        return response
