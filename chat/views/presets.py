"""Presets: those that somebody may use, made, changed, deleted and taken back."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chat.domain import presets as deeds
from chat.forms.presets import PresetForm
from chat.models import Conversation, Preset
from chat.queries import presets
from chat.views import owned
from chat.views.access import SignedInRequest, signed_in


@require_safe
@signed_in
def preset_list(request: SignedInRequest) -> HttpResponse:
    listed = presets.listed(request.user)
    context = {
        "own": [each for each in listed if not each.preset.is_shared],
        "shared": [each for each in listed if each.preset.is_shared],
        "models": settings.MODELS,
    }
    return render(request, "presets/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new_preset(request: SignedInRequest) -> HttpResponse:
    """From nothing, or with the settings that a conversation has."""
    return _form_page(request, Preset(), like=owned.named_conversation(request, "from"))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def change_preset(request: SignedInRequest, preset_id: int) -> HttpResponse:
    preset = get_object_or_404(Preset.objects.changeable_by(request.user), pk=preset_id)
    return _form_page(request, preset, like=preset)


@require_POST
@signed_in
def delete_preset(request: SignedInRequest, preset_id: int) -> HttpResponse:
    preset = get_object_or_404(Preset.objects.changeable_by(request.user), pk=preset_id)
    return owned.delete(request, preset, undo="restore_preset", back="preset_list")


@require_POST
@signed_in
def restore_preset(request: SignedInRequest, preset_id: int) -> HttpResponse:
    preset = get_object_or_404(Preset.objects.deleted_by(request.user), pk=preset_id)
    return owned.restore(request, preset, undo="restore_preset", back="preset_list")


@require_POST
@signed_in
def choose_default_preset(request: SignedInRequest) -> HttpResponse:
    """The number of none takes the choice back."""
    wanted = request.POST.get("preset", "")
    usable = Preset.objects.usable_by(request.user)
    preset = get_object_or_404(usable, pk=_number(wanted)) if wanted else None

    deeds.choose_default(preset, user=request.user)

    return redirect("preset_list")


def _number(words: str) -> int:
    """What stands for a row in a form, and nothing that no row could have."""
    return int(words) if words.isdecimal() and len(words) < 19 else 0


def _form_page(
    request: SignedInRequest, preset: Preset, *, like: Conversation | Preset | None
) -> HttpResponse:
    posted = request.POST if request.method == "POST" else None
    form = PresetForm(posted, like=like, by=request.user)

    def save() -> Preset:
        return deeds.keep(
            preset,
            owner=None if form.is_for_all else request.user,
            name=form.cleaned_data["name"],
            model=form.cleaned_data["model"],
            system_prompt=form.cleaned_data["system_prompt"],
            parameters=form.parameters,
        )

    if form.is_valid() and owned.keep(form, save):
        messages.success(request, _("“%(name)s” is saved.") % {"name": preset.name})
        return redirect("preset_list")

    context = {"form": form, "preset": preset, "conversation": like if not preset.pk else None}
    return render(request, "presets/form.html", context, status=422 if form.is_bound else 200)
