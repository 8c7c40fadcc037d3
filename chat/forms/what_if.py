"""A limit to try out, as it stands in an address."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.enums import Period
from chat.queries import limits
from chat.queries.limits import Limit

TOKENS = "tokens"


class LimitForm(forms.Form):
    amount = forms.DecimalField(
        label=_("At most"),
        min_value=Decimal(0),
        max_digits=18,
        decimal_places=6,
        error_messages={
            "required": _("Give an amount, such as 12.50."),
            "invalid": _("Give an amount, such as 12.50."),
            "min_value": _("Give 0 or more."),
        },
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    unit = forms.ChoiceField(label=_("Of"))
    period = forms.ChoiceField(label=_("Each"), choices=Period.choices, initial=Period.MONTH)
    who = forms.ChoiceField(label=_("For"), required=False)
    shared = forms.ChoiceField(
        label=_("Had"),
        choices=[("together", _("together")), ("each", _("separately"))],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups, people = limits.audiences()
        units = [(TOKENS, gettext("tokens")), *((each, each) for each in limits.currencies())]
        who: list[Any] = [("", gettext("everybody"))]
        if groups:
            named = [(f"group-{group.pk}", group.name) for group in groups]
            who.append((gettext("Groups"), named))
        named = [(f"person-{person.pk}", person.name) for person in people]
        who.append((gettext("People"), named))
        self._choose("unit", units)
        self._choose("who", who)

    def _choose(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    @property
    def limit(self) -> Limit:
        data = self.cleaned_data
        return Limit(
            amount=data["amount"],
            currency="" if data["unit"] == TOKENS else data["unit"],
            period=data["period"],
            people=_people(data["who"]),
            is_shared=data["shared"] == "together",
        )


def _people(who: str) -> frozenset[int] | None:
    """None for everybody."""
    kind, _dash, key = who.partition("-")
    if kind == "group":
        return limits.members(int(key))
    return frozenset([int(key)]) if kind == "person" else None
