"""The conversation page, and what can be done with a conversation as a whole."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)

from chat.domain import attachments, next_request
from chat.domain import conversations as deeds
from chat.domain import presets as beginnings
from chat.domain.turns import Turn
from chat.forms.budgets import AskForm
from chat.forms.conversation import MessageForm, SettingsForm, TitleForm
from chat.generation import metrics, service
from chat.models import Attachment, Conversation, Draft, Message, User
from chat.queries import budgets, presets, queued, thread
from chat.queries.upstream import answering
from chat.rendering import frames
from chat.views import attached, parts
from chat.views.access import SignedInRequest, open_conversation, signed_in, visible_conversation
from chat.views.refusals import REFUSALS, Refusal, explain

PAGE = "chat/conversation.html"
EDIT_PAGE = "chat/edit.html"


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new_conversation(request: SignedInRequest) -> HttpResponse:
    if request.method != "POST":
        # Suggestions are links to this page with their text, so that they work without script.
        text = request.GET.get("text", "")
        # Where a text is given, the draft is offered beside it by the page's script.
        draft = None if text else Draft.objects.of(request.user).beside(None).first()
        form = composer_form(draft, text=text)
        context = page_context(None, user=request.user, form=form, draft=draft, query=request.GET)
        return render(request, PAGE, context)
    form = MessageForm(request.POST, received=attached.receive(request, None))
    settings_form = SettingsForm(request.POST if "model" in request.POST else None)
    if not form.is_valid() or (settings_form.is_bound and not settings_form.is_valid()):
        if request.htmx:
            refusal = Refusal(422, form.complaints)
            return refused(request, None, form=form, refusal=refusal, settings_form=settings_form)
        context = page_context(
            None, user=request.user, form=form, settings_form=settings_form, query=request.POST
        )
        return render(request, PAGE, context, status=422)

    try:
        turn = send(request, _made_from(request, settings_form), form)
    except REFUSALS as error:
        return refused(
            request, None, form=form, refusal=explain(error), settings_form=settings_form
        )

    if settings_form.is_bound and settings_form.cautions:
        messages.warning(request, " ".join(settings_form.cautions))
    if request.htmx:
        return to_script(turn.conversation.get_absolute_url())
    return redirect(turn.conversation)


@require_GET
@signed_in
def conversation_detail(request: SignedInRequest, conversation_id: uuid.UUID) -> HttpResponse:
    visible = Conversation.objects.visible_to(request.user).with_draft_of(request.user)
    conversation = get_object_or_404(visible, pk=conversation_id)
    if request.htmx and parts.asks_for_more(request.GET):
        return parts.more(request, conversation)

    draft = conversation.draft
    context = page_context(
        conversation,
        user=request.user,
        form=composer_form(draft),
        draft=draft,
        query=request.GET,
    )
    return render(request, PAGE, context)


@require_safe
@signed_in
def message_text(
    request: SignedInRequest, conversation_id: uuid.UUID, message_id: int
) -> HttpResponse:
    """What a message says as it was written, for the clipboard."""
    conversation = visible_conversation(request, conversation_id)
    message = get_object_or_404(conversation.messages.all(), pk=message_id)

    return HttpResponse(message.text, content_type="text/plain; charset=utf-8")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def rename_conversation(request: SignedInRequest, conversation_id: uuid.UUID) -> HttpResponse:
    conversation = open_conversation(request, conversation_id)
    form = TitleForm(_posted(request), initial={"title": conversation.title})
    if not form.is_valid():
        context = {"form": form, "conversation": conversation}
        return render(request, "chat/rename.html", context, status=422 if form.is_bound else 200)

    deeds.rename(conversation, title=form.cleaned_data["title"])
    if running := service.current_or_none():
        running.announce(conversation.pk)

    if request.htmx:
        return HttpResponse(frames.title(conversation))
    return redirect(conversation)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def conversation_settings(request: SignedInRequest, conversation_id: uuid.UUID) -> HttpResponse:
    conversation = open_conversation(request, conversation_id)
    form = SettingsForm(_posted(request), conversation=conversation)
    if not form.is_valid():
        context = {"settings_form": form, "conversation": conversation}
        return render(request, "chat/settings.html", context, status=422 if form.is_bound else 200)

    deeds.configure(
        conversation,
        model=form.cleaned_data["model"],
        system_prompt=form.cleaned_data["system_prompt"],
        parameters=form.parameters,
    )

    saved = gettext("Settings saved. They hold from the next message on.")
    messages.success(request, " ".join([saved, *form.cautions]))
    return redirect(conversation)


@require_POST
@signed_in
def delete_conversation(request: SignedInRequest, conversation_id: uuid.UUID) -> HttpResponse:
    conversation = open_conversation(request, conversation_id)

    service.current().delete(conversation)

    undo = reverse("restore_conversation", args=(conversation.pk,))
    messages.info(
        request,
        gettext("“%(title)s” is deleted.") % {"title": conversation.title},
        extra_tags=f"undo:{undo}",
    )
    return redirect("new_conversation")


@require_POST
@signed_in
def restore_conversation(request: SignedInRequest, conversation_id: uuid.UUID) -> HttpResponse:
    deleted = Conversation.objects.deleted_by(request.user)
    conversation = get_object_or_404(deleted, pk=conversation_id)

    deeds.restore(conversation)

    return redirect(conversation)


def to_script(address: str) -> HttpResponse:
    """Where the page's script goes on."""
    return HttpResponse(status=204, headers={"HX-Redirect": address})


