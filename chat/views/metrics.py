"""The page that Prometheus reads."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt

from chat.generation import exposition


# Without the exemption a form sent here would be answered otherwise than where nothing is.
@csrf_exempt
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever has the token; for everybody else there is nothing here."""
    if request.method != "GET" or not _has_token(request):
        raise Http404
    return HttpResponse(
        exposition.page(),
        content_type=exposition.CONTENT_TYPE,
        headers={"Cache-Control": "no-store"},
    )


def _has_token(request: HttpRequest) -> bool:
    token, given = settings.METRICS_TOKEN, request.headers.get("Authorization", "")
    return bool(token) and constant_time_compare(given, f"Bearer {token}")
