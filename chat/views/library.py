"""The library of prompts: its pages, the list that the composer opens, and putting one to use."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chat.domain import drafts
from chat.domain import library as deeds
from chat.forms.library import SavedPromptForm, ValuesForm
from chat.models import SavedPrompt
from chat.views import owned
from chat.views.access import SignedInRequest, signed_in

METHODS = ["GET", "HEAD", "POST"]
USE_PAGE = "prompts/use.html"


@require_safe
@signed_in
def prompt_list(request: SignedInRequest) -> HttpResponse:
    """All that one may use, as a page or for the composer."""
    prompts = list(SavedPrompt.objects.usable_by(request.user).in_order())
    if request.htmx:
        return render(request, "prompts/_options.html", {"prompts": prompts})
    context = {
        "own": [prompt for prompt in prompts if not prompt.is_shared],
        "shared": [prompt for prompt in prompts if prompt.is_shared],
    }
    return render(request, "prompts/list.html", context)


@require_http_methods(METHODS)
@signed_in
def new_prompt(request: SignedInRequest) -> HttpResponse:
    return _form_page(request, SavedPrompt())


@require_http_methods(METHODS)
@signed_in
def change_prompt(request: SignedInRequest, prompt_id: int) -> HttpResponse:
    prompt = get_object_or_404(SavedPrompt.objects.changeable_by(request.user), pk=prompt_id)
    return _form_page(request, prompt)


@require_POST
@signed_in
def delete_prompt(request: SignedInRequest, prompt_id: int) -> HttpResponse:
    prompt = get_object_or_404(SavedPrompt.objects.changeable_by(request.user), pk=prompt_id)
    return owned.delete(request, prompt, undo="restore_prompt", back="prompt_list")


@require_POST
@signed_in
def restore_prompt(request: SignedInRequest, prompt_id: int) -> HttpResponse:
    prompt = get_object_or_404(SavedPrompt.objects.deleted_by(request.user), pk=prompt_id)
    return owned.restore(request, prompt, undo="restore_prompt", back="prompt_list")


@require_http_methods(METHODS)
@signed_in
def use_prompt(request: SignedInRequest, prompt_id: int) -> HttpResponse:
    """Asks for the values of its variables. The text goes to the script that asks for it, or after
    what stands in the composer of the conversation that the address names, or of a new one."""
    prompt = get_object_or_404(SavedPrompt.objects.usable_by(request.user), pk=prompt_id)
    conversation = owned.named_conversation(request, "conversation")
    form = ValuesForm(request.POST if request.method == "POST" else None, prompt=prompt)
    if not form.is_valid():
        context = {"prompt": prompt, "form": form, "conversation": conversation}
        template = f"{USE_PAGE}#form" if request.htmx else USE_PAGE
        return render(request, template, context, status=422 if form.is_bound else 200)

    text = prompt.filled(form.values)
    if request.htmx:
        return HttpResponse(text, content_type="text/plain; charset=utf-8")
    try:
        drafts.add(user=request.user, conversation=conversation, text=text)
    except drafts.NoRoom:
        words = _("What you are writing there leaves no room for this prompt. Send it first.")
        messages.error(request, words)
    except drafts.Outdated:
        messages.error(request, _("You are writing there just now. Use the prompt once more."))
    return redirect(conversation or "new_conversation")


def _form_page(request: SignedInRequest, prompt: SavedPrompt) -> HttpResponse:
    posted = request.POST if request.method == "POST" else None
    form = SavedPromptForm(posted, prompt=prompt, by=request.user)

    def save() -> SavedPrompt:
        return deeds.keep(
            prompt,
            owner=None if form.is_for_all else request.user,
            name=form.cleaned_data["name"],
            title=form.cleaned_data["title"],
            text=form.cleaned_data["text"],
        )

    if form.is_valid() and owned.keep(form, save):
        messages.success(request, _("“%(name)s” is saved.") % {"name": prompt.name})
        return redirect("prompt_list")

    context = {"form": form, "prompt": prompt}
    return render(request, "prompts/form.html", context, status=422 if form.is_bound else 200)
