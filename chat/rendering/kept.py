"""The HTML of finished messages, kept by this process so that a page need not make it anew.

What it was made from decides: the text, the language of our own words in it, and everything that
makes HTML of it. So nothing that is kept can be out of date. It is not shared between processes: to
ask for it takes half of the time that it takes to make, and nobody's words are to outlive their
deletion in another place.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

from django.utils.safestring import SafeString
from django.utils.translation import get_language

from chat.rendering import markdown
from chat.rendering.highlighting import PLAIN

# Characters of HTML, of one text and of all.
LONGEST = 400_000
ALL_TOGETHER = 8_000_000
FOLDER = Path(__file__).resolve().parent
PACKAGES = ("idna", "nh3", "pygments", "pyromark")
# Code that is still to be coloured, or has taken too long once.
_LEFT_PLAIN = re.compile(
    rf'data-language="(?!(?:{"|".join(map(re.escape, PLAIN))})")[^"]*"[^>]*>'
    r"<pre[^>]*><code>[^<]*</code>"
)


class Shelf:
    """HTML by what it was made from. What was not asked for longest goes first."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._kept: OrderedDict[bytes, SafeString] = OrderedDict()
        self._size = 0
        self._at_it = threading.Lock()

    def get(self, key: bytes) -> SafeString | None:
        with self._at_it:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: bytes, html: SafeString) -> None:
        with self._at_it:
            self._size += len(html) - len(self._kept.get(key, ""))
            self._kept[key] = html
            while self._size > self._room:
                self._size -= len(self._kept.popitem(last=False)[1])


_shelf = Shelf(ALL_TOGETHER)


def render(text: str) -> SafeString:
    """As `markdown.render`, for a text that will not change."""
    key = blake2b(f"{renderer()}\0{get_language()}\0{text}".encode("utf-8", "surrogatepass"))
    found = _shelf.get(key.digest())
    if found is None:
        found = markdown.render(text)
        if len(found) <= LONGEST and not _LEFT_PLAIN.search(found):
            _shelf.put(key.digest(), found)
    return found


@cache
def renderer() -> str:
    """Of all that makes HTML here, our own words in other languages too: another as soon as any of
    it is another."""
    parts = sorted([*FOLDER.glob("*.py"), *FOLDER.parent.glob("locale/*/LC_MESSAGES/*.mo")])
    sums = [blake2b(part.read_bytes()).hexdigest() for part in parts]
    return blake2b(" ".join([*sums, *map(version, PACKAGES)]).encode()).hexdigest()
