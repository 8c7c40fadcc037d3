"""What waits in a conversation to be sent when a reply ends."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, Q
from django.utils import timezone

from chat.enums import QueueState
from chat.models import Conversation, QueuedMessage

REMOVED_SHOWN = timedelta(minutes=1)


def of_conversation(conversation: Conversation) -> list[QueuedMessage]:
    """From the first to the last, each with the number of its `pictures`; what was removed a moment
    ago is still in its place. One query, and none where nothing was ever queued."""
    if not conversation.queue_revision:
        return []
    shown = ~Q(state=QueueState.REMOVED) | Q(changed_at__gt=timezone.now() - REMOVED_SHOWN)
    rows = conversation.queue.filter(shown).annotate(pictures=Count("attachments"))
    return list(rows.first_first())