def refused(
    request: SignedInRequest,
    conversation: Conversation | None,
    *,
    form: MessageForm,
    refusal: Refusal,
    settings_form: SettingsForm | None = None,
    prompt: Message | None = None,
) -> HttpResponse:
    """Say why a send was refused; the text stays in its box, or where a `prompt` is edited."""
    if refusal.reason:
        metrics.sends_refused.labels(refusal.reason).inc()
    if request.htmx:
        template = f"{PAGE}#refused"
        context = {
            "notice": refusal.notice,
            "conversation": conversation,
            "running": thread.answering(conversation) if conversation else None,
            # A key that made a turn is used up. Any other may yet turn out to have been taken.
            "form": MessageForm() if refusal.key_is_used else None,
            "settings_form": settings_form,
            "pictures_changed": refusal.pictures_changed,
            **(attached.context(request.user, conversation) if refusal.pictures_changed else {}),
            **_more_of(refusal, request.user),
        }
    else:
        if conversation is not None:
            # What was refused may have left the revision that it would have made.
            conversation.refresh_from_db()
        fresh = MessageForm(initial={"text": form["text"].value(), "send_key": uuid.uuid4()})
        template = EDIT_PAGE if prompt else PAGE
        context = page_context(
            conversation,
            user=request.user,
            form=fresh,
            notice=refusal.notice,
            settings_form=settings_form,
            query=None if conversation else request.POST,
        ) | _more_of(refusal, request.user)
        context["prompt"] = prompt
    answer = render(request, template, context, status=refusal.status)
    if refusal.retry_after is not None:
        answer["Retry-After"] = str(refusal.retry_after)
    return answer


def _more_of(refusal: Refusal, user: User) -> dict[str, Any]:
    """What the notice needs so that more can be asked for of the budget that refused."""
    if (budget := refusal.budget) is None:
        return {}
    has_asked = budgets.has_asked(user, budget)
    return {"budget": budget, "ask_form": AskForm(), "has_asked": has_asked}


