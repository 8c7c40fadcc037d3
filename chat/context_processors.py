"""What every page may show."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from chat.generation import service
from chat.models import BudgetRequest, Notice
from chat.queries import budgets, conversations
from chat.queries.people import theme_of

NOTICES = 2


def site(request: HttpRequest) -> dict[str, Any]:
    return {
        "is_demonstration": settings.IS_DEMONSTRATION,
        "demonstration_problem": _demonstration_problem(),
        "theme": theme_of(request),
        "sidebar": SimpleLazyObject(lambda: _sidebar(request)),
        "notices": SimpleLazyObject(lambda: _notices(request)),
        "outlook": SimpleLazyObject(lambda: _outlook(request)),
        "open_requests": SimpleLazyObject(lambda: BudgetRequest.objects.open().count()),
        "version": settings.VERSION,
    }


def _sidebar(request: HttpRequest) -> conversations.ConversationPage:
    match = request.resolver_match
    return conversations.page(
        request.user, through=match.kwargs.get("conversation_id") if match else None
    )


def _notices(request: HttpRequest) -> list[Notice]:
    """What this person has not put away: a few, or a page would be full of them."""
    if not request.user.is_authenticated:
        return []
    return list(Notice.objects.of(request.user).unread(timezone.now())[:NOTICES])


def _outlook(request: HttpRequest) -> budgets.Outlook | None:
    if not request.user.is_authenticated:
        return None
    return budgets.outlook(request.user, timezone.now())


def _demonstration_problem() -> str:
    running = service.current_or_none()
    return running.demonstration.problem if running and running.demonstration else ""
