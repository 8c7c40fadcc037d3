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

from chat.models import Conversation, Message, QueuedMessage
from chat.queries.branches import Part
from chat.queries.thread import Entry
from chat.rendering.live import Stroke


def message_id(message_id: int) -> str:
    """The id of a message's element, for templates, frames and tests alike."""
    return f"message-{message_id}"


def message_address(page: str, key: int) -> str:
    """Where a conversation's page shows this message, wherever it stands."""
    return f"{page}?message={key}#{message_id(key)}"


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


def messages(entries: Sequence[Entry], conversation: Conversation, *, share: str = "") -> str:
    """Whole messages: each replaces the one that the page has, or comes in its place in order.

    A page that shows a part of the thread takes none that would leave a gap. For whoever reads by a
    link there is its token to `share`, and nothing to be done with them.
    """
    return "".join(
        f'<hx-partial hx-target="{_thread_with_place_for(run)}" hx-swap="upsert">'
        f"{''.join(message(entry, conversation, share=share) for entry in run)}</hx-partial>"
        for run in _runs(entries)
    ) + "".join(_thoughts(entry) for entry in entries if entry.is_shown and entry.thought_for)


def _thoughts(entry: Entry) -> str:
    """How long they took, for a page that keeps the part they stand in, opened or not."""
    context = {"key": entry.message.pk, "time": entry.thought_for, "oob": True}
    return render_to_string("chat/_thoughts.html", context)


def _runs(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Those that follow one another. A page looks for the place of all runs before it takes one."""
    runs: list[list[Entry]] = []
    for entry in entries:
        if runs and entry.message.parent_id == runs[-1][-1].message.pk:
            runs[-1].append(entry)
        else:
            runs.append([entry])
    return runs


def _thread_with_place_for(run: Sequence[Entry]) -> str:
    """The thread if it shows the last of these, or reaches as far as to them."""
    ids = [f"#{message_id(entry.message.pk)}" for entry in run]
    parent = run[0].message.parent_id
    neighbours = [f"#{message_id(parent)}", *ids] if parent is not None else ids
    reaches = f":not(:has(#later)):has({', '.join(neighbours)})"
    begins = "" if parent is not None else ", :not(:has(.message))"
    return f"#thread:is(:has({ids[-1]}), {reaches}{begins})"


def whole(
    entries: Iterable[Entry], part: Part, conversation: Conversation, *, share: str = ""
) -> str:
    """A part of the branch instead of everything that the page shows."""
    context = {"entries": entries, "part": part, "conversation": conversation, "share": share}
    shown = render_to_string("chat/_part.html", context)
    return f'<hx-partial hx-target="#thread" hx-swap="innerHTML">{shown}</hx-partial>'


def message(entry: Entry, conversation: Conversation, *, share: str = "") -> str:
    template = "chat/_message_shared.html" if share else "chat/_message.html"
    context = {"entry": entry, "conversation": conversation, "share": share}
    return render_to_string(template, context)


def composer(running: Message | None, conversation: Conversation) -> str:
    """The buttons beside the text box: Stop is there while a reply runs."""
    return render_to_string(
        "chat/conversation.html#composer-actions",
        {"running": running, "conversation": conversation, "oob": True},
    )


def title(conversation: Conversation, *, share: str = "") -> str:
    """A new title: in the header, in the list, and as the name of the page."""
    context = {"conversation": conversation, "share": share}
    return render_to_string("chat/_title.html", context)


def queue(queue: Sequence[QueuedMessage], conversation: Conversation) -> str:
    """What waits to be sent; whoever is about to press a button of it is not disturbed."""
    context = {"queue": queue, "conversation": conversation, "oob": True}
    return render_to_string("chat/_queue.html", context)


def estimate(entries: Iterable[Entry]) -> str:
    """What the next request would have, once the last reply is among these and over."""
    entries = [entry for entry in entries if entry.is_last and not entry.message.is_running]
    if not entries:
        return ""
    return render_to_string("chat/conversation.html#estimate", {"entries": entries, "oob": True})


def status(*, started: bool) -> str:
    """What a screen reader is told, once at the start and once at the end."""
    words = _("Answer started") if started else _("Answer finished")
    return f'<div id="status" role="status" hx-swap-oob="innerHTML">{escape(words)}</div>'


def holdup(*, is_held_up: bool) -> str:
    """Why no text comes although the model may be writing, or nothing."""
    words = _("New text waits to be saved. It is shown as soon as it is.") if is_held_up else ""
    return f'<p id="holdup" hx-swap-oob="innerHTML">{escape(words)}</p>'
