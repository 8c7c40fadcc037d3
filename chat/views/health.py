"""Whether this process takes requests."""

from django.http import HttpRequest, HttpResponse

from chat.generation import service


def healthz(request: HttpRequest) -> HttpResponse:
    """200 as soon as pages can be served and replies started, 503 before and while draining."""
    if service.is_ready():
        return HttpResponse("ok\n", content_type="text/plain")
    return HttpResponse("not ready\n", content_type="text/plain", status=503)
