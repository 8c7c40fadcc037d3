"""One browser tab looking at one conversation: what changed since its page, then live text."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

from django.utils import translation

from chat.generation import updates
from chat.generation.hub import LiveReply, Watch
from chat.generation.pool import FAULTS
from chat.generation.service import Service
from chat.generation.updates import Eyes, Update
from chat.rendering import frames

AGAIN_SECONDS = 1.0


class SignedOut(Exception):
    """The session by which the person came is over."""


class Viewer:
    """Sends frames to one socket, however slow; holds only a revision and a position."""

    def __init__(
        self,
        service: Service,
        conversation_id: uuid.UUID,
        *,
        eyes: Eyes,
        revision: int,
        shown: int = 0,
        send: Callable[[str], Awaitable[None]],
    ) -> None:
        self._service = service
        self._conversation_id = conversation_id
        self._eyes = eyes
        self._revision = revision
        # Characters of a running reply that the page has.
        self._shown = shown
        self._send = send
        self._live: LiveReply | None = None
        self._position = 0
        self._waiting: frozenset[int] = frozenset()
        self._answering: int | None = None
        # Of which reply it was said last that it has begun or ended.
        self._told_of: int | None = None
        self._says_held_up = False

    async def run(self) -> None:
        """Send until cancelled. Raises SignedOut, and Gone when there is nothing to be shown."""
        hub = self._service.hub
        watch = hub.watch(self._conversation_id, session_key=self._eyes.session_key)
        try:
            while not watch.is_over:
                await self._show(self._holdup())
                # Text first: with it people see that the answer has begun, and nothing has to be
                # read from the database for it.
                if (live := self._begun()) is not None and live.position > self._position:
                    await self._show(self._next_text(live))
                elif watch.has_changes:
                    await self._show(await self._changes(watch))
                else:
                    await watch.woken()
            raise SignedOut
        finally:
            hub.unwatch(self._conversation_id, watch)

    def _begun(self) -> LiveReply | None:
        """The reply whose text can be appended: one that the page shows, from the position on."""
        live = self._service.hub.live(self._conversation_id)
        if live is not None and live is not self._live and live.reply_id in self._waiting:
            self._live, self._position = live, 0
        return self._live if live is self._live else None

    async def _show(self, frame: str) -> None:
        """Nothing but this holds the frame: it may be large, and the browser slow."""
        if frame:
            await self._send(frame)

    async def _changes(self, watch: Watch) -> str:
        """What changed; nothing for now if the database cannot say."""
        watch.has_changes = False
        try:
            return await self._catch_up(watch)
        except FAULTS:
            watch.has_changes = True
            await asyncio.sleep(AGAIN_SECONDS)
            return ""

    async def _catch_up(self, watch: Watch) -> str:
        # The text so far is taken here, on the loop, so that the article and the pieces that
        # follow it fit together whatever is published while the article is rendered.
        live = self._service.hub.live(self._conversation_id)
        position = self._taken(live) if live else 0
        unseen = live.reply_id if live and live is not self._live else None
        begun, watch.begun = watch.begun, None
        if begun is not None and begun.is_all(self._eyes, since=self._revision, unseen=unseen):
            update, position = begun.update, 0
        else:
            update = await self._service.readers.run(
                updates.read,
                self._conversation_id,
                eyes=self._eyes,
                since=self._revision,
                live={live.reply_id: live.since(0, position)} if live else {},
                unseen=unseen,
            )
        if update.answering is not None:
            self._service.follow(update.answering, self._conversation_id)
        self._revision = update.revision
        still = frozenset[int]() if update.is_whole else self._waiting - update.rendered
        self._waiting = still | update.waiting
        if live is not None and live.reply_id in update.running:
            self._live, self._position = live, position
        elif live is None or live.reply_id in update.rendered or update.is_whole:
            # Sealed meanwhile, and all of it is in the article; or on a branch that is not shown.
            self._live = None
        return update.frame + self._status(update)

    def _taken(self, live: LiveReply) -> int:
        """Up to where an article holds the text: as far as it was sent, and one slice more. The
        first one holds no less than the page that it comes to, or it would take text back."""
        if live is self._live:
            return live.slice_end(self._position)
        return live.slice_end(0, at_least=self._shown)

    def _next_text(self, live: LiveReply) -> str:
        end = live.slice_end(self._position)
        new, self._position = live.since(self._position, end), end
        return frames.text(live.reply_id, new.text, new.reasoning)

    def _holdup(self) -> str:
        """That new text waits to be saved, or that it does not any more, once each."""
        live = self._service.hub.live(self._conversation_id)
        is_held_up = self._service.hub.is_held_up and live is not None
        if is_held_up == self._says_held_up:
            return ""
        self._says_held_up = is_held_up
        with translation.override(self._eyes.language):
            return frames.holdup(is_held_up=is_held_up)

    def _status(self, update: Update) -> str:
        # An end that was committed while this was read is told of with its article, which follows.
        is_early = update.answering is None and not update.frame
        # One that was over before anybody looked has ended all the same.
        is_known = update.answering == self._answering and update.ended in (None, self._told_of)
        if is_known or is_early:
            return ""
        self._answering = update.answering
        self._told_of = update.answering or update.ended or self._told_of
        with translation.override(self._eyes.language):
            return frames.status(started=update.answering is not None)
