"""What the provider billed: the month to look at, one line, a file, and its confirmation."""

from __future__ import annotations

import re
import uuid
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from chat.enums import BilledBy
from chat.forms.usage import FIRST_DAY, LAST_DAY, DayField
from chat.models import BilledDay
from chat.models.money import DECIMALS

# What the database holds of tokens and of money.
MOST_TOKENS = 10**17
MOST_MONEY = Decimal(9_000_000)

_GROUPED = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*")
_ONE_GROUP = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")


def decimal_of(text: str, *, point_is_clear: bool = True) -> Decimal | None:
    """A number with a decimal point or comma; None where it could be read in two ways.

    `1,234` is a thousand to some and one and a bit to others. So is `1.234` to those who write
    commas: where they may have written it, `point_is_clear` is false. Raises InvalidOperation.
    """
    if _ONE_GROUP.fullmatch(text) and ("," in text or not point_is_clear):
        return None
    mark = max(text.rfind("."), text.rfind(","))
    whole, rest = (text, "") if mark < 0 else (text[:mark], text[mark + 1 :])
    if "," in whole or "." in whole:
        if not _GROUPED.fullmatch(whole) or text[mark] in whole:
            raise InvalidOperation
        whole = whole.replace(",", "").replace(".", "")
    if not whole.isdecimal() or (mark >= 0 and not rest.isdecimal()):
        raise InvalidOperation
    return Decimal(f"{whole}.{rest or 0}")


class TokensField(forms.CharField):
    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        if _GROUPED.fullmatch(text):
            text = text.replace(",", "").replace(".", "")
        if not (text.isascii() and text.isdecimal()) or int(text) > MOST_TOKENS:
            raise ValidationError(_("Give a whole number, such as 1200."))
        return int(text)


class AmountField(forms.CharField):
    point_is_clear = True

    def clean(self, value: Any) -> Decimal | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            amount = decimal_of(text, point_is_clear=self.point_is_clear)
        except InvalidOperation:
            raise ValidationError(_("Give an amount, such as 12.50.")) from None
        if amount is None:
            raise ValidationError(
                _("This can be read in two ways. Write 1234 for thousands, 1.2340 for decimals.")
            )
        if amount > MOST_MONEY or amount != round(amount, DECIMALS):
            raise ValidationError(_("Give an amount of at most 9,000,000 with 12 decimals."))
        return amount


def _figure() -> dict[str, Any]:
    return {"required": False, "max_length": 40}


class LineForm(forms.Form):
    """One day of one model. Its fields also read the cells of a file."""

    day = DayField(_("Day"))
    model = forms.CharField(
        label=_("Model"),
        max_length=200,
        error_messages={"required": _("Give the model as the ledger names it.")},
        widget=forms.TextInput(attrs={"list": "ledger-models", "autocomplete": "off"}),
    )
    prompt_tokens = TokensField(label=_("Tokens in"), **_figure())
    completion_tokens = TokensField(label=_("Tokens out"), **_figure())
    total_tokens = TokensField(label=_("Tokens in all"), **_figure())
    amount = AmountField(label=_("Amount"), **_figure())
    currency = forms.CharField(
        label=_("Currency"),
        required=False,
        validators=[RegexValidator(r"^[A-Z]{3}\Z", _("Give its three capital letters."))],
        widget=forms.TextInput(attrs={"maxlength": 3}),
    )
    note = forms.CharField(label=_("Note"), required=False, max_length=300)
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            self._line = line_of(self.cleaned_data)
        return self.cleaned_data

    @property
    def line(self) -> BilledDay:
        return self._line


CELLS = tuple(name for name in LineForm.base_fields if name != "key")


def line_of(cells: dict[str, Any]) -> BilledDay:
    """Raises ValidationError, by the field that is to be filled in."""
    if all(cells[name] is None for name in CELLS[2:6]):
        raise ValidationError({"amount": _("Give an amount or tokens. 0 says that it was free.")})
    if (cells["amount"] is None) != (not cells["currency"]):
        missing = "currency" if cells["amount"] is not None else "amount"
        raise ValidationError(
            {missing: _("An amount and its currency belong together: give both.")}
        )
    return BilledDay(**{name: cells[name] for name in CELLS})


class BillMonthForm(forms.Form):
    """A month and whose days it has, as they stand in the page's address."""

    month = forms.DateField(
        label=_("Month"),
        input_formats=["%Y-%m"],
        error_messages={"invalid": _("Give a month as year-month, such as 2026-11.")},
        widget=forms.DateInput(format="%Y-%m", attrs={"type": "month"}),
    )
    days = forms.ChoiceField(label=_("Days are"), choices=BilledBy.choices)

    def __init__(self, query: QueryDict, *, today: date) -> None:
        self._default = (today.replace(day=1), BilledBy.UTC)
        given = {name: query[name] for name in ("month", "days") if query.get(name)}
        super().__init__({"month": f"{today:%Y-%m}", "days": BilledBy.UTC.value} | given)

    def clean_month(self) -> date:
        month: date = self.cleaned_data["month"]
        if not FIRST_DAY <= month <= LAST_DAY:
            raise ValidationError(_("Give a month from the year 2000 on."))
        return month

    @property
    def chosen(self) -> tuple[date, BilledBy]:
        if not self.is_valid():
            return self._default
        return self.cleaned_data["month"], BilledBy(self.cleaned_data["days"])
