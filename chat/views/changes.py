"""What a socket would show, for pages that no socket reaches: some proxies let none through."""

from __future__ import annotations

import uuid
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse, QueryDict
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from chat.forms.numbers import whole_number
from chat.generation import changes
from chat.generation.changes import Seen
from chat.generation.updates import Eyes, Gone
from chat.models import Conversation
from chat.views.access import SignedInRequest, signed_in, visible_conversation

# What the page has then, for its next request, as the query that it came with.
SEEN = "Evoweb-Seen"


@require_GET
@signed_in
def conversation_changes(request: SignedInRequest, conversation_id: uuid.UUID) -> HttpResponse:
    return changed(request, visible_conversation(request, conversation_id))


def changed(
    request: SignedInRequest, conversation: Conversation, *, share: str = ""
) -> HttpResponse:
    """For the page of its owner, or that of a reader by the link with this token."""
    eyes = Eyes(
        user_id=request.user.pk,
        language=get_language() or settings.LANGUAGE_CODE,
        zone=timezone.get_current_timezone_name(),
        share=share,
    )

    try:
        found = changes.since(conversation, eyes=eyes, seen=_seen(request.GET))
    except Gone as gone:
        raise Http404 from gone

    headers = {SEEN: _query(found.seen)}
    if not found.frames:
        return HttpResponse(status=204, headers=headers)
    return JsonResponse(found.frames, safe=False, headers=headers)


def _seen(query: QueryDict) -> Seen:
    """What makes no sense is read as nothing: the page gets more than it needs then."""
    return Seen(
        revision=whole_number(query.get("since", "")),
        reply_id=whole_number(query.get("reply", "")) or None,
        position=whole_number(query.get("position", "")),
    )


def _query(seen: Seen) -> str:
    shown = {"since": seen.revision}
    if seen.reply_id is not None:
        shown |= {"reply": seen.reply_id, "position": seen.position}
    return urlencode(shown)
