"""What an owner does with links to a conversation: see, make, end."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from chat.domain import accounts
from chat.domain import sharing as deeds
from chat.forms.sharing import ShareForm
from chat.generation import service
from chat.models import Conversation
from chat.queries import sharing
from chat.views.access import SignedInRequest, open_conversation, signed_in


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def share_links(request: SignedInRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """The address of a new link is in the answer to its form, and cannot be read again."""
    conversation = open_conversation(request, conversation_id)
    if request.method != "POST":
        return _page(request, conversation, form=ShareForm())
    form = ShareForm(request.POST)
    if not form.is_valid():
        return _page(request, conversation, form=form, status=422)

    try:
        made = deeds.share(conversation, by=request.user, lasts=form.lasts)
    except deeds.TooManyLinks:
        words = _("This chat has %d links already. End one that is not needed any more.")
        form.add_error(None, words % deeds.MOST_LINKS)
        return _page(request, conversation, form=form, status=409)

    address = accounts.absolute(reverse("shared", args=(made.token,)))
    return _page(request, conversation, form=ShareForm(), address=address)


@require_POST
@signed_in
def end_share_link(
    request: SignedInRequest, conversation_id: uuid.UUID, link_id: int
) -> HttpResponse:
    conversation = open_conversation(request, conversation_id)
    link = get_object_or_404(conversation.share_links.all(), pk=link_id)

    service.current().end_share(link)

    messages.success(request, _("The link has ended. Whoever had it open reads no further."))
    return redirect("share_links", conversation.pk)


def _page(
    request: SignedInRequest, conversation: Conversation, *, status: int = 200, **context: Any
) -> HttpResponse:
    context |= {"conversation": conversation, "links": sharing.links_to(conversation)}
    return render(request, "chat/share.html", context, status=status)
