"""The text of running replies as HTML: drawn once in a process, for all who watch there.

Whatever a model writes decides how long that takes, so threads do it, never the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import logging
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from django.utils import translation
from django.utils.safestring import mark_safe

from chat.queries.thread import Picture
from chat.rendering.highlighting import Answer
from chat.rendering.live import LiveMarkdown, Stroke
from chat.rendering.patches import Patch, Place

if TYPE_CHECKING:
    from chat.generation.hub import LiveReply

logger = logging.getLogger(__name__)

# Characters. Whoever reads slowly gets the rest in slices: as one frame, it would stand in memory
# for as long as they do not read.
SLICE = 64 * 1024
# Of the time no more than a twentieth goes to one reply, whose blocks may be very long.
REST = 19
# Seconds after which others no longer wait for a reply that takes so long.
LONG = 0.01


class Canvas:
    """One reply, for those who read this language, because a few words in it are ours. A position
    is a number of strokes, each a change of the HTML at its end."""

    def __init__(self, reply: LiveReply, language: str, *, may_wait: bool = False) -> None:
        """If somebody `may_wait`, it is for the colours of code."""
        self.reply = reply
        self._language = language
        # Pieces of it.
        self._drawn = 0
        self._text = LiveMarkdown(may_wait=may_wait)
        self._reasoning = LiveMarkdown(may_wait=may_wait)
        # Words alone go on where the ones before them have ended. They are by far the most.
        self.strokes: list[Stroke | str] = []
        # Where the last one ended, and in which of the two texts, if within words.
        self._end: tuple[bool, Place | None] = (False, None)
        self._lock = threading.Lock()
        # How long it took last, and until when it is left alone after that, by the loop's clock.
        self.took = 0.0
        self.rests_until = 0.0

    @property
    def position(self) -> int:
        return len(self.strokes)

    @property
    def waits_for(self) -> list[Answer]:
        """What it is worth being drawn for again, even if nothing else comes."""
        found = (self._text.waits_for, self._reasoning.waits_for)
        return [answer for answer in found if answer is not None]

    def draw(self, *, until: int = sys.maxsize) -> None:
        """All that was published, or the first pieces of it. From any thread."""
        with self._lock, translation.override(self._language):
            begun = time.perf_counter()
            for is_reasoning, markdown in ((True, self._reasoning), (False, self._text)):
                if patch := markdown.colour():
                    self._add(patch, is_reasoning=is_reasoning)
            while self._drawn < min(self.reply.position, until):
                end = self._slice_end(until)
                new, self._drawn = self.reply.since(self._drawn, end), end
                for is_reasoning, markdown, more in (
                    (True, self._reasoning, new.reasoning),
                    (False, self._text, new.text),
                ):
                    if more and (patch := markdown.grow(more)):
                        self._add(patch, is_reasoning=is_reasoning)
            self.took = time.perf_counter() - begun

    def _slice_end(self, until: int) -> int:
        """Up to which piece text becomes one stroke: all of it, unless that is very much."""
        size, until = 0, min(self.reply.position, until)
        for end in range(self._drawn, until):
            piece = self.reply.pieces[end]
            size += len(piece.text) + len(piece.reasoning)
            if size >= SLICE:
                return end + 1
        return until

    def _add(self, patch: Patch, *, is_reasoning: bool) -> None:
        goes_on = patch.lengthens and self._end == (is_reasoning, patch.place)
        words = html.unescape(patch.parts[0])
        self.strokes.append(words if goes_on else Stroke(patch, is_reasoning))
        self._end = (is_reasoning, patch.end)

    def end(self, text: str, reasoning: str) -> None:
        """The reply is over, and this is all of it. From any thread."""
        self.draw()
        with self._lock, translation.override(self._language):
            for is_reasoning, drawn, whole in (
                (True, self._reasoning, reasoning),
                (False, self._text, text),
            ):
                if patch := drawn.end(whole):
                    self._add(patch, is_reasoning=is_reasoning)

    def picture(self) -> tuple[Picture, int]:
        """All that was published, and the position that it is of. From any thread."""
        self.draw()
        with self._lock:
            picture = Picture(mark_safe(self._text.html), mark_safe(self._reasoning.html))  # noqa: S308
            return picture, self.position

    def slice(self, position: int, *, goes_on: bool) -> list[Stroke | str]:
        """What came after a position, unless that is very much; then its beginning. With `goes_on`
        for a page that has the stroke before it, and not only what came of that."""
        size, end = 0, position
        while end < len(self.strokes) and size < SLICE:
            stroke = self.strokes[end]
            size += len(stroke) if isinstance(stroke, str) else sum(map(len, stroke.patch.parts))
            end += 1
        strokes = self.strokes[position:end]
        if strokes and not goes_on:
            strokes[0] = self._placed(position)
        return strokes

    def _placed(self, position: int) -> Stroke:
        """The stroke behind a position, with the place at which it begins."""
        begins = position
        while isinstance(self.strokes[begins], str):
            begins -= 1
        first = self.strokes[begins]
        assert isinstance(first, Stroke)
        if begins == position:
            return first
        before, words = self.strokes[begins + 1 : position], self.strokes[position]
        place = first.patch.end
        assert place is not None
        assert isinstance(words, str)
        if before:
            place = place.behind(html.escape("".join(map(str, before))))
        return Stroke(Patch(place, (html.escape(words),), lengthens=True), first.is_reasoning)


class Painter:
    """Draws what is published of replies that somebody watches, many in one go."""

    def __init__(self, *, drawn: Callable[[Canvas], None]) -> None:
        self._drawn = drawn
        self._threads = ThreadPoolExecutor(3, thread_name_prefix="painter")
        self._wanted: set[Canvas] = set()
        self._woken = asyncio.Event()
        self._apart: set[asyncio.Task[None]] = set()

    def want(self, canvas: Canvas) -> None:
        """On the loop: there is something new of it."""
        self._wanted.add(canvas)
        self._woken.set()

    async def run(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            together = []
            for canvas in self._rested():
                if canvas.took > LONG:
                    task = asyncio.create_task(self._draw([canvas]))
                    self._apart.add(task)
                    task.add_done_callback(self._apart.discard)
                else:
                    together.append(canvas)
            if together:
                await self._draw(together)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _rested(self) -> list[Canvas]:
        """Those whose turn it is. It will be that of the others."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        rested = [canvas for canvas in self._wanted if canvas.rests_until <= now]
        self._wanted.difference_update(rested)
        if self._wanted:
            soonest = min(canvas.rests_until for canvas in self._wanted)
            loop.call_at(soonest, self._woken.set)
        return rested

    async def _draw(self, canvases: list[Canvas]) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, _draw_all, canvases)
        for canvas in canvases:
            if canvas.took > LONG:
                canvas.rests_until = loop.time() + REST * canvas.took
            for answer in canvas.waits_for:
                answer.add_done_callback(partial(self._want_soon, loop, canvas))
            self._drawn(canvas)

    def _want_soon(self, loop: asyncio.AbstractEventLoop, canvas: Canvas, _answer: Answer) -> None:
        """From another thread, or once the loop is closed."""
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self.want, canvas)


def _draw_all(canvases: list[Canvas]) -> None:
    for canvas in canvases:
        try:
            canvas.draw()
        except Exception:
            # Its text is shown when it ends.
            logger.exception("A running reply could not be drawn")
