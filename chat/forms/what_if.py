"""A budget that is only thought of."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _

from chat.enums import Period
from chat.models import Budget, User
from chat.models.money import DECIMALS

DAYS = 90
LOOKED_BACK = timedelta(days=DAYS)
# What the database keeps of money, in whole units, and of tokens.
MOST = 9_000_000
MOST_TOKENS = 10**15


class WhatIfForm(forms.Form):
    """Stands in the address, so that it can be kept and shown to others."""

    tokens = forms.IntegerField(
        label=_("Tokens"), required=False, min_value=1, max_value=MOST_TOKENS
    )
    money = forms.DecimalField(
        label=_("or money"),
        required=False,
        min_value=Decimal(0),
        max_value=MOST,
        decimal_places=DECIMALS,
        max_digits=7 + DECIMALS,
    )
    currency = forms.CharField(label=_("in"), required=False, initial="USD", max_length=3)
    period = forms.ChoiceField(label=_("Each"), choices=Period.choices, initial=Period.MONTH)
    user = forms.ModelChoiceField(
        label=_("Person"),
        required=False,
        queryset=User.objects.order_by("email"),
        empty_label=_("Everybody"),
    )
    group = forms.ModelChoiceField(
        label=_("or group"),
        required=False,
        queryset=Group.objects.order_by("name"),
        empty_label=_("None"),
    )
    each = forms.BooleanField(label=_("Each of them has as much"), required=False)

    def clean(self) -> dict[str, Any]:
        found = self.cleaned_data
        given = [name for name in ("tokens", "money") if found.get(name) is not None]
        if len(given) != 1 and not self.errors:
            self.add_error("tokens", _("Give tokens, or money and its currency, not both."))
        if found.get("user") and found.get("group"):
            self.add_error("group", _("Give a person or a group, not both."))
        found["currency"] = (found.get("currency") or "").upper()
        if found.get("money") is not None and len(found["currency"]) != 3:
            self.add_error("currency", _("Give a currency by its three letters, such as USD."))
        return found

    @property
    def budget(self) -> Budget:
        """Of what was given, which is right; it is not stored."""
        found = self.cleaned_data
        return Budget(
            tokens=found["tokens"],
            money=found["money"],
            currency=found["currency"] if found["money"] is not None else "",
            period=found["period"],
            user=found["user"],
            group=found["group"],
            is_shared=not found["each"],
        )
