"""What a person may type about a conversation: a prompt, a title, its settings."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.completions.families import family_of
from chat.domain.parameters import Parameters
from chat.forms.models import ModelSelect
from chat.models import Conversation, Preset
from chat.models.conversation import TITLE_LENGTH
from chat.models.draft import LONGEST_DRAFT

# What may be sent can be kept until it is.
LONGEST_PROMPT = LONGEST_DRAFT
MOST_VERSIONS = 10
# Thinking alone may take more.
FEW_TOKENS = 1000
IGNORABLE = ("temperature", "top_p", "top_k")


class PromptField(forms.CharField):
    """Text as the person sees it: browsers send each line end as two characters."""

    def to_python(self, value: Any) -> str:
        # A lone NUL is nothing that PostgreSQL could keep.
        return str(super().to_python(value)).replace("\r\n", "\n").replace("\x00", "")


class PictureIds(forms.Field):
    """What lies in the composer, in the order in which it lies there."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[uuid.UUID]:
        try:
            return list(dict.fromkeys(uuid.UUID(each) for each in value or ()))
        except ValueError:
            raise forms.ValidationError(
                gettext("Load the page again: it is out of date.")
            ) from None


class Versions(forms.Field):
    """Those of a draft that a page has shown or written; what is none is left out."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> list[uuid.UUID]:
        found = []
        for word in str(value or "").split()[:MOST_VERSIONS]:
            with suppress(ValueError):
                found.append(uuid.UUID(word))
        return found


@dataclass(slots=True)
class Received:
    """Pictures that came as files with the form itself, and what is wrong with others."""

    ids: list[uuid.UUID] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


class MessageForm(forms.Form):
    """A prompt: words, pictures or both. The key is new with every page, so that one press of Send
    is one turn."""

    text = PromptField(
        label=_("Message"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 1}),
        error_messages={
            "required": _("Write a message first."),
            "too_long": _(
                "A message may have up to %(limit)s characters; this one has %(length)s."
            ),
        },
    )
    send_key = forms.UUIDField(widget=forms.HiddenInput(attrs={"id": "send-key"}))
    attachment = PictureIds(required=False)
    draft = Versions(required=False)

    def __init__(self, *args: Any, received: Received | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"send_key": uuid.uuid4()})
        super().__init__(*args, **kwargs)
        self.received = received or Received()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.received.complaints:
            raise forms.ValidationError(self.received.complaints)
        if not (self.errors or data["text"] or self.pictures):
            self.add_error("text", self.fields["text"].error_messages["required"])
        return data

    @property
    def pictures(self) -> list[uuid.UUID]:
        return [*self.cleaned_data["attachment"], *self.received.ids]

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if len(text) > LONGEST_PROMPT:
            sizes = {"limit": number_format(LONGEST_PROMPT), "length": number_format(len(text))}
            raise forms.ValidationError(
                self.fields["text"].error_messages["too_long"], params=sizes
            )
        return text if text.strip() else ""

    @property
    def complaints(self) -> str:
        """What is wrong with it, as one line."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


class DraftForm(forms.Form):
    """What stands in a composer. The version is a name that the page has made."""

    text = PromptField(required=False, strip=False, max_length=LONGEST_DRAFT)
    version = forms.UUIDField()
    based_on = Versions(required=False)


def _range(words: Any) -> dict[str, Any]:
    """The same words whatever is wrong with a number: they say what would be right."""
    return {"min_value": words, "max_value": words, "invalid": words}


class TitleForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=TITLE_LENGTH)


