"""A preset: the settings of a conversation, a name for them, and for whom they are."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from chat.forms.conversation import SettingsForm
from chat.forms.owned import OwnedForm
from chat.models import Conversation, Preset, User
from chat.models.owned import NAME_LENGTH


class PresetForm(OwnedForm, SettingsForm):
    name_taken = _("One of your presets has this name already. Choose another.")
    shared_name_taken = _("A shared preset has this name already. Choose another.")

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_("What it is for, in a word or two."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    field_order = ("name", "model", "system_prompt")

    def __init__(self, data: Any = None, *, like: Conversation | Preset | None, by: User) -> None:
        """With the settings of a preset to change, or those of a conversation to begin with."""
        super().__init__(data, conversation=like)
        if isinstance(like, Preset) and like.pk:
            self.initial.update(name=like.name, is_shared=like.is_shared)
        self.ask_who_may_share(by)
