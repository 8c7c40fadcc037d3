"""What pages need to know about whoever looks at them."""

import uuid
import zoneinfo
from collections.abc import Collection

from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone

from chat.enums import Theme
from chat.models import Conversation, User

THEME_COOKIE = "theme"
ZONE_COOKIE = "zone"


def theme_of(request: HttpRequest) -> str:
    """The profile's theme; before signing in, the cookie's. Safe where a request failed early."""
    user = getattr(request, "user", None)
    chosen = user.theme if user and user.is_authenticated else request.COOKIES.get(THEME_COOKIE)
    return chosen if chosen in Theme.values else Theme.AUTO


def time_zone_of(name: str) -> zoneinfo.ZoneInfo:
    """The zone of this name, or the team's where there is none."""
    try:
        return zoneinfo.ZoneInfo(name or settings.TIME_ZONE)
    except (KeyError, ValueError, OSError):
        return zoneinfo.ZoneInfo(settings.TIME_ZONE)


def current_sessions(keys: Collection[str]) -> set[str]:
    """Those of these sessions that are not over: signed out, expired, or ended with a password."""
    current = Session.objects.filter(pk__in=keys, expire_date__gt=timezone.now())
    return set(current.values_list("pk", flat=True))


def may_see(user_id: int, conversation_id: uuid.UUID, *, share: str = "") -> bool:
    """Whether this person may look at this conversation now, by a link if there is its token."""
    user = User.objects.filter(pk=user_id).first()
    return (
        user is not None
        and Conversation.objects.seen_by(user, share=share).filter(pk=conversation_id).exists()
    )
