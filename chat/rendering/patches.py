"""What has to be done to a page's HTML so that it becomes longer HTML: where to cut, what to add.

Both begin alike, since one is made of a text and the other of that text and more. So a cut at one
place, within the elements that are open there, and HTML to be added there, are always enough.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Self

TAG = re.compile(r"<(/?)([a-z0-9]+)[^>]*>")
_VOID = frozenset({"br", "hr"})
# The longest that the allow-list writes.
_ENTITY = len("&quot;")


@dataclass(frozen=True, slots=True)
class Place:
    """Within a tree of nodes: `path` leads from the root to an element by places among child nodes,
    of whose child nodes so many are before it. If the last of these is words, so many `units` of
    UTF-16 of it are."""

    path: tuple[int, ...]
    nodes: int
    units: int = 0

    def behind(self, words: str) -> Self:
        """The place at the end of words that are added at this one."""
        nodes = self.nodes + (not self.units)
        return type(self)(self.path, nodes, self.units + count_units(words))


@dataclass(frozen=True, slots=True)
class Patch:
    """Everything behind a place goes. Then `parts` come: the first into the element in which the
    place is, each other into the one above.

    If it only `lengthens` words, everything behind the place may as well stay, and has to where the
    first part is all that there is.
    """

    place: Place
    parts: tuple[str, ...]
    lengthens: bool

    @property
    def end(self) -> Place | None:
        """Where its first part ends, if that is within words."""
        words = self.parts[0]
        return self.place.behind(words) if words and not TAG.search(words) else None


@dataclass(slots=True)
class _Level:
    """An element whose end was not come to, and how many child nodes it has so far."""

    nodes: int = 0
    units: int = 0

    def add_words(self, words: str) -> None:
        if words:
            self.nodes += not self.units
            self.units += count_units(words)

    def add_element(self) -> None:
        self.nodes += 1
        self.units = 0


def patch(before: str, after: str, *, nodes: int = 0) -> Patch | None:
    """Between two balanced pieces of HTML at the end of a tree, before which it has so many nodes,
    the last of which is an element or a block's line break. None where they are the same."""
    if before == after:
        return None
    cut = _common(before, after)
    levels = _levels(after, cut, nodes)
    parts = parts_of(after[cut:])
    grown = cut + len(parts[0])
    here = levels[-1]
    return Patch(
        place=Place(tuple(level.nodes - 1 for level in levels[:-1]), here.nodes, here.units),
        parts=parts,
        lengthens=bool(here.units and parts[0])
        and not TAG.search(parts[0])
        and before[cut:] == after[grown:],
    )


def count_nodes(markup: str) -> int:
    """How many nodes are at the top of balanced HTML."""
    return _levels(markup, len(markup), 0)[0].nodes


def parts_of(rest: str) -> tuple[str, ...]:
    """What comes into each of the elements that are open before the rest of balanced HTML, the
    innermost first."""
    parts = []
    depth = begins = 0
    for tag in TAG.finditer(rest):
        if tag[2] in _VOID:
            continue
        if not tag[1]:
            depth += 1
        elif depth:
            depth -= 1
        else:
            parts.append(rest[begins : tag.start()])
            begins = tag.end()
    return (*parts, rest[begins:])


def count_units(words: str) -> int:
    """Of UTF-16, in which browsers count."""
    return len(html.unescape(words).encode("utf-16-le")) // 2


def _levels(markup: str, end: int, nodes: int) -> list[_Level]:
    """The elements that are open at a place, from the root to the innermost."""
    levels = [_Level(nodes)]
    position = 0
    for tag in TAG.finditer(markup, 0, end):
        levels[-1].add_words(markup[position : tag.start()])
        position = tag.end()
        if tag[1]:
            levels.pop()
        else:
            levels[-1].add_element()
            if tag[2] not in _VOID:
                levels.append(_Level())
    levels[-1].add_words(markup[position:end])
    return levels


def _common(before: str, after: str) -> int:
    """How many characters are the same at the beginning, whole tags and entities only."""
    low, high = 0, min(len(before), len(after))
    while low < high:
        middle = (low + high + 1) // 2
        if before[low:middle] == after[low:middle]:
            low = middle
        else:
            high = middle - 1
    opened = before.rfind("<", 0, low)
    if opened > before.rfind(">", 0, low):
        return opened
    begun = before.rfind("&", max(0, low - _ENTITY), low)
    return begun if begun > before.rfind(";", max(0, low - _ENTITY), low) else low
