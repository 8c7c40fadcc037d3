"""What a signed-in person chose: language and time zone, for the length of a request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from chat.queries.people import time_zone_of


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
