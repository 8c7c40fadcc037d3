"""What is sent over a socket: fragments of the page, addressed by id, and changes of running text.

A fragment that is rendered here has no request, hence no CSRF token and no language or time zone
of its own: whoever calls sets the latter two, and buttons belong to a form that is in the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.translation import gettext as _

from chat.models import Conversation, Message
from chat.queries.thread import Entry
from chat.rendering.live import Stroke


def message_id(message_id: int) -> str:
    """The id of a message's element, for templates, frames and tests alike."""
    return f"message-{message_id}"


def strokes(reply_id: int, strokes: Sequence[Stroke | str]) -> str:
    """Changes of a running reply, for `static/js/live-text.js`.

    Words that go on where the last ones ended stand for themselves: alone behind a plus sign, which
    is most of a conversation, or among the others in a list that begins with the reply.
    """
    if len(strokes) == 1 and isinstance(strokes[0], str):
        return f"+{strokes[0]}"
    written = [each if isinstance(each, str) else _written(each) for each in strokes]
    return json.dumps([reply_id, *written], ensure_ascii=False, separators=(",", ":"))


def _written(stroke: Stroke) -> list[Any]:
    place, parts = stroke.patch.place, stroke.patch.parts
    shown = parts[:1] if stroke.patch.lengthens else parts
    return [int(stroke.is_reasoning), place.path, place.nodes, place.units, *shown]


def messages(entries: Iterable[Entry], conversation: Conversation, *, whole: bool = False) -> str:
    """Whole messages: each replaces the one that the page has, or comes in its place in order.

    As a `whole` thread they replace everything that the page shows.
    """
    articles = "".join(message(entry, conversation) for entry in entries)
    if not articles:
        return ""
    swap = "innerHTML" if whole else "upsert"
    return f'<hx-partial hx-target="#thread" hx-swap="{swap}">{articles}</hx-partial>'


def message(entry: Entry, conversation: Conversation) -> str:
    return render_to_string("chat/_message.html", {"entry": entry, "conversation": conversation})


def composer(running: Message | None, conversation: Conversation) -> str:
    """The buttons beside the text box: Stop is there while a reply runs."""
    return render_to_string(
        "chat/conversation.html#composer-actions",
        {"running": running, "conversation": conversation, "oob": True},
    )


def status(*, started: bool) -> str:
    """What a screen reader is told, once at the start and once at the end."""
    words = _("Answer started") if started else _("Answer finished")
    return f'<div id="status" role="status" hx-swap-oob="innerHTML">{escape(words)}</div>'


def holdup(*, is_held_up: bool) -> str:
    """Why no text comes although the model may be writing, or nothing."""
    words = _("New text waits to be saved. It is shown as soon as it is.") if is_held_up else ""
    return f'<p id="holdup" hx-swap-oob="innerHTML">{escape(words)}</p>'
