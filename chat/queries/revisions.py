"""What changed where, for all viewers of a process at once."""

import uuid
from collections.abc import Collection

from chat.models import Conversation


def of_conversations(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """The revisions of those that still have someone who may see them. One query."""
    return dict(
        Conversation.objects.filter(pk__in=ids, deleted_at=None, owner__is_active=True).values_list(
            "pk", "revision"
        )
    )
