"""Prices as administrators enter them, and as anybody who may look plays with them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.forms import model_to_dict
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.forms.usage import FIRST_DAY, LAST_DAY
from chat.models import Price

LONG_PROMPTS = ("long_prompt_over", "long_prompt", "long_cached", "long_completion")
RATES = ("prompt", "cached", "completion")


def rates_of(price: Price) -> dict[str, Any]:
    """To begin with in a form: without the zeros that the database writes."""
    given = model_to_dict(price, fields=RatesForm.Meta.fields)
    return {
        name: Decimal(f"{value.normalize():f}") if isinstance(value, Decimal) else value
        for name, value in given.items()
    }


class RatesForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a million tokens cost."""

    class Meta:
        model = Price
        fields: tuple[str, ...] = ("currency", *RATES, *LONG_PROMPTS)
        labels = {
            "prompt": _("Prompt"),
            "cached": _("Cached"),
            "completion": _("Completion"),
            "long_prompt_over": _("Longer than so many tokens"),
            "long_prompt": _("Prompt"),
            "long_cached": _("Cached"),
            "long_completion": _("Completion"),
        }
        help_texts = {"cached": _("As the prompt if empty.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in (*RATES, *LONG_PROMPTS):
            errors = self.fields[name].error_messages
            errors["required"] = _("Give an amount, or 0 if it costs nothing.")
            errors["min_value"] = _("Give 0 or more.")
            if name != "long_prompt_over":
                errors["invalid"] = _("Give an amount, such as 12.50.")
                self.fields[name].widget.attrs["step"] = "any"
        currency = self.fields["currency"]
        currency.error_messages["max_length"] = _("Give its three capital letters.")
        currency.widget.attrs |= {"size": 4, "autocapitalize": "characters"}

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"]
        return currency.upper()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if any(data.get(name) is not None for name in LONG_PROMPTS):
            for name in ("long_prompt_over", "long_prompt", "long_completion"):
                if data.get(name) is None and name not in self.errors:
                    self.add_error(name, _("Give it too, or nothing of long prompts."))
        return data

    @property
    def of_prompts(self) -> list[forms.BoundField]:
        return [self[name] for name in (*RATES, "currency")]

    @property
    def of_long_prompts(self) -> list[forms.BoundField]:
        return [self[name] for name in LONG_PROMPTS]

    @property
    def has_long_prompts(self) -> bool:
        return any(
            field.value() not in (None, "") or field.errors for field in self.of_long_prompts
        )


class PriceForm(RatesForm):
    """A new price of a model, which takes over from the one before at its moment."""

    effective_from = forms.DateTimeField(
        label=_("Valid from"),
        required=False,
        help_text=_("From now on if empty. It may lie in the past: what has ended keeps its cost."),
        error_messages={"invalid": _("Give a day and a time, such as 2026-11-23T09:00.")},
        validators=[
            MinValueValidator(
                datetime.combine(FIRST_DAY, datetime.min.time(), UTC),
                _("Give a day from the year 2000 on."),
            ),
            MaxValueValidator(
                datetime.combine(LAST_DAY, datetime.min.time(), UTC),
                _("Give a day before the year 2200."),
            ),
        ],
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
    )

    class Meta(RatesForm.Meta):
        fields = ("model", *RatesForm.Meta.fields, "effective_from", "source")
        labels = RatesForm.Meta.labels | {"model": _("Model"), "source": _("Where it is from")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model"].widget.attrs["list"] = "known-models"
        if timezone.get_current_timezone_name() != "UTC":
            hint = gettext("Its time is that of %(zone)s.")
            zone = {"zone": timezone.get_current_timezone_name()}
            words = self.fields["effective_from"].help_text
            self.fields["effective_from"].help_text = f"{words} {hint % zone}"

    def clean_effective_from(self) -> datetime:
        moment: datetime | None = self.cleaned_data["effective_from"]
        return moment or timezone.now()

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        model, moment = data.get("model"), data.get("effective_from")
        if model and moment and Price.objects.filter(model=model, effective_from=moment).exists():
            self.refuse_moment()
        return data

    def refuse_moment(self) -> None:
        words = _("It has a price from that moment already. Choose another one.")
        self.add_error("effective_from", words)


class RevaluationForm(forms.Form):
    model = forms.CharField(max_length=200, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        error_messages={"required": _("Say why, for those who wonder later.")},
    )
    includes_priced = forms.BooleanField(
        label=_("Correct those too that have cost something else"),
        required=False,
        help_text=_(
            "Needed where a price was wrong. The list of corrections shows the difference."
        ),
    )
