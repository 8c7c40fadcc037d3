"""Markdown that a model wrote, as HTML that can do nothing but be read.

The text is hostile. It becomes HTML by construction: `writer` writes every tag from the parser's
events and escapes every word of the model's, raw HTML too. What it wrote then has to pass the
allow-list in `allowed`. Nothing in the result loads by itself, and nothing in it has an id.
"""

import re
import threading

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


def render(text: str) -> SafeString:
    """The HTML of `text`; the two words that are ours in it are in the active language.

    A text that is too long or too intricate comes back as it is, escaped, in a `<pre>`.
    """
    text = _SURROGATE.sub(REPLACEMENT, text).replace("\r\n", "\n").replace("\r", "\n")
    with _few:
        written = _written(text) if len(text) <= MAX_CHARACTERS else None
        html = allowed.clean(written) if written is not None else None
    if html is None:
        return format_html('<pre class="plain">\n{}</pre>', _UNSEEN.sub(REPLACEMENT, text))
    return mark_safe(html)  # noqa: S308


def _written(text: str) -> str | None:
    """None for what is too intricate."""
    writer = Writer()
    for number, event in enumerate(_parser.events(text)):
        if number == MAX_EVENTS:
            return None
        writer.write(event)
    # Not before the parser, which makes such characters out of `&#x202e;`.
    written = _UNSEEN.sub(REPLACEMENT, writer.html())
    return written if written.count("&") <= MAX_ENTITIES else None
