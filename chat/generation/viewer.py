"""One browser tab looking at one conversation: what changed since its page, then live text."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

from django.utils import translation

from chat.generation import updates
from chat.generation.canvas import Canvas
from chat.generation.hub import Watch
from chat.generation.pool import FAULTS
from chat.generation.service import Service
from chat.generation.updates import Eyes, Update
from chat.rendering import frames

AGAIN_SECONDS = 1.0


class SignedOut(Exception):
    """The session or the link by which the person came is over."""


class Viewer:
    """Sends frames to one socket, however slow; holds only a revision and a position."""

    def __init__(
        self,
        service: Service,
        conversation_id: uuid.UUID,
        *,
        eyes: Eyes,
        revision: int,
        send: Callable[[str], Awaitable[None]],
    ) -> None:
        self._service = service
        self._conversation_id = conversation_id
        self._eyes = eyes
        self._revision = revision
        self._send = send
        self._canvas: Canvas | None = None
        # For which one was looked last, whether the page shows its reply or not.
        self._looked_for: Canvas | None = None
        self._position = 0
        # Whether the page has the stroke before that position, and not only what came of it.
        self._goes_on = False
        self._waiting: frozenset[int] = frozenset()
        self._answering: int | None = None
        # Of which reply it was said last that it has begun or ended.
        self._told_of: int | None = None
        self._says_held_up = False

    async def run(self) -> None:
        """Send until cancelled. Raises SignedOut, and Gone when there is nothing to be shown."""
        hub = self._service.hub
        watch = hub.watch(
            self._conversation_id, session_key=self._eyes.session_key, share=self._eyes.share
        )
        try:
            while not watch.is_over:
                await self._show(self._holdup())
                # Text first: with it people see that the answer has begun, and nothing has to be
                # read from the database for it.
                if (canvas := self._begun()) is not None and canvas.position > self._position:
                    await self._show(self._next_strokes(canvas))
                elif watch.has_changes or self._misses_text():
                    await self._show(await self._changes(watch))
                else:
                    await watch.woken()
            raise SignedOut
        finally:
            hub.unwatch(self._conversation_id, watch)

    def _begun(self) -> Canvas | None:
        """The reply whose text can be added to: one that the page shows, from the position on."""
        canvas = self._known_canvas()
        if (
            canvas is not None
            and canvas is not self._canvas
            and canvas.reply.reply_id in self._waiting
        ):
            self._go_on_from(canvas, 0)
        return self._canvas if canvas is self._canvas else None

    def _misses_text(self) -> bool:
        """Whether there is text of a reply that the last look knew of, and could not follow: the
        page came before that. Of one that it knew nothing of there will be word."""
        canvas = self._known_canvas()
        is_known = canvas is not None and canvas.reply.reply_id == self._answering
        return is_known and canvas not in (self._canvas, self._looked_for)

    def _known_canvas(self) -> Canvas | None:
        return self._service.hub.canvas(self._conversation_id, self._eyes.language)

    def _go_on_from(self, canvas: Canvas, position: int) -> None:
        self._canvas, self._position, self._goes_on = canvas, position, False

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
        canvas = self._known_canvas()
        unseen = canvas.reply.reply_id if canvas and canvas is not self._canvas else None
        begun, watch.begun = watch.begun, None
        if begun is not None and begun.is_all(self._eyes, since=self._revision, unseen=unseen):
            update = begun.update
        else:
            update = await self._service.readers.run(
                updates.read,
                self._conversation_id,
                eyes=self._eyes,
                since=self._revision,
                canvas=canvas,
                unseen=unseen,
                shown=self._canvas,
            )
        if update.keeps and self._canvas is not None:
            while self._canvas.position > self._position:
                await self._show(self._next_strokes(self._canvas))
        if update.answering is not None:
            self._service.follow(update.answering, self._conversation_id)
        self._looked_for = canvas
        self._revision = update.revision
        still = frozenset[int]() if update.is_whole else self._waiting - update.rendered
        self._waiting = still | update.waiting
        if canvas is not None and canvas.reply.reply_id in update.running:
            self._go_on_from(canvas, update.position)
        elif canvas is None or canvas.reply.reply_id in update.rendered or update.is_whole:
            # Sealed meanwhile, and all of it is in the article; or on a branch that is not shown.
            self._canvas = None
        return update.frame + self._status(update)

    def _next_strokes(self, canvas: Canvas) -> str:
        strokes = canvas.slice(self._position, goes_on=self._goes_on)
        self._position, self._goes_on = self._position + len(strokes), True
        return frames.strokes(canvas.reply.reply_id, strokes)

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
