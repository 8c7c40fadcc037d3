"""Markdown that is being written, as HTML that grows with it.

A block (a paragraph, a list, a table) does not change any more once another has begun after it. So
only the last one is rendered again, and only what became different in it is sent.
"""

from __future__ import annotations

import html
import re
from typing import NamedTuple

from chat.rendering import markdown
from chat.rendering.highlighting import Answer, Colours, LiveColours
from chat.rendering.markdown import MAX_CHARACTERS, MAX_EVENTS, Block
from chat.rendering.patches import Patch, Place, count_nodes, count_units, patch
from chat.rendering.writer import TooIntricate, Writer, seen

# Words without a meaning to Markdown in the middle of a line, and a line that they only lengthen.
_WORDS = re.compile(r"(?:[^\W_]|[ ,;.!?'\"()-])*")
_LINE = re.compile(
    r"[ >]*(?:(?:[-*+]|\d{1,9}[.)]) +)*(?:[^\W\d_]|\d+(?:[^\W\d_]|[ ,;!?'\"(-]))"
    r"(?:[^\W_]|[ ,;.!?'\"()-])*"
)
_END = re.compile(r"(?:</(?:p|li|ul|ol|blockquote)>|\n)*")


class Stroke(NamedTuple):
    """A change of a running reply's text, or of its reasoning."""

    patch: Patch
    is_reasoning: bool


class LiveMarkdown:
    """The HTML of all that was given to `grow`, without the footnotes, which come at the end.

    It is what `markdown.render` makes of the same text, unless something is mentioned before it is
    defined: then that is right only at the `end`; and unless code in it `waits_for` its colours,
    which `colour` gives it. Not for several threads at once.
    """

    def __init__(self, text: str = "", *, may_wait: bool = False) -> None:
        self._colours = Colours() if may_wait else LiveColours()
        # What came since the open block began, and the definitions from before it.
        self._source = ""
        self._definitions = ""
        self._past: list[str] = []
        self._writer = Writer()
        self._settled: list[str] = []
        # Child nodes and events of what is settled, and characters of all.
        self._nodes = self._events = self._length = 0
        self._open = ""
        # Where words come that only make the last line longer, those that came since `_open` was
        # written, and what stands behind them.
        self._place: Place | None = None
        self._words: list[str] = []
        self._behind = ""
        self._is_plain = self._is_over = self._ends_in_return = False
        self.grow(text)

    @property
    def html(self) -> str:
        self._write_words()
        return "".join([*self._settled, self._open])

    @property
    def waits_for(self) -> Answer | None:
        return None if self._is_over else self._colours.missing

    def grow(self, more: str) -> Patch | None:
        """Add to the text. Gives what changes on a page that has the HTML so far, if anything."""
        if self._ends_in_return and more.startswith("\n"):
            more = more[1:]
        self._ends_in_return = more.endswith("\r")
        more = markdown.normal(more)
        self._length += len(more)
        if self._is_plain:
            return self._lengthen(seen(more))
        held = len(self._source) - len(self._source.rstrip(" "))
        self._source += more
        if self._place is not None and _WORDS.fullmatch(more):
            return self._lengthen((" " * held + more).rstrip(" "))
        try:
            return self._render()
        except TooIntricate:
            return self._give_up()

    def colour(self) -> Patch | None:
        """Give the code that was waiting its colours, if they are there."""
        answer = self.waits_for
        return self._render() if answer is not None and answer.done() else None

    def end(self, text: str) -> Patch | None:
        """This is the whole text: what is right only now comes too. Nothing grows after it."""
        self._is_over = True
        before, self._settled, self._open = self.html, [], str(markdown.render(text))
        return patch(before, self._open)

    def _lengthen(self, words: str) -> Patch | None:
        """Add to the words at the end, whatever they are within."""
        if not words or self._place is None:
            return None
        added = html.escape(words, quote=self._is_plain)
        self._words.append(added)
        found = Patch(self._place, (added,), lengthens=True)
        self._place = found.end
        return found

    def _write_words(self) -> None:
        if self._words:
            kept = self._open[: len(self._open) - len(self._behind)]
            self._open = "".join([kept, *self._words, self._behind])
            self._words.clear()

    def _render(self) -> Patch | None:
        if self._length > MAX_CHARACTERS:
            raise TooIntricate
        blocks, events = markdown.blocks(
            self._definitions + self._source, self._writer, self._colours
        )
        if self._events + events > MAX_EVENTS:
            raise TooIntricate
        self._write_words()
        before, self._open = self._open, "".join(block.html for block in blocks)
        found = patch(before, self._open, nodes=self._nodes)
        self._find_place(found)
        self._settle(blocks, events)
        return found

    def _find_place(self, found: Patch | None) -> None:
        """Where the words that were just added can be lengthened, if nothing else can become of
        what comes after them."""
        self._place = None
        line = self._source[self._source.rfind("\n") + 1 :]
        if found is None or found.end is None or "".join(found.parts[1:]).strip():
            return
        if not _LINE.fullmatch(line):
            return
        begins = len(self._open)
        for _ in found.place.path:
            begins = self._open.rfind("</", 0, begins)
        self._behind = self._open[begins:]
        if _END.fullmatch(self._behind) and self._open[begins - 1] == line.rstrip()[-1]:
            self._place = found.end

    def _settle(self, blocks: list[Block], events: int) -> None:
        """Put aside the blocks after which another one has surely begun: with a whole line, since
        a `#` may yet become a word of the paragraph before it. A paragraph behind definitions may
        yet become the next term; and code that waits for its colours will become another."""
        source = (self._definitions + self._source).encode()
        ready = next((at for at, block in enumerate(blocks) if block.waits), len(blocks) - 1)
        for count in range(min(ready, len(blocks) - 1), 0, -1):
            before, after = blocks[count - 1].html, blocks[count].html
            if before.startswith("<dl>") and after.startswith("<p>"):
                continue
            begins = source.rfind(b"\n", 0, blocks[count].start) + 1
            if source.find(b"\n", begins) >= 0:
                break
        else:
            return
        settled = "".join(block.html for block in blocks[:count])
        self._settled.append(settled)
        self._nodes += count_nodes(settled)
        self._events += events
        self._open = "".join(block.html for block in blocks[count:])
        done, self._source = source[:begins].decode(), source[begins:].decode()
        self._past.append(done[len(self._definitions) :])
        self._definitions = markdown.definitions(done)

    def _give_up(self) -> Patch:
        """Show everything as it is, from here on."""
        text = "".join([*self._past, self._source])
        self._settled, self._open, self._nodes = [], markdown.plain(text), 0
        self._is_plain = self._is_over = True
        self._behind = "</pre>"
        self._words.clear()
        self._past, self._source = [], ""
        self._place = Place((0,), 1, count_units(html.escape(seen(text))))
        return Patch(Place((), 0), (self._open,), lengthens=False)
