"""The tree of nodes that a browser makes of HTML, and how a page's script changes it.

As far as messages go: their HTML is balanced, so a browser mends nothing in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"br", "hr"}


@dataclass
class Element:
    start: str
    children: list[Element | str] = field(default_factory=list)

    @property
    def words(self) -> str:
        return "".join(each if isinstance(each, str) else each.words for each in self.children)

    def add(self, node: Element | str) -> None:
        if isinstance(node, str) and self.children and isinstance(self.children[-1], str):
            self.children[-1] += node
        else:
            self.children.append(node)


class _Reader(HTMLParser):
    def __init__(self, root: Element) -> None:
        super().__init__()
        self._open = [root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(self.get_starttag_text() or tag)
        self._open[-1].add(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        # A browser leaves out the line break with which a `<pre>` begins.
        here = self._open[-1]
        if here.start.startswith("<pre") and not here.children:
            data = data.removeprefix("\n")
        if data:
            here.add(data)


def read(markup: str) -> Element:
    root = Element("")
    reader = _Reader(root)
    reader.feed(markup)
    reader.close()
    return root


class Text:
    """The text of a message in a page, as `live-text.js` changes it."""

    def __init__(self, markup: str = "") -> None:
        self.root = read(markup)
        self._place: Element | None = None

    @property
    def words(self) -> str:
        return self.root.words

    def take(self, changes: list[Any]) -> None:
        """Those of the text, not of the reasoning."""
        for stroke in changes:
            if isinstance(stroke, str):
                self._lengthen(stroke)
            elif stroke[0] == 0:
                self._change(*stroke[1:])

    def _lengthen(self, more: str) -> None:
        assert self._place is not None, "words that go on where nothing has ended"
        last = self._place.children[-1]
        assert isinstance(last, str)
        self._place.children[-1] = last + more

    def _change(self, path: list[int], nodes: int, units: int, *parts: str) -> None:
        levels = [self.root]
        for place in path:
            level = levels[-1].children[place]
            assert isinstance(level, Element)
            levels.append(level)
        innermost = levels[-1]
        kept = [place + 1 for place in path] + [nodes]
        # With the first part alone what is behind the place stays, as far as it is further out.
        for level, count in list(zip(levels, kept, strict=True))[-len(parts) :]:
            assert count <= len(level.children)
            del level.children[count:]
        if units:
            last = innermost.children[-1]
            assert isinstance(last, str)
            kept_words = last.encode("utf-16-le")[: units * 2]
            assert len(kept_words) == units * 2
            innermost.children[-1] = kept_words.decode("utf-16-le")
        assert len(parts) in (1, len(levels))
        for level, part in zip(reversed(levels), parts, strict=False):
            for node in read(part).children:
                level.add(node)
        ends_in_words = innermost.children and isinstance(innermost.children[-1], str)
        self._place = innermost if ends_in_words else None


def strokes(frame: str) -> tuple[int | None, list[Any]]:
    """Of a frame that changes running text: the message's id, if it says it, and the changes."""
    if frame.startswith("+"):
        return None, [frame[1:]]
    if frame.startswith("["):
        reply_id, *changes = json.loads(frame)
        return reply_id, changes
    return None, []


def words_of(frame: str) -> str:
    """All words that a frame adds to a running text, with those that it repeats."""
    return "".join(
        each if isinstance(each, str) else "".join(read(part).words for part in each[4:])
        for each in strokes(frame)[1]
    )
