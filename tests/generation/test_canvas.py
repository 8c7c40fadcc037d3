"""Running replies as HTML: one that takes long, or cannot be drawn, is nobody else's trouble."""

from __future__ import annotations

import asyncio
import re
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chat.generation import canvas as canvases
from chat.generation.canvas import REST, Canvas, Painter
from chat.generation.hub import LiveReply, Piece
from chat.rendering import highlighting


class Painted:
    """A painter at work, and the replies of which it said that they are drawn."""

    def __init__(self) -> None:
        self.replies: list[int] = []
        self.painter = Painter(drawn=lambda canvas: self.replies.append(canvas.reply.reply_id))

    async def until(self, is_so: Callable[[list[int]], bool]) -> None:
        async with asyncio.timeout(15):
            while not is_so(self.replies):  # noqa: ASYNC110 (any of several changes it)
                await asyncio.sleep(0.002)


@asynccontextmanager
async def painting() -> AsyncIterator[Painted]:
    painted = Painted()
    task = asyncio.create_task(painted.painter.run())
    try:
        yield painted
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        painted.painter.close()


def canvas_of(reply_id: int, text: str) -> Canvas:
    return Canvas(LiveReply(reply_id, uuid.uuid4(), [Piece(text, "")]), "en")


class Slow(Canvas):
    """Drawn once somebody lets it, and known to take a tenth of a second."""

    def __init__(self, reply: LiveReply, language: str) -> None:
        super().__init__(reply, language)
        self.took = 0.1
        self.may_go_on = threading.Event()

    def draw(self, *, until: int = 0) -> None:
        assert self.may_go_on.wait(15)


async def test_a_reply_that_takes_long_holds_up_no_other_and_is_left_alone_then() -> None:
    slow, quick = Slow(LiveReply(1, uuid.uuid4()), "en"), canvas_of(2, "Words")
    loop = asyncio.get_running_loop()
    async with painting() as painted:
        painted.painter.want(slow)
        painted.painter.want(quick)
        await painted.until(lambda replies: replies == [2])
        before = loop.time()
        slow.may_go_on.set()
        await painted.until(lambda replies: replies == [2, 1])

        assert slow.rests_until >= before + REST * slow.took
        painted.painter.want(slow)
        painted.painter.want(quick)
        await painted.until(lambda replies: replies == [2, 1, 2])


async def test_a_reply_that_rested_is_drawn_without_being_asked_for_again() -> None:
    rested = canvas_of(1, "Words")
    async with painting() as painted:
        rested.rests_until = asyncio.get_running_loop().time() + 0.05
        painted.painter.want(rested)

        await painted.until(lambda replies: replies == [1])
    assert rested.position == 1


async def test_code_without_its_colours_holds_nobody_up_and_is_drawn_again_once_it_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    questions: list[Any] = []
    highlighter = highlighting.Highlighter()
    monkeypatch.setattr(highlighting, "_highlighter", highlighter)
    monkeypatch.setattr(highlighter, "_put", questions.append)
    waiting = canvas_of(1, "```python\nreturn 1\n```\n\nMore")
    async with painting() as painted:
        painted.painter.want(waiting)
        painted.painter.want(canvas_of(2, "Words"))
        await painted.until(lambda replies: set(replies) == {1, 2})
        assert "return 1\n</code>" in waiting.picture()[0].text

        painted.replies.clear()
        questions[0].answer.set_result("<b>1</b>")
        await painted.until(lambda replies: replies == [1])

    assert waiting.position == 2
    assert waiting.waits_for == []


async def test_a_fault_in_one_reply_is_logged_and_the_others_are_drawn(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = canvas_of(1, "Broken"), canvas_of(2, "Sound")

    def grow(_: object) -> None:
        raise ValueError

    monkeypatch.setattr(broken._text, "grow", grow)
    async with painting() as painted:
        painted.painter.want(broken)
        painted.painter.want(sound)
        await painted.until(lambda replies: 2 in replies)

    assert sound.position == 1
    assert "could not be drawn" in caplog.text
    assert "Broken" not in caplog.text


def test_very_much_becomes_several_strokes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvases, "SLICE", 10)
    drawn = Canvas(LiveReply(1, uuid.uuid4(), [Piece("five ", "") for _ in range(10)]), "en")

    drawn.draw()

    assert drawn.position == 5
    assert len(drawn.slice(0, goes_on=False)) < 5
    assert drawn.picture()[0].text == f"<p>{'five ' * 9}five</p>\n"


def test_a_few_words_are_in_the_language_of_whoever_watches() -> None:
    reply = LiveReply(1, uuid.uuid4(), [Piece("| a |\n|---|\n| 1 |\n", "")])

    assert [
        re.findall('aria-label="(.*?)"', Canvas(reply, language).picture()[0].text)
        for language in ("en", "es")
    ] == [["Table"], ["Tabla"]]
