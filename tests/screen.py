"""A browser tab, as far as the frames of a socket change it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from tests import tree

FRAME_PART = re.compile(
    r'<hx-partial hx-target="#thread[^"]*" hx-swap="(?P<swap>\w+)">(?P<articles>.*?)</hx-partial>'
    r'|<div id="status" role="status"[^>]*>(?P<status>.*?)</div>',
    re.DOTALL,
)
ARTICLE = re.compile(
    r'<article id="message-(\d+)"[^>]* data-state="(\w+)".*?'
    r'id="message-\d+-text" class="message__text([^>]*)>(.*?)</div>.*?</article>',
    re.DOTALL,
)


@dataclass
class Screen:
    """The texts and states that a tab shows, by message."""

    texts: dict[int, str] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    # What it showed of each message, one after the other.
    past: dict[int, list[str]] = field(default_factory=dict)
    frames: list[str] = field(default_factory=list)
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    _trees: dict[int, tree.Text] = field(default_factory=dict)
    # To which text words were added last.
    _last: int = 0

    def load(self, page: str) -> None:
        """Show a page that was fetched."""
        self._put(page, whole=True)

    async def send(self, frame: str) -> None:
        """Where a viewer sends to. A tab that does not read makes it wait."""
        await self.reads.wait()
        self.take(frame)

    def take(self, frame: str) -> None:
        self.frames.append(frame)
        reply_id, strokes = tree.strokes(frame)
        if strokes:
            self._last = reply_id or self._last
            assert self._last in self._trees, "text for a message that the page does not have"
            self._trees[self._last].take(strokes)
            self.show(self._last, self._trees[self._last].words.strip())
            return
        for part in FRAME_PART.finditer(frame):
            if part["articles"]:
                self._put(part["articles"], whole=part["swap"] == "innerHTML")
            elif part["status"]:
                self.said.append(part["status"])

    def _put(self, articles: str, *, whole: bool) -> None:
        if whole:
            self.texts.clear()
            self._trees.clear()
            self.states.clear()
        for key, state, attributes, text in ARTICLE.findall(articles):
            self.states[int(key)] = state
            # What the page has of it stays, if it has it.
            if "hx-preserve" not in attributes or int(key) not in self._trees:
                self.put(int(key), text)

    def put(self, key: int, markup: str) -> None:
        self._trees[key] = tree.Text(markup)
        self.show(key, self._trees[key].words.strip())

    def show(self, key: int, text: str) -> None:
        self.texts[key] = text
        self.past.setdefault(key, []).append(text)