def send(
    request: SignedInRequest,
    conversation: Conversation,
    form: MessageForm,
    *,
    instead_of: Message | None = None,
) -> Turn:
    """What a valid form says. Raises REFUSALS."""
    turn = service.current().send(
        conversation=conversation,
        author=request.user,
        text=form.cleaned_data["text"],
        send_key=form.cleaned_data["send_key"],
        instead_of=instead_of,
        pictures=form.pictures,
        drafted=form.cleaned_data["draft"] if instead_of is None else None,
    )
    if not turn.is_new:
        # It had arrived before, with the same files.
        for again in Attachment.objects.unsent_by(request.user).named(form.received.ids):
            attachments.remove(again)
    return turn


def composer_form(draft: Draft | None, *, text: str = "") -> MessageForm:
    text = draft.text if draft else text
    return MessageForm(initial={"text": text, "send_key": uuid.uuid4()})


def page_context(
    conversation: Conversation | None,
    *,
    user: User,
    form: MessageForm,
    settings_form: SettingsForm | None = None,
    notice: str = "",
    draft: Draft | None = None,
    query: QueryDict | None = None,
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "conversation": conversation,
        "entries": [],
        "form": form,
        "notice": notice,
        "running": None,
        "draft_version": draft.version if draft else "",
    }
    if conversation is None:
        choice = presets.choice(user, query.get("preset") if query else None)
        begun = beginnings.begin(choice.chosen, owner=user)
        return shown | {
            "choice": choice,
            "settings_form": settings_form or SettingsForm(conversation=begun),
            "suggestions": suggestions(),
            "answering": answering(),
            "first_request": next_request.first(begun.system_prompt),
            **attached.context(user, None),
        }
    # Asked before the messages are read: of a reply that ends meanwhile the page would else say
    # that it is being written, without leading to where its end is to be seen.
    running = thread.answering(conversation)
    place = parts.named(query or QueryDict(), conversation)
    entries = thread.entries(conversation, place.part.messages)
    return shown | {
        "settings_form": settings_form or SettingsForm(conversation=conversation),
        "entries": entries,
        "part": place.part,
        "named": place.named,
        "elsewhere": place.elsewhere,
        "running": running,
        "refresh": refresh(
            running,
            entries,
            page=conversation.get_absolute_url(),
            live=reverse("live", args=(conversation.pk,)),
        ),
        "revision": conversation.revision,
        "queue": queued.of_conversation(conversation),
        "socket_url": f"/ws/c/{conversation.pk}/?{socket_query(conversation)}",
        "model_missing": conversation.model not in settings.MODELS,
        **attached.context(user, conversation, entries),
    }


def socket_query(conversation: Conversation) -> str:
    """By which a page's socket knows what the page has, and for whom."""
    return urlencode(
        {
            "since": conversation.revision,
            "language": get_language() or "",
            "zone": timezone.get_current_timezone_name(),
        }
    )


def refresh(running: Message | None, entries: list[thread.Entry], *, page: str, live: str) -> str:
    """Where a page without script goes on, and after how many seconds: to the reply as it is being
    written, or to itself while a reply that was told to stop has yet to be sealed."""
    written = [entry.message.pk for entry in entries if entry.message.is_running]
    if running is not None and running.pk in written:
        return f"0;url={live}"
    return f"1;url={page}" if written else ""


def suggestions() -> list[str]:
    """What a team might really begin with."""
    return [
        gettext("Summarise these meeting notes as decisions, open questions and who does what: "),
        gettext("Rewrite this e-mail so that it is shorter and kinder: "),
        gettext("Explain this error message and how I would find its cause: "),
        gettext("What should I ask before I sign this contract with a supplier? "),
    ]


def _posted(request: SignedInRequest) -> QueryDict | None:
    """What a form is bound to: an empty one is a form too."""
    return request.POST if request.method == "POST" else None


def _made_from(request: SignedInRequest, form: SettingsForm) -> Conversation:
    """A conversation that is not stored yet."""
    if not form.is_bound:
        return beginnings.begin(beginnings.default_of(request.user), owner=request.user)
    return Conversation(
        owner=request.user,
        model=form.cleaned_data["model"],
        system_prompt=form.cleaned_data["system_prompt"],
        parameters=form.parameters.to_json(),
    )
