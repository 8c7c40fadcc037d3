"""Messages that wait for the end of a reply: queued, edited, removed, and sent by hand."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from chat.domain import queued as deeds
from chat.domain.queued import QueueMoved
from chat.forms.conversation import MessageForm
from chat.generation import service
from chat.models import Conversation, QueuedMessage
from chat.views import attached
from chat.views.access import SignedInRequest, open_conversation, signed_in
from chat.views.conversations import PAGE, refused
from chat.views.refusals import REFUSALS, explain

EDIT_PAGE = "chat/edit_queued.html"


def queue(request: SignedInRequest, conversation: Conversation, form: MessageForm) -> HttpResponse:
    """What was sent while a reply runs."""
    try:
        deeds.add(
            conversation=conversation,
            author=request.user,
            text=form.cleaned_data["text"],
            send_key=form.cleaned_data["send_key"],
            pictures=form.pictures,
            drafted=form.cleaned_data["draft"],
        )
    except REFUSALS as error:
        return refused(request, conversation, form=form, refusal=explain(error))
    return accepted(request, conversation, form)


def accepted(
    request: SignedInRequest, conversation: Conversation, form: MessageForm
) -> HttpResponse:
    """It waits, unless the reply has ended before it did. The socket shows where."""
    _go_on(conversation)
    if not request.htmx:
        return redirect(conversation)
    context = {
        "conversation": conversation,
        "form": MessageForm(),
        "draft_version": form.cleaned_data["send_key"],
        "news": gettext("Your message is sent when the answer ends."),
        **attached.context(request.user, conversation),
        "pictures_changed": bool(form.pictures),
    }
    return render(request, f"{PAGE}#queued", context)


def _of_queue(
    view: Callable[[SignedInRequest, QueuedMessage], HttpResponse],
) -> Callable[[HttpRequest, uuid.UUID, int], HttpResponseBase]:
    """Give the view its message. What it refuses is said, also that the message is gone: where it
    is edited beside what was written, else where messages are sent."""

    @signed_in
    @wraps(view)
    def found(request: SignedInRequest, conversation_id: uuid.UUID, queued_id: int) -> HttpResponse:
        conversation = open_conversation(request, conversation_id)
        queue = QueuedMessage.objects.open_to(request.user).filter(conversation=conversation)
        message = queue.filter(pk=queued_id).first()
        try:
            if message is None:
                raise QueueMoved
            message.conversation = conversation
            return view(request, message)
        except REFUSALS as error:
            refusal, form = explain(error), MessageForm({"text": request.POST.get("text", "")})
            if request.htmx and "text" in request.POST:
                form.add_error("text", refusal.notice)
                gone = QueuedMessage(pk=queued_id, conversation=conversation)
                return _form(request, message or gone, form, status=422)
            return refused(request, conversation, form=form, refusal=refusal)

    return found


@require_POST
@_of_queue
def hold_queued(request: SignedInRequest, message: QueuedMessage) -> HttpResponse:
    """Nothing is sent that is being edited; what is behind it waits with it."""
    deeds.hold(message)
    _go_on(message.conversation)
    if not request.htmx:
        return redirect("edit_queued", message.conversation_id, message.pk)
    return _form(request, message, MessageForm(initial={"text": message.text}))


@require_http_methods(["GET", "HEAD", "POST"])
@_of_queue
def edit_queued(request: SignedInRequest, message: QueuedMessage) -> HttpResponse:
    if request.method != "POST":
        return _form(request, message, MessageForm(initial={"text": message.text}))
    said = {
        "text": request.POST.get("text", ""),
        "send_key": message.send_key,
        "attachment": [str(picture.pk) for picture in message.attachments.all()],
    }
    form = MessageForm(said)
    if not form.is_valid():
        return _form(request, message, form, status=422)
    deeds.edit(message, text=form.cleaned_data["text"])
    return _done(request, message.conversation)


@require_POST
@_of_queue
def release_queued(request: SignedInRequest, message: QueuedMessage) -> HttpResponse:
    """After an edit that was given up, or a removal."""
    deeds.release(message)
    return _done(request, message.conversation)


@require_POST
@_of_queue
def remove_queued(request: SignedInRequest, message: QueuedMessage) -> HttpResponse:
    deeds.remove(message)
    done = _done(request, message.conversation)
    return _news(request, gettext("Removed. It is not sent.")) if request.htmx else done


@require_POST
@_of_queue
def send_queued(request: SignedInRequest, message: QueuedMessage) -> HttpResponse:
    """Before its time, or after a stop or a failure."""
    service.current().send_queued(message)
    return _done(request, message.conversation)


def _done(request: SignedInRequest, conversation: Conversation) -> HttpResponse:
    _go_on(conversation)
    return HttpResponse(status=204) if request.htmx else redirect(conversation)


def _news(request: SignedInRequest, words: str) -> HttpResponse:
    """For who hears the page; the others see it."""
    return render(request, f"{PAGE}#queue-news", {"news": words})


def _go_on(conversation: Conversation) -> None:
    """What changed is shown, and what has its time now is sent."""
    running = service.current()
    running.announce(conversation.pk)
    running.send_next(conversation.pk)


def _form(
    request: SignedInRequest, message: QueuedMessage, form: MessageForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "conversation": message.conversation,
        "message": message,
        "form": form,
        "in_place": bool(request.htmx),
    }
    template = f"{EDIT_PAGE}#form" if request.htmx else EDIT_PAGE
    return render(request, template, context, status=status)
