"""Sending, editing, stopping, trying again, and walking between what was said at one place."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from chat.domain import queued as deeds
from chat.domain.turns import AlreadyQueued, ManyRunning, ReplyRunning, TooFast, Turn
from chat.forms.conversation import AskOtherwiseForm, MessageForm
from chat.generation import service
from chat.generation.service import Service
from chat.generation.supervisor import Full, FullForOne
from chat.models import Conversation, Message
from chat.queries import branches, thread
from chat.queries.thread import Entry
from chat.rendering import frames
from chat.views import attached, queued
from chat.views.access import SignedInRequest, open_conversation, signed_in
from chat.views.conversations import EDIT_PAGE, PAGE, page_context, refused, send, to_script
from chat.views.refusals import REFUSALS, Refusal, explain, outdated_model

# What is over when the reply is that runs, or soon after.
BUSY = (ManyRunning, TooFast, Full, FullForOne)
OTHERWISE_PAGE = "chat/ask_otherwise.html"


@require_POST
@signed_in
def post_message(request: SignedInRequest, conversation_id: uuid.UUID) -> HttpResponse:
    conversation = open_conversation(request, conversation_id)
    form = MessageForm(request.POST, received=attached.receive(request, conversation))
    if not form.is_valid():
        return _invalid(request, conversation, form)
    if conversation.model not in settings.MODELS:
        return refused(request, conversation, form=form, refusal=outdated_model())

    if conversation.queue_revision and deeds.next_of(conversation.pk) is not None:
        # What was written before it goes first.
        return queued.queue(request, conversation, form)

    try:
        turn = send(request, conversation, form)
    except AlreadyQueued:
        return queued.accepted(request, conversation, form)
    except REFUSALS as error:
        is_passing = isinstance(error, BUSY) and thread.answering(conversation)
        if isinstance(error, ReplyRunning) or is_passing:
            return queued.queue(request, conversation, form)
        return refused(request, conversation, form=form, refusal=explain(error))

    return _began(request, turn)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def edit_prompt(
    request: SignedInRequest, conversation_id: uuid.UUID, message_id: int
) -> HttpResponse:
    """The prompt in a box, as a page of its own or in its place; sent, it begins another branch."""
    conversation = open_conversation(request, conversation_id)
    prompt = get_object_or_404(conversation.messages.written_by(request.user), pk=message_id)
    if request.method != "POST":
        form = MessageForm(initial={"text": prompt.text, "send_key": uuid.uuid4()})
        template = f"{EDIT_PAGE}#form" if request.htmx else EDIT_PAGE
        pictures = prompt.attachments.in_order()
        context = {"conversation": conversation, "prompt": prompt, "form": form}
        context["pictures"] = pictures
        return render(request, template, context | {"in_place": bool(request.htmx)})

    form = MessageForm(request.POST)
    refuse = partial(refused, request, conversation, form=form, prompt=prompt)
    if not form.is_valid():
        return refuse(refusal=Refusal(422, form.complaints))
    if conversation.model not in settings.MODELS:
        return refuse(refusal=outdated_model())

    try:
        turn = send(request, conversation, form, instead_of=prompt)
    except REFUSALS as error:
        return refuse(refusal=explain(error))

    return _answer(request, turn.conversation)


@require_POST
@signed_in
def stop_reply(
    request: SignedInRequest, conversation_id: uuid.UUID, message_id: int
) -> HttpResponse:
    conversation = open_conversation(request, conversation_id)
    reply = get_object_or_404(conversation.messages.replies(), pk=message_id)

    service.current().stop(reply)

    return _answer(request, conversation)


@require_POST
@signed_in
def try_again(
    request: SignedInRequest, conversation_id: uuid.UUID, message_id: int
) -> HttpResponse:
    """By the conversation's model, or by the one that the form names."""
    model = request.POST.get("model", "")
    deed = partial(Service.try_again, model=model)
    return _run_again(request, conversation_id, message_id, deed=deed, model=model)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def ask_otherwise(
    request: SignedInRequest, conversation_id: uuid.UUID, message_id: int
) -> HttpResponse:
    """Try again with a model and parameters for this one reply, first filled in with those that the
    reply before it was asked with."""
    conversation = open_conversation(request, conversation_id)
    reply = get_object_or_404(conversation.messages.replies(), pk=message_id)
    posted = request.POST if request.method == "POST" else None
    asked = Conversation(model=thread.model_of(reply), parameters=reply.asked_parameters)
    form = AskOtherwiseForm(posted, conversation=asked)
    if not form.is_valid():
        context = {"conversation": conversation, "reply": reply, "settings_form": form}
        template = f"{OTHERWISE_PAGE}#form" if request.htmx else OTHERWISE_PAGE
        status = 422 if form.is_bound else 200
        return render(request, template, context | {"in_place": bool(request.htmx)}, status=status)

    model = form.cleaned_data["model"]
    deed = partial(Service.try_again, model=model, parameters=form.parameters)
    return _run_again(request, conversation_id, message_id, deed=deed, model=model)


