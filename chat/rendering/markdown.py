"""Markdown that a model wrote, as HTML that can do nothing but be read.

The text is hostile. It becomes HTML by construction: `writer` writes every tag from the parser's
events and escapes every word of the model's, raw HTML too. What it wrote then has to pass the
allow-list in `allowed`. Nothing in the result loads by itself, and nothing in it has an id.
"""

import re
import threading
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

import pyromark
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from pyromark import Options
from pyromark.event import Event, Range

from chat.rendering import allowed, formulas
from chat.rendering.highlighting import Colours
from chat.rendering.writer import REPLACEMENT, TooIntricate, Writer, seen

MAX_CHARACTERS = 500_000
# One character can make two events, and each takes two microseconds.
MAX_EVENTS = 100_000
# The allow-list takes time with the square of their number.
MAX_ENTITIES = 50_000
# Each thread that renders makes the event loop wait for its turn, and requests have a thread each.
_few = threading.BoundedSemaphore(2)

_parser = pyromark.Markdown(
    options=Options.ENABLE_TABLES
    | Options.ENABLE_FOOTNOTES
    | Options.ENABLE_STRIKETHROUGH
    | Options.ENABLE_TASKLISTS
    | Options.ENABLE_DEFINITION_LIST
    | Options.ENABLE_MATH
)
T = TypeVar("T")

_FENCE = re.compile(rb"`+|~+")
# On a line of its own, but for what makes it a part of lists and quotes.
_LAST_FENCE = re.compile(rb"\n[ >]*(`+|~+)$")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Block(NamedTuple):
    """A paragraph, a list, a table: HTML that is complete, and the byte at which it begins. Code in
    it may still get its colours."""

    start: int
    html: str
    waits: bool = False


def render(text: str) -> SafeString:
    """The HTML of `text`; the two words that are ours in it are in the active language.

    A text that is too long or too intricate comes back as it is, escaped, in a `<pre>`.
    """
    colours = Colours()
    text = normal(text)
    try:
        with _few:
            written = _written(text)
        coloured = colours.given_to(written)
        with _few:
            return mark_safe(allowed.clean(coloured))  # noqa: S308
    except TooIntricate:
        return plain(text)


def plain(text: str) -> SafeString:
    return format_html('<pre class="plain">\n{}</pre>', seen(text))


def normal(text: str) -> str:
    """As the parser can take it, with one kind of line break."""
    return _SURROGATE.sub(REPLACEMENT, text).replace("\r\n", "\n").replace("\r", "\n")


def definitions(text: str) -> str:
    """What a normal text says of where links lead that only have a name."""
    raw = text.encode()
    spans = [found["span"] for found in _parser.reference_definitions(text).values()]
    return "".join(raw[span["start"] : span["end"]].decode() + "\n\n" for span in spans)


def blocks(text: str, writer: Writer, colours: Colours) -> tuple[list[Block], int]:
    """The blocks at the top of a normal text, without its footnotes, and how many events they were,
    with what their links took.

    Raises TooIntricate.
    """
    written: list[Block] = []
    depth = start = events = 0
    raw = text.encode()
    colours.begin()
    writer.cost = 0
    with _few:
        for event, span in _events(text, raw):
            events += 1
            if depth == 0:
                start = span["start"]
            if isinstance(event, dict):
                depth += ("Start" in event) - ("End" in event)
            writer.write(event, is_whole=_is_whole(event, span, raw))
            if depth == 0:
                written.append(Block(start, _checked(writer.take())))
    coloured = [
        Block(block.start, colours.given_to(block.html), waits=colours.missing is not None)
        for block in written
    ]
    with _few:
        cleaned = [block._replace(html=allowed.clean(block.html)) for block in coloured]
    return cleaned, events + writer.cost


def _written(text: str) -> str:
    if len(text) > MAX_CHARACTERS:
        raise TooIntricate
    writer = Writer()
    raw = text.encode()
    events = 0
    for event, span in _events(text, raw):
        events += 1
        writer.write(event, is_whole=_is_whole(event, span, raw))
    if events + writer.cost > MAX_EVENTS:
        raise TooIntricate
    return _checked(writer.html())


def _is_whole(event: Event, span: Range, raw: bytes) -> bool:
    """Whether this begins no fenced code, or some whose end was written too: there is a line at its
    end that closes it."""
    match event:
        case {"Start": {"CodeBlock": {"Fenced": _}}}:
            block = raw[span["start"] : span["end"]].rstrip(b" \t\n")
            fence, last = _FENCE.match(block), _LAST_FENCE.search(block)
            return bool(fence and last and last[1].startswith(fence[0]))
    return True


def _events(text: str, raw: bytes) -> Iterator[tuple[Event, Range]]:
    return formulas.events(text, raw, lambda text: _bounded(_parser.events_with_range(text)))


def _bounded(events: Iterable[T]) -> Iterator[T]:
    for number, event in enumerate(events):
        if number == MAX_EVENTS:
            raise TooIntricate
        yield event


def _checked(written: str) -> str:
    if written.count("&") > MAX_ENTITIES:
        raise TooIntricate
    # Not before the parser, which makes such characters out of `&#x202e;`.
    return seen(written)
