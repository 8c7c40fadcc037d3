"""Which part of a conversation a page shows: the end, or what its address asks for."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from chat.forms.numbers import whole_number
from chat.models import Conversation
from chat.queries import branches, thread
from chat.queries.branches import Part

BEFORE, AFTER, MESSAGE = "before", "after", "message"


@dataclass(frozen=True, slots=True)
class Place:
    """What is shown. The message that the address names is in it, or `elsewhere`, on a branch that
    is not shown."""

    part: Part
    named: int | None = None
    elsewhere: int | None = None


def named(query: QueryDict, conversation: Conversation) -> Place:
    """Raises Http404 if the address names a message that this conversation does not have.

    `?before=` and `?after=` are of pages that may be older than the branch: where that does not
    have their message any more, the end is shown.
    """
    if MESSAGE in query:
        return _at(conversation, whole_number(str(query[MESSAGE])))
    part = _more(query, conversation)
    return Place(part or branches.last(conversation))


def asks_for_more(query: QueryDict) -> bool:
    return BEFORE in query or AFTER in query


def more(request: HttpRequest, conversation: Conversation, *, share: str = "") -> HttpResponse:
    """What comes above or below what the page shows, or the page anew if that is on the branch no
    more."""
    part = _more(request.GET, conversation)
    if part is None:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    context = {
        "conversation": conversation,
        "entries": thread.entries(conversation, part.messages),
        "part": part,
        "is_above": BEFORE in request.GET,
        "is_below": AFTER in request.GET,
        "share": share,
    }
    return render(request, "chat/_part.html", context)


def _more(query: QueryDict, conversation: Conversation) -> Part | None:
    for name, find in ((BEFORE, branches.before), (AFTER, branches.after)):
        if name in query:
            part = find(conversation, whole_number(str(query[name])))
            return part if part.messages else None
    return None


def _at(conversation: Conversation, message_id: int) -> Place:
    part = branches.last(conversation)
    if part.has(message_id):
        return Place(part, named=message_id)
    around = branches.around(conversation, message_id)
    if around.messages:
        return Place(around, named=message_id)
    if not conversation.messages.filter(pk=message_id).exists():
        raise Http404
    return Place(part, elsewhere=message_id)
