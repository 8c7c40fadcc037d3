"""What the owner of a conversation thinks of an answer in it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from chat.domain import feedback as deeds
from chat.enums import Verdict
from chat.forms.feedback import FeedbackForm
from chat.models import Conversation, Feedback, Message
from chat.rendering import frames
from chat.views.access import SignedInRequest, open_conversation, signed_in

PAGE = "chat/feedback.html"
# What takes a verdict back.
NONE = "none"


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def feedback(request: SignedInRequest, conversation_id: uuid.UUID, message_id: int) -> HttpResponse:
    """A verdict is given by one press of a button; why, in a form that may follow."""
    conversation = open_conversation(request, conversation_id)
    reply = get_object_or_404(conversation.messages.replies().over(), pk=message_id)
    given = Feedback.objects.of(request.user).filter(message=reply).first()
    if request.method != "POST":
        return _page(
            request, conversation, reply, given, form=FeedbackForm(given=given) if given else None
        )
    wanted = request.POST.get("verdict", given.verdict if given else "")

    if wanted == NONE:
        deeds.take_back(user=request.user, reply=reply)
        return _done(
            request, conversation, reply, None, _("What you said of the answer is taken back.")
        )
    if wanted not in Verdict.values:
        return _page(request, conversation, reply, given, status=422)
    given = deeds.give(user=request.user, reply=reply, verdict=Verdict(wanted))
    if "explained" not in request.POST:
        return _given(request, conversation, reply, given)

    form = FeedbackForm(request.POST, given=given)
    if not form.is_valid():
        return _page(request, conversation, reply, given, form=form, status=422)
    deeds.explain(given, **form.cleaned_data)
    return _done(request, conversation, reply, given, _("Saved. Thank you."))


def _given(
    request: SignedInRequest, conversation: Conversation, reply: Message, given: Feedback
) -> HttpResponse:
    """Why can be said next; without script that is a page."""
    if request.htmx:
        return _buttons(request, conversation, reply, given)
    return redirect(request.get_full_path())


def _done(
    request: SignedInRequest,
    conversation: Conversation,
    reply: Message,
    given: Feedback | None,
    words: str,
) -> HttpResponse:
    if request.htmx:
        return _buttons(request, conversation, reply, given)
    messages.success(request, words)
    return redirect(f"{conversation.get_absolute_url()}#{frames.message_id(reply.pk)}")


def _buttons(
    request: SignedInRequest, conversation: Conversation, reply: Message, given: Feedback | None
) -> HttpResponse:
    context = {
        "conversation": conversation,
        "message": reply,
        "verdict": given.verdict if given else "",
    }
    return render(request, "chat/_feedback.html", context)


def _page(
    request: SignedInRequest,
    conversation: Conversation,
    reply: Message,
    given: Feedback | None,
    *,
    form: FeedbackForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "conversation": conversation,
        "message": reply,
        "given": given,
        "verdict": given.verdict if given else "",
        "form": form,
        "in_place": bool(request.htmx),
    }
    template = f"{PAGE}#form" if request.htmx and form else PAGE
    return render(request, template, context, status=status)
