"""Finding a conversation, and what can be done from where one is: a list, a palette, shortcuts."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chat.queries import conversations
from chat.views.access import SignedInRequest, signed_in

LIST = "chat/list.html"
PALETTE = "chat/palette.html"
SHORTCUTS = "chat/shortcuts.html"
# So many fit without scrolling.
IN_PALETTE = 8
LONGEST_SEARCH = 200


@require_GET
@signed_in
def conversation_list(request: SignedInRequest) -> HttpResponse:
    """All of somebody's conversations, or those that are looked for, page by page."""
    before = conversations.Cursor.parse(request.GET.get("before", ""))
    words = _words(request)
    page = conversations.page(request.user, before=before, words=words)
    template = "chat/_sidebar_items.html" if request.htmx else LIST
    context = {"conversations": page.conversations, "older": page.older, "words": words}

    return render(request, template, context)


@require_GET
@signed_in
def palette(request: SignedInRequest) -> HttpResponse:
    """What a key press opens over any page; with words, the conversations alone."""
    words = _words(request)
    page = conversations.page(request.user, words=words, size=IN_PALETTE)
    template = f"{PALETTE}#chats" if "q" in request.GET else PALETTE

    return render(request, template, {"conversations": page.conversations, "words": words})


@require_GET
@signed_in
def shortcuts(request: SignedInRequest) -> HttpResponse:
    """The keys, as a page of its own or for a dialog."""
    return render(request, f"{SHORTCUTS}#keys" if request.htmx else SHORTCUTS)


def _words(request: SignedInRequest) -> str:
    return request.GET.get("q", "")[:LONGEST_SEARCH].strip().replace("\x00", "")