class SettingsForm(forms.Form):
    """Model, system prompt and parameters of a conversation, each with the API's own advice."""

    model = forms.ChoiceField(label=_("Model"), widget=ModelSelect)
    system_prompt = forms.CharField(
        label=_("System prompt"),
        required=False,
        max_length=50_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("What the model should know or keep to in all of this conversation."),
    )
    stream = forms.BooleanField(
        label=_("Show the answer while it is written"),
        required=False,
        initial=True,
        help_text=_("Switched off, the whole answer comes at once."),
    )
    max_tokens = forms.IntegerField(
        label=_("Longest answer, in tokens"),
        required=False,
        min_value=1,
        max_value=10_000_000,
        error_messages=_range(_("Give a whole number from 1 to 10,000,000.")),
        help_text=_("A small value may cut answers short; thinking counts too."),
    )
    temperature = forms.FloatField(
        label=_("Temperature"),
        required=False,
        min_value=0,
        max_value=2,
        error_messages=_range(_("Give a number from 0 to 2.")),
        help_text=_(
            "From 0 to 2. Low values, such as 0.2, make answers more focused and repeatable; "
            "high ones, such as 1.5, more varied and creative."
        ),
    )
    top_p = forms.FloatField(
        label=_("Top P"),
        required=False,
        min_value=0,
        max_value=1,
        error_messages=_range(_("Give a number from 0 to 1.")),
        help_text=_(
            "From 0 to 1. At 0.9 the model chooses among the likeliest tokens that make up 90 %. "
            "Change this or the temperature, not both."
        ),
    )
    top_k = forms.IntegerField(
        label=_("Top K"),
        required=False,
        min_value=1,
        max_value=1_000_000,
        error_messages=_range(_("Give a whole number from 1 to 1,000,000.")),
        help_text=_("At 40 the model chooses among the 40 likeliest tokens. No limit if empty."),
    )

    def __init__(
        self, data: Any = None, *, conversation: Conversation | Preset | None = None
    ) -> None:
        super().__init__(data, initial=_initial(conversation))
        names = list(settings.MODELS)
        if conversation is None or conversation.model in names:
            choices = [(name, name) for name in names]
        else:
            # A model that is gone is no choice: the person has to make one.
            choices = [("", gettext("Choose a model"))] + [(name, name) for name in names]
        field = self.fields["model"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    @property
    def notes(self) -> dict[str, str]:
        """What is known of a field beside its hint: which models on offer do nothing with it."""
        ignoring = {name: _ignoring(name) for name in IGNORABLE}
        words = gettext("Known to ignore this: %(models)s.")
        return {
            name: words % {"models": ", ".join(models)}
            for name, models in ignoring.items()
            if models
        }

    @property
    def warnings(self) -> dict[str, str]:
        """What is unwise about the values; it refuses nothing."""
        warnings: dict[str, str] = {}
        if self._is_set("temperature") and self._is_set("top_p"):
            warnings["top_p"] = gettext("It is better not to set temperature and top P together.")
        limit = str(self["max_tokens"].value() or "")
        if limit.isdecimal() and len(limit) < 10 and int(limit) < FEW_TOKENS:
            warnings["max_tokens"] = gettext("With so few tokens answers may be cut, or be empty.")
        return warnings

    @property
    def cautions(self) -> list[str]:
        """The same for when the form is out of sight, and what was set to no purpose."""
        model = str(self["model"].value())
        words = gettext("%(model)s is known to ignore this: %(setting)s.")
        ignored = [
            words % {"model": model, "setting": self.fields[name].label}
            for name in IGNORABLE
            if self._is_set(name) and model in _ignoring(name)
        ]
        return [*self.warnings.values(), *ignored]

    def _is_set(self, name: str) -> bool:
        return self[name].value() not in (None, "")

    def clean(self) -> dict[str, Any]:
        """Some families of models take less than the API's own ranges."""
        data = super().clean() or {}
        family = family_of(data.get("model", ""))
        ranges = {
            "temperature": family.temperature,
            "top_p": family.top_p,
            "max_tokens": (1, family.max_output),
        }
        for name, (low, high) in ranges.items():
            value = data.get(name)
            if value is None or high is None or low <= value <= high:
                continue
            words = gettext("This model takes values from %(low)s to %(high)s.")
            limits = {"low": number_format(low), "high": number_format(high)}
            self.add_error(name, words % limits)
        return data

    @property
    def parameters(self) -> Parameters:
        data = self.cleaned_data
        return Parameters(
            stream=data["stream"],
            max_tokens=data["max_tokens"],
            temperature=data["temperature"],
            top_p=data["top_p"],
            top_k=data["top_k"],
        )


class AskOtherwiseForm(SettingsForm):
    """What one reply is asked with instead. The system prompt belongs to the conversation."""

    def __init__(self, data: Any = None, *, conversation: Conversation | None = None) -> None:
        super().__init__(data, conversation=conversation)
        del self.fields["system_prompt"]
        # It may stand over a page that has the settings of the conversation as well.
        self.auto_id = "otherwise_%s"


def _ignoring(name: str) -> list[str]:
    """The models on offer that are known to do nothing with a parameter."""
    families = {model: family_of(model) for model in settings.MODELS}
    return [
        model
        for model, family in families.items()
        if name in family.ignored or name in family.refused
    ]


def _initial(conversation: Conversation | Preset | None) -> dict[str, Any]:
    if conversation is None:
        return {"model": settings.MODELS[0], "stream": True}
    parameters = Parameters.from_json(conversation.parameters)
    return {
        "model": conversation.model,
        "system_prompt": conversation.system_prompt,
        "stream": parameters.stream,
        "max_tokens": parameters.max_tokens,
        "temperature": parameters.temperature,
        "top_p": parameters.top_p,
        "top_k": parameters.top_k,
    }
