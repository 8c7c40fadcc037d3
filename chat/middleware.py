"""What surrounds every request: its database connection, and what its person chose."""

from collections.abc import Callable

from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers

from chat.queries.people import ZONE_COOKIE, time_zone_of


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
    """Use the profile's language and time zone, and where it names none the browser's.

    Synchronous on purpose: it is the innermost, and so keeps the whole chain and the view in one
    thread.
    """

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
        if user.is_authenticated:
            # What Back shows has to be as it is now: an old page holds a send key that is used up.
            add_never_cache_headers(response)
        return response
