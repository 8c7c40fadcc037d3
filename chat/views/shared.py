"""A conversation as a colleague reads it, by a link: as it is shown, live, not to be changed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_safe

from chat.domain import sharing as deeds
from chat.models import Attachment, Conversation, ShareLink
from chat.queries import branches, thread
from chat.views import changes, live, parts, pictures
from chat.views.access import SignedInRequest, signed_in
from chat.views.conversations import refresh, socket_query

P = ParamSpec("P")
Shared = Callable[Concatenate[SignedInRequest, str, Conversation, P], HttpResponseBase]


def _through_link(view: Shared[P]) -> Callable[Concatenate[HttpRequest, str, P], HttpResponseBase]:
    """Give the view what the link opens. Wrong, ended, or of a chat that is gone: all are told the
    same, so that nothing can be learned from it."""

    @wraps(view)
    def opened(
        request: SignedInRequest, token: str, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        seen = Conversation.objects.readable_through(token, request.user)
        conversation = seen.first()
        if conversation is None:
            return render(request, "errors/no_link.html", status=404)
        return view(request, token, conversation, *args, **kwargs)

    guarded = signed_in(
        cast("Callable[Concatenate[SignedInRequest, ...], HttpResponseBase]", opened)
    )
    return cast("Callable[Concatenate[HttpRequest, str, P], HttpResponseBase]", guarded)


@require_GET
@_through_link
def shared(request: SignedInRequest, token: str, conversation: Conversation) -> HttpResponse:
    link = get_object_or_404(ShareLink.objects.with_token(token))
    deeds.note_opened(link, reader=request.user)
    if request.htmx and parts.asks_for_more(request.GET):
        return parts.more(request, conversation, share=token)
    # Asked first, for the reason that the owner's page has.
    running = thread.answering(conversation)
    place = parts.named(request.GET, conversation)
    if place.elsewhere is not None:
        raise Http404
    entries = thread.entries(conversation, place.part.messages)
    page, written = reverse("shared", args=(token,)), reverse("shared_live", args=(token,))

    context = {
        "conversation": conversation,
        "entries": entries,
        "part": place.part,
        "named": place.named,
        "link": link,
        "share": token,
        "refresh": refresh(running, entries, page=page, live=written),
        "socket_url": f"/ws/s/{token}/?{socket_query(conversation)}",
    }
    return render(request, "chat/shared.html", context)


@require_GET
@_through_link
def shared_live(
    request: SignedInRequest, token: str, conversation: Conversation
) -> HttpResponseBase:
    page = reverse("shared", args=(token,))
    return live.written(request, conversation, page=page, share=token)


@require_GET
@_through_link
def shared_changes(
    request: SignedInRequest, token: str, conversation: Conversation
) -> HttpResponse:
    return changes.changed(request, conversation, share=token)


@require_safe
@_through_link
def shared_text(
    request: SignedInRequest, token: str, conversation: Conversation, message_id: int
) -> HttpResponse:
    """What a message of the shown branch says as it was written, for the clipboard."""
    shown = branches.among(conversation, [message_id])
    message = get_object_or_404(conversation.messages.filter(pk__in=shown))

    return HttpResponse(message.text, content_type="text/plain; charset=utf-8")


@require_safe
@_through_link
def shared_picture(
    request: SignedInRequest,
    token: str,
    conversation: Conversation,
    picture_id: uuid.UUID,
    small: bool = False,
) -> HttpResponse:
    """One that belongs to the shown branch."""
    shown = [each.pk for each in thread.branch(conversation) if each.pictures]
    seen = Attachment.objects.filter(message__in=shown)
    return pictures.served(seen, picture_id, small=small, cached=False)
