"""What surrounds every request: its database connection, and what its person chose."""

from collections.abc import Callable

from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from chat.queries.people import time_zone_of


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
    """Use the profile's language and time zone; without a profile the browser's language stays.

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
        with timezone.override(time_zone_of(user.time_zone if user.is_authenticated else "")):
            return self._get_response(request)
