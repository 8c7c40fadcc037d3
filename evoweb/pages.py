"""Django's pages over ASGI, each made in one thread."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponseBase
from servestatic.middleware import ServeStaticMiddleware


class Pages(ASGIHandler):
    """Runs every request from its first middleware to its last and back in one thread.

    Django's own handler would come back to the event loop between the middleware and the view, and
    for each middleware that looks at views: six changes of thread, each of which waits for the
    interpreter. Static files are sent by the loop.
    """

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        make = sync_to_async(self.get_response, thread_sensitive=True)
        respond = convert_exception_to_response(ServeStaticMiddleware(make))
        self._respond = cast("Callable[[HttpRequest], Awaitable[HttpResponseBase]]", respond)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await self._respond(request)
