"""A running reply without script: one page whose text grows while it is sent."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

from django.db import connection
from django.http import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.html import escape
from django.views.decorators.http import require_GET

from chat.generation import service
from chat.generation.service import Service
from chat.models import Conversation
from chat.queries import branches, people, thread
from chat.views.access import SignedInRequest, signed_in, visible_conversation

MARKER = "<!--text-->"
# How often a reply that is not being written here is looked for in the database.
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, by which session, and by a link if there is its token."""

    user_id: int
    session_key: str
    share: str = field(default="", repr=False)

    @classmethod
    def of(cls, request: SignedInRequest, *, share: str = "") -> Self:
        return cls(request.user.pk, request.session.session_key or "", share)


@require_GET
@signed_in
def live(request: SignedInRequest, conversation_id: uuid.UUID) -> HttpResponseBase:
    conversation = visible_conversation(request, conversation_id)

    return written(request, conversation, page=conversation.get_absolute_url())


def written(
    request: SignedInRequest, conversation: Conversation, *, page: str, share: str = ""
) -> HttpResponseBase:
    """The reply that is being written until it is over; then, or if there is none, the page."""
    running = service.current_or_none()
    reply = thread.answering(conversation)
    part = branches.last(conversation)
    entries = thread.entries(conversation, part.messages)
    entry = next((entry for entry in entries if reply and entry.message.pk == reply.pk), None)
    if running is None or reply is None or entry is None:
        return redirect(page)

    context = {
        "conversation": conversation,
        "entries": entries,
        "part": part,
        "entry": entry,
        "page": page,
        "share": share,
    }
    before, _, after = render_to_string("chat/live.html", context, request).partition(MARKER)
    # The finished answer, with its figures, is in the page itself.
    after = f'<meta http-equiv="refresh" content="0;url={page}">{after}'
    reader = Reader.of(request, share=share)
    return streamed(
        _page(running, conversation.pk, reply.pk, reader, before=before, after=after),
    )


def streamed(parts: AsyncIterator[str], **options: Any) -> StreamingHttpResponse:
    """It may take minutes; the connection of its thread is wanted elsewhere."""
    connection.close()
    response = StreamingHttpResponse(parts, **options)
    response["X-Accel-Buffering"] = "no"
    return response


async def _page(
    running: Service,
    conversation_id: uuid.UUID,
    reply_id: int,
    reader: Reader,
    *,
    before: str,
    after: str,
) -> AsyncIterator[str]:
    yield before
    async for text in texts(running, conversation_id, reply_id, reader):
        yield escape(text)
    yield after


async def texts(
    running: Service, conversation_id: uuid.UUID, reply_id: int, reader: Reader
) -> AsyncIterator[str]:
    """The reply from its beginning to its end, in pieces; no more of it once it may not be seen."""
    hub = running.hub
    may_see = partial(people.may_see, reader.user_id, conversation_id, share=reader.share)
    watch = hub.watch(conversation_id, session_key=reader.session_key, share=reader.share)
    position = shown = 0
    try:
        while (reply := hub.live(conversation_id)) is None or reply.reply_id != reply_id:
            # Not started yet, or sealed already.
            if await running.readers.run(thread.is_sealed, reply_id):
                break
            if watch.is_over:
                return
            running.follow(reply_id, conversation_id)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(watch.woken(), LOOK_SECONDS)
        while reply is not None and reply.reply_id == reply_id:
            if watch.is_over:
                return
            if watch.has_changes:
                watch.has_changes = False
                if not await running.readers.run(may_see):
                    return
            if reply.position > position:
                text, position = reply.since(position).text, reply.position
                shown += len(text)
                yield text
            elif hub.live(conversation_id) is not reply:
                break
            else:
                await watch.woken()
        if not await running.readers.run(may_see):
            return
        # The last words may have been sealed without passing through the journal.
        yield (await running.readers.run(thread.sealed_text, reply_id))[shown:]
    finally:
        hub.unwatch(conversation_id, watch)
