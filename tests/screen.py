"""A browser tab, as far as the frames of a socket change it."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import dataclass, field

FRAME_PART = re.compile(
    r'<hx-partial hx-target="#thread" hx-swap="(?P<swap>\w+)">(?P<articles>.*?)</hx-partial>'
    r'|<div hx-swap-oob="beforeend:#message-(?P<appended>\d+)-text">(?P<text>.*?)</div>'
    r'|<div id="status" role="status"[^>]*>(?P<status>.*?)</div>',
    re.DOTALL,
)
ARTICLE = re.compile(
    r'<article id="message-(\d+)"[^>]* data-state="(\w+)".*?'
    r'id="message-\d+-text" class="message__text[^>]*>(.*?)</div>.*?</article>',
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
    reads: asyncio.Event = field(default_factory=asyncio.Event)

    def load(self, page: str) -> None:
        """Show a page that was fetched."""
        self._put(page, whole=True)

    async def send(self, frame: str) -> None:
        """Where a viewer sends to. A tab that does not read makes it wait."""
        await self.reads.wait()
        self.take(frame)

    def take(self, frame: str) -> None:
        for part in FRAME_PART.finditer(frame):
            if part["articles"]:
                self._put(part["articles"], whole=part["swap"] == "innerHTML")
            elif part["appended"]:
                key = int(part["appended"])
                assert key in self.texts, "text for a message that the page does not have"
                self.show(key, self.texts[key] + html.unescape(part["text"]))
            elif part["status"]:
                self.said.append(part["status"])

    def _put(self, articles: str, *, whole: bool) -> None:
        if whole:
            self.texts.clear()
            self.states.clear()
        for key, state, text in ARTICLE.findall(articles):
            self.states[int(key)] = state
            self.show(int(key), html.unescape(re.sub(r"<[^>]+>", "", text)).strip())

    def show(self, key: int, text: str) -> None:
        self.texts[key] = text
        self.past.setdefault(key, []).append(text)
