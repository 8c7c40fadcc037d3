"""The sockets. They authorise, watch and pass on; commands are ordinary POST requests."""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import AbstractContextManager
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, parse_cookie

from chat.forms.numbers import whole_number
from chat.generation import service
from chat.generation.updates import Eyes, Gone
from chat.generation.viewer import SignedOut, Viewer
from chat.models import Conversation

logger = logging.getLogger(__name__)

NOT_SIGNED_IN = 4401
NOT_FOUND = 4404
TRY_AGAIN_LATER = 1013


# No consumer hears of anything by the channel layer, so none is to fail while Redis is away.
NO_CHANNEL_LAYER = ""


class NothingHere(AsyncWebsocketConsumer):
    """At every other address, where a browser is not to knock again."""

    channel_layer_alias = NO_CHANNEL_LAYER

    async def connect(self) -> None:
        await self.accept()
        await self.close(code=NOT_FOUND)


class ConversationConsumer(AsyncWebsocketConsumer):
    """One browser looking at one conversation: its owner's, or a reader's by a link."""

    channel_layer_alias = NO_CHANNEL_LAYER

    _watching: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        # A refusal before the acceptance reads as 403, and the browser would knock for ever.
        await self.accept()
        running = service.current_or_none()
        if running is None:
            return await self.close(code=TRY_AGAIN_LATER)
        address = self.scope["url_route"]["kwargs"]
        session_key, share = self._session_key(), address.get("token", "")
        # In the pool, not in the thread that Channels keeps for all sockets together.
        user_id, conversation_id = await running.readers.run(
            _who, session_key, address.get("conversation_id"), share
        )
        if user_id is None:
            return await self.close(code=NOT_SIGNED_IN)
        if conversation_id is None:
            return await self.close(code=NOT_FOUND)
        viewer = Viewer(
            running,
            conversation_id,
            eyes=Eyes(
                user_id=user_id,
                language=self._language(),
                zone=self._query("zone"),
                session_key=session_key,
                share=share,
            ),
            revision=whole_number(self._query("since")),
            send=self._send_text,
        )
        self._watching = asyncio.create_task(self._watch(viewer, running.socket_of(user_id)))
        return None

    async def disconnect(self, code: int) -> None:
        if self._watching is not None:
            self._watching.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Nothing is asked over the socket but whether it still stands."""
        if text_data == "ping":
            await self.send(text_data="pong")

    async def _watch(self, viewer: Viewer, place: AbstractContextManager[bool]) -> None:
        try:
            with place as is_free:
                if not is_free:
                    return await self.close(code=TRY_AGAIN_LATER)
                await viewer.run()
        except Gone:
            await self.close(code=NOT_FOUND)
        except SignedOut:
            await self.close(code=NOT_SIGNED_IN)
        except Exception:
            logger.exception("A viewer failed")
            # The browser comes back for a fresh one.
            await self.close(code=1011)
        return None

    async def _send_text(self, frame: str) -> None:
        await self.send(text_data=frame)

    def _query(self, name: str) -> str:
        query: dict[str, list[str]] = parse_qs(
            self.scope["query_string"].decode("ascii", "replace")
        )
        return query.get(name, [""])[0]

    def _session_key(self) -> str:
        headers: dict[bytes, bytes] = dict(self.scope["headers"])
        cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
        return cookies.get(settings.SESSION_COOKIE_NAME, "")

    def _language(self) -> str:
        language = self._query("language")
        return language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def _who(
    session_key: str, conversation_id: uuid.UUID | None, share: str
) -> tuple[int | None, uuid.UUID | None]:
    """Whose session this is, if it is anybody's, and the conversation if they may see it: theirs
    with this id, or the one that the link with this token opens."""
    request = HttpRequest()
    request.session = SessionStore(session_key)
    user = get_user(request)
    seen = Conversation.objects.seen_by(user, share=share)
    if conversation_id is not None:
        seen = seen.filter(pk=conversation_id)
    elif not share:
        seen = seen.none()
    return user.pk, seen.values_list("pk", flat=True).first()
