"""The list of a person's conversations, newest first, page by page."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from chat.models import Conversation, User

PAGE = 40


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
        except ValueError:
            return None
        return cursor if cursor.active_at.tzinfo else None

    def __str__(self) -> str:
        return f"{self.active_at.isoformat()}_{self.id}"


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """`older` is the cursor of what follows, empty at the end."""

    conversations: list[Conversation]
    older: str


def page(user: User | AnonymousUser, *, before: Cursor | None = None) -> ConversationPage:
    visible = Conversation.objects.visible_to(user).newest_first()
    if before is not None:
        visible = visible.filter(
            Q(active_at__lt=before.active_at) | Q(active_at=before.active_at, pk__lt=before.id)
        )
    found = list(visible.only("id", "title", "active_at")[: PAGE + 1])
    shown = found[:PAGE]
    more = len(found) > PAGE
    return ConversationPage(
        conversations=shown,
        older=str(Cursor(shown[-1].active_at, shown[-1].pk)) if more else "",
    )
