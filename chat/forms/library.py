"""A prompt of the library, and the values of its variables."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.forms.conversation import PromptField
from chat.forms.owned import OwnedForm
from chat.models import SavedPrompt, User
from chat.models.owned import NAME_LENGTH
from chat.models.saved_prompt import LONGEST_TEXT, TITLE_LENGTH, variables_of

NAME = re.compile(r"[^\W_][\w-]*")
MOST_VARIABLES = 10
LONGEST_VALUE = 10_000


class SavedPromptForm(OwnedForm):
    name_taken = _("One of your prompts has this name already. Choose another.")
    shared_name_taken = _("A shared prompt has this name already. Choose another.")

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_(
            "Typed after a / in an empty message. Letters, digits, - and _, as in: minutes"
        ),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    title = forms.CharField(
        label=_("Title"),
        required=False,
        max_length=TITLE_LENGTH,
        help_text=_("What it is for, in a few words."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    text = PromptField(
        label=_("Text"),
        max_length=LONGEST_TEXT,
        help_text=_(
            "What is in double braces is asked for when it is used: Translate this into "
            "{{language}}. A variable begins with a letter."
        ),
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto"}),
    )

    field_order = ("name", "title", "text")

    def __init__(self, data: Any = None, *, prompt: SavedPrompt, by: User) -> None:
        initial = {"name": prompt.name, "title": prompt.title, "text": prompt.text}
        super().__init__(
            data, initial=initial | {"is_shared": bool(prompt.pk) and prompt.is_shared}
        )
        self.ask_who_may_share(by)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].removeprefix("/").lower()
        if not NAME.fullmatch(name):
            raise forms.ValidationError(
                gettext("Use letters, digits, - and _ alone, and begin with a letter or a digit.")
            )
        return name

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if len(variables_of(text)) > MOST_VARIABLES:
            words = gettext("A prompt may have up to %(limit)s variables; this one has %(number)s.")
            number = number_format(len(variables_of(text)))
            raise forms.ValidationError(words % {"limit": MOST_VARIABLES, "number": number})
        return text


class ValuesForm(forms.Form):
    """What is put in the place of each variable; nothing, where it is left empty."""

    def __init__(self, data: Any = None, *, prompt: SavedPrompt) -> None:
        super().__init__(data, auto_id="value-%s")
        self._names = {f"value{n}": name for n, name in enumerate(prompt.variables)}
        for field, name in self._names.items():
            self.fields[field] = PromptField(
                label=name,
                required=False,
                max_length=LONGEST_VALUE,
                widget=forms.Textarea(attrs={"rows": 1, "dir": "auto", "autocomplete": "off"}),
            )

    @property
    def values(self) -> dict[str, str]:
        return {name: self.cleaned_data[field] for field, name in self._names.items()}
