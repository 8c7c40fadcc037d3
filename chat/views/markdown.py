"""A conversation's shown branch as Markdown; with `curl -N`, as it is written."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

from django.http import HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from chat.generation import service
from chat.queries import thread
from chat.rendering import transcript
from chat.views.access import SignedInRequest, signed_in, visible_conversation
from chat.views.live import Reader, streamed, texts

CONTENT_TYPE = "text/markdown; charset=utf-8"


@require_safe
@signed_in
def conversation_markdown(request: SignedInRequest, conversation_id: uuid.UUID) -> HttpResponseBase:
    """A reply that is being written at its end goes on until it is over."""
    conversation = visible_conversation(request, conversation_id)
    running = service.current_or_none()
    entries = thread.entries(conversation)
    last = entries[-1] if entries else None
    if running is None or last is None or not last.message.is_running or request.method == "HEAD":
        words = [transcript.title(conversation), *map(transcript.said, entries)]
        return HttpResponse("".join(words), content_type=CONTENT_TYPE)

    before = [transcript.title(conversation), *map(transcript.said, entries[:-1])]
    reply = texts(running, conversation.pk, last.message.pk, Reader.of(request))
    return streamed(
        _whole("".join(before) + transcript.heading(last), reply), content_type=CONTENT_TYPE
    )


async def _whole(before: str, reply: AsyncIterator[str]) -> AsyncIterator[str]:
    yield before
    async for text in reply:
        yield text
    yield "\n"
