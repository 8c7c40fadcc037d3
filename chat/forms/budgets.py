"""Asking for more of a budget, and deciding about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.forms.usage import DayField
from chat.models import Budget
from chat.models.budget import amount_of, parts_of
from chat.models.budget_request import LONGEST_WORDS
from chat.queries import calendar

# More than anybody could mean, and less than a database holds.
MOST_TOKENS = 10**15
MOST_MONEY = 10**6
_TOO_LONG = _("Use at most %(limit_value)d characters.")


class AskForm(forms.Form):
    reason = forms.CharField(
        label=_("What do you need it for?"),
        max_length=LONGEST_WORDS,
        error_messages={
            "required": _("Say what you need it for."),
            "max_length": _TOO_LONG,
        },
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class DeclineForm(forms.Form):
    words = forms.CharField(
        label=_("Words, if you like"),
        max_length=LONGEST_WORDS,
        required=False,
        error_messages={"max_length": _TOO_LONG},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class GrantForm(DeclineForm):
    """How much more, until the end of which of the team's days. As it comes it can be sent off:
    half as much again, until the end of the budget's period."""

    until = DayField(_("Until the end of"))

    field_order = ("amount", "until", "words")

    def __init__(self, data: Any = None, *, budget: Budget, key: int, now: datetime) -> None:
        _start, resets_at = calendar.starts(budget.period, now)
        self._budget, self._today = budget, calendar.today(now)
        initial = {
            "amount": _to_type(budget, max(1, budget.base // 2)),
            "until": calendar.today(resets_at) - timedelta(days=1),
        }
        super().__init__(data, initial=initial, auto_id=f"request-{key}-%s")
        self.fields["amount"] = _amount_field(budget)
        self.order_fields(self.field_order)

    def clean_until(self) -> Any:
        day = self.cleaned_data["until"]
        if day < self._today:
            raise forms.ValidationError(_("Give a day that is not over."))
        return day

    @property
    def granted(self) -> int:
        """In the smallest parts of the budget."""
        amount = self.cleaned_data["amount"]
        return int(amount) if self._budget.tokens is not None else parts_of(amount)

    @property
    def ends_at(self) -> datetime:
        return calendar.midnight(self.cleaned_data["until"] + timedelta(days=1))


def grant_form(budget: Budget, key: int, data: Any = None) -> GrantForm:
    return GrantForm(data, budget=budget, key=key, now=timezone.now())


def _to_type(budget: Budget, parts: int) -> int | str:
    """As it is typed, without zeros that say nothing."""
    if budget.tokens is not None:
        return parts
    cents = amount_of(parts).quantize(Decimal("0.01"))
    return str(max(cents, Decimal("0.01")))


def _amount_field(budget: Budget) -> forms.Field:
    if budget.tokens is not None:
        words = _("Give a whole number of tokens, such as 50000.")
        return forms.IntegerField(
            label=_("Tokens more"),
            min_value=1,
            max_value=MOST_TOKENS,
            error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), words),
        )
    words = _("Give an amount, such as 12.50.")
    problems = ("required", "invalid", "min_value", "max_value", "max_decimal_places")
    return forms.DecimalField(
        label=_("%(currency)s more") % {"currency": budget.currency},
        min_value=Decimal("0.01"),
        max_value=MOST_MONEY,
        decimal_places=6,
        error_messages=dict.fromkeys(problems, words),
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
