"""Presets: kept, changed, and one chosen as that with which chats begin."""

from __future__ import annotations

from django.conf import settings

from chat.domain.owned import one_of_its_name
from chat.domain.parameters import Parameters
from chat.models import Conversation, Preset, User

# Whether it is deleted is another deed's.
KEPT_FIELDS = ("owner", "name", "model", "system_prompt", "parameters")


def keep(
    preset: Preset,
    *,
    owner: User | None,
    name: str,
    model: str,
    system_prompt: str,
    parameters: Parameters,
) -> Preset:
    """A new one, or a change. Without an owner it is shared. Raises NameTaken."""
    preset.owner = owner
    preset.name = name
    preset.model = model
    preset.system_prompt = system_prompt
    preset.parameters = parameters.to_json()
    with one_of_its_name():
        preset.save(update_fields=None if preset.pk is None else KEPT_FIELDS)
    return preset


def choose_default(preset: Preset | None, *, user: User) -> None:
    """With which chats of theirs begin; None: as evoweb is set."""
    user.default_preset = preset
    user.save(update_fields=("default_preset",))


def default_of(user: User) -> Preset | None:
    """None also where it is deleted, or not shared any more."""
    if user.default_preset_id is None:
        return None
    return Preset.objects.usable_by(user).filter(pk=user.default_preset_id).first()


def is_offered(preset: Preset) -> bool:
    """Whether its model can still be asked."""
    return preset.model in settings.MODELS


def begin(preset: Preset | None, *, owner: User) -> Conversation:
    """A conversation that is not stored yet. A model that is no longer offered is replaced by the
    one that is asked where none is chosen."""
    if preset is None:
        return Conversation(owner=owner, model=settings.MODELS[0])
    return Conversation(
        owner=owner,
        model=preset.model if is_offered(preset) else settings.MODELS[0],
        system_prompt=preset.system_prompt,
        parameters=preset.parameters,
    )