@require_POST
@signed_in
def go_on(request: SignedInRequest, conversation_id: uuid.UUID, message_id: int) -> HttpResponse:
    return _run_again(request, conversation_id, message_id, deed=Service.go_on)


def _run_again(
    request: SignedInRequest,
    conversation_id: uuid.UUID,
    message_id: int,
    *,
    deed: Callable[..., Turn],
    model: str = "",
) -> HttpResponse:
    conversation = open_conversation(request, conversation_id)
    reply = get_object_or_404(conversation.messages.replies(), pk=message_id)
    if (model or conversation.model) not in settings.MODELS:
        return refused(request, conversation, form=MessageForm(), refusal=outdated_model())

    try:
        turn = deed(service.current(), conversation=conversation, reply=reply, author=request.user)
    except REFUSALS as error:
        return refused(request, conversation, form=MessageForm(), refusal=explain(error))

    return _answer(request, turn.conversation)


@require_POST
@signed_in
def show_branch(
    request: SignedInRequest, conversation_id: uuid.UUID, message_id: int
) -> HttpResponse:
    conversation = open_conversation(request, conversation_id)
    message: Message = get_object_or_404(conversation.messages.all(), pk=message_id)

    service.current().show_branch(conversation, through=message)

    return _answer(request, conversation, at=message)


def _invalid(
    request: SignedInRequest, conversation: Conversation, form: MessageForm
) -> HttpResponse:
    """The form's own words: beside the box, or as the notice of a page that keeps its text."""
    if request.htmx:
        return refused(request, conversation, form=form, refusal=Refusal(422, form.complaints))
    return render(
        request, PAGE, page_context(conversation, user=request.user, form=form), status=422
    )


def _began(request: SignedInRequest, turn: Turn) -> HttpResponse:
    if not request.htmx:
        return redirect(turn.conversation)
    if "leads_on" in request.POST:
        # Of a page that does not reach as far as to the new messages.
        return to_script(turn.conversation.get_absolute_url())
    if turn.is_new:
        # As it was committed. What has happened since is told to whoever watches.
        entries = thread.just_begun(turn.conversation, prompt=turn.prompt, reply=turn.reply)
        running: Message | None = turn.reply
    else:
        entries, running = _entries(turn), thread.answering(turn.conversation)
    context = {
        "conversation": turn.conversation,
        "entries": entries,
        "running": running,
        "form": MessageForm(),
        # By it the draft that was sent is gone.
        "draft_version": turn.prompt.send_key,
    }
    if turn.prompt.pictures:
        context |= attached.context(request.user, turn.conversation)
        context["pictures_changed"] = True
    return render(request, f"{PAGE}#sent", context)


def _entries(turn: Turn) -> list[Entry]:
    """Those of the turn alone, whatever else changed since it was sent the first time."""
    shown = branches.among(turn.conversation, {turn.prompt.pk, turn.reply.pk})
    messages = turn.conversation.messages.filter(pk__in=shown).oldest_first()
    return thread.entries(turn.conversation, list(messages))


def _answer(
    request: HttpRequest, conversation: Conversation, *, at: Message | None = None
) -> HttpResponse:
    """The socket shows what changed; without script the page does, at the place that is named."""
    if getattr(request, "htmx", False):
        return HttpResponse(status=204)
    page = conversation.get_absolute_url()
    return redirect(frames.message_address(page, at.pk) if at else page)
