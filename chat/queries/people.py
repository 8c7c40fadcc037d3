"""What pages need to know about whoever looks at them."""

import uuid
import zoneinfo

from django.conf import settings
from django.http import HttpRequest

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


def may_see(user_id: int, conversation_id: uuid.UUID) -> bool:
    """Whether this person may look at this conversation now."""
    user = User.objects.filter(pk=user_id).first()
    return (
        user is not None
        and Conversation.objects.visible_to(user).filter(pk=conversation_id).exists()
    )
