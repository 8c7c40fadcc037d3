"""What every page may show."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from chat.generation import service
from chat.models import BudgetRequest
from chat.queries import conversations
from chat.queries.people import theme_of


def site(request: HttpRequest) -> dict[str, Any]:
    return {
        "is_demonstration": settings.IS_DEMONSTRATION,
        "demonstration_problem": _demonstration_problem(),
        "theme": theme_of(request),
        "sidebar": SimpleLazyObject(lambda: _sidebar(request)),
        "open_requests": SimpleLazyObject(lambda: BudgetRequest.objects.open().count()),
        "version": settings.VERSION,
    }


def _sidebar(request: HttpRequest) -> conversations.ConversationPage:
    match = request.resolver_match
    return conversations.page(
        request.user, through=match.kwargs.get("conversation_id") if match else None
    )


def _demonstration_problem() -> str:
    running = service.current_or_none()
    return running.demonstration.problem if running and running.demonstration else ""
