"""The list of a person's conversations, newest first, page by page."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from chat.models import Conversation, User
from chat.models.conversation import ConversationQuerySet

PAGE = 40
# Longer a list is not made for the sake of the one that is looked at.
MOST = 400
# Words of a search; more make no difference that anybody could want.
WORDS = 10


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last conversation of a page: the next page begins after it."""

    active_at: datetime
    id: uuid.UUID

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None for whatever is no cursor: the list then begins at its start."""
        moment, _, key = text.partition("_")
        try:
            cursor = cls(datetime.fromisoformat(moment), uuid.UUID(key))
            # A moment near the ends of time may exist in its own zone alone.
            cursor.active_at.astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        return cursor if cursor.active_at.tzinfo else None

    def __str__(self) -> str:
        return f"{self.active_at.isoformat()}_{self.id}"


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """`older` is the cursor of what follows, empty at the end."""

    conversations: list[Conversation]
    older: str


def page(
    user: User | AnonymousUser,
    *,
    before: Cursor | None = None,
    through: uuid.UUID | None = None,
    words: str = "",
    size: int = PAGE,
) -> ConversationPage:
    """What follows `before`; so much of it that `through` is there too, unless that is too much.
    With `words`, those whose titles hold each of them."""
    visible = Conversation.objects.visible_to(user).newest_first()
    for word in words.split()[:WORDS]:
        visible = visible.filter(title__icontains=word)
    if before is not None:
        visible = visible.filter(
            Q(active_at__lt=before.active_at) | Q(active_at=before.active_at, pk__lt=before.id)
        )
    listed = visible.only("id", "title", "active_at")
    found = list(listed[: size + 1])
    if through and len(found) > size and all(each.pk != through for each in found[:size]):
        size = min(_position(visible, through), MOST)
        found = list(listed[: size + 1])
    shown = found[:size]
    more = len(found) > size
    return ConversationPage(
        conversations=shown,
        older=str(Cursor(shown[-1].active_at, shown[-1].pk)) if more else "",
    )


def _position(visible: ConversationQuerySet, key: uuid.UUID) -> int:
    """Counted from 1; the size of a page for what is not there."""
    found = visible.filter(pk=key).values_list("active_at", flat=True).first()
    if found is None:
        return PAGE
    newer = Q(active_at__gt=found) | Q(active_at=found, pk__gte=key)
    return max(visible.filter(newer).count(), PAGE)
