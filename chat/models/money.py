"""Amounts of money in the database: exact, and summed by it without a float."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

# A price a million tokens has six decimals at most, so what one token costs has twelve.
DECIMALS = 12
# An amount of each currency that there is, by its letters.
Amounts = tuple[tuple[str, Decimal], ...]

if TYPE_CHECKING:
    _Field = models.Field[Decimal | None, Decimal | None]
else:
    _Field = models.Field


class MoneyField(_Field):
    """A `Decimal` of the currency's unit, stored as a whole number of its 10⁻¹² parts.

    SQLite keeps decimals as floats and sums them as such; whole numbers it sums exactly. They reach
    to nine million units.
    """

    decimals = DECIMALS

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def from_db_value(self, value: Any, *_: object) -> Decimal | None:
        return None if value is None else Decimal(int(value)).scaleb(-self.decimals)

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        try:
            return Decimal(str(value))
        except ArithmeticError:
            raise ValidationError(_("Give an amount, such as 12.50.")) from None

    def formfield(self, **kwargs: Any) -> Any:
        defaults: dict[str, Any] = {
            "form_class": forms.DecimalField,
            "error_messages": {"invalid": _("Give an amount, such as 12.50.")},
        }
        return super().formfield(**defaults | kwargs)

    def get_prep_value(self, value: Any) -> Any:
        amount = self.to_python(super().get_prep_value(value))
        if amount is None:
            return None
        whole = amount.scaleb(self.decimals)
        if whole != int(whole):
            raise ValueError(f"{amount} has more than {self.decimals} decimals")
        return int(whole)


class CreditField(MoneyField):
    """Credits of the upstream's own, to a millionth: they reach to nine millions of millions."""

    decimals = 6
