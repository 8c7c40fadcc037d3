"""Markdown that a model wrote, as HTML that can do nothing but be read.

The text is hostile. It becomes HTML by construction: `writer` writes every tag from the parser's
events and escapes every word of the model's, raw HTML too. What it wrote then has to pass the
allow-list in `allowed`. Nothing in the result loads by itself, and nothing in it has an id.
"""

import re
import threading
from typing import NamedTuple

import pyromark
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from pyromark import Options

from chat.rendering import allowed
from chat.rendering.writer import REPLACEMENT, Writer

MAX_CHARACTERS = 500_000
# One character can make two events, and each takes two microseconds.
MAX_EVENTS = 100_000
# The allow-list takes time with the square of their number.
MAX_ENTITIES = 100_000
# Each thread that renders makes the event loop wait for its turn, and requests have a thread each.
_few = threading.BoundedSemaphore(2)

_parser = pyromark.Markdown(
    options=Options.ENABLE_TABLES
    | Options.ENABLE_FOOTNOTES
    | Options.ENABLE_STRIKETHROUGH
    | Options.ENABLE_TASKLISTS
)
_SURROGATE = re.compile("[\ud800-\udfff]")
# Control characters, and those that force text to run backwards.
_UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e]")


class TooIntricate(Exception):
    """It is shown as it is."""


class Block(NamedTuple):
    """A paragraph, a list, a table: HTML that is complete, and the byte at which it begins."""

    start: int
    html: str


def render(text: str) -> SafeString:
    """The HTML of `text`; the two words that are ours in it are in the active language.

    A text that is too long or too intricate comes back as it is, escaped, in a `<pre>`.
    """
    text = normal(text)
    with _few:
        written = _written(text) if len(text) <= MAX_CHARACTERS else None
        html = allowed.clean(written) if written is not None else None
    return mark_safe(html) if html is not None else plain(text)  # noqa: S308


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


def blocks(text: str, writer: Writer) -> tuple[list[Block], int]:
    """The blocks at the top of a normal text, without its footnotes, and how many events they were.

    Raises TooIntricate.
    """
    found: list[Block] = []
    depth = start = number = 0
    with _few:
        for event, span in _parser.events_with_range(text):
            number += 1
            if number > MAX_EVENTS:
                raise TooIntricate
            if depth == 0:
                start = span["start"]
            if isinstance(event, dict):
                depth += ("Start" in event) - ("End" in event)
            writer.write(event)
            if depth == 0:
                found.append(Block(start, _clean(writer.take())))
    return found, number


def _written(text: str) -> str | None:
    """None for what is too intricate."""
    writer = Writer()
    for number, event in enumerate(_parser.events(text)):
        if number == MAX_EVENTS:
            return None
        writer.write(event)
    written = seen(writer.html())
    return written if written.count("&") <= MAX_ENTITIES else None


def _clean(written: str) -> str:
    if written.count("&") > MAX_ENTITIES:
        raise TooIntricate
    return allowed.clean(seen(written))


def seen(written: str) -> str:
    # Not before the parser, which makes such characters out of `&#x202e;`.
    return _UNSEEN.sub(REPLACEMENT, written)
