"""Budgets in words: what one is called, and amounts of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chat.enums import Period
from chat.models import Budget
from chat.models.budget import amount_of

_MINE: dict[str, Promise] = {
    Period.DAY: _("Your budget for today"),
    Period.WEEK: _("Your budget for this week"),
    Period.MONTH: _("Your budget for this month"),
}
_SHARED: dict[str, Promise] = {
    Period.DAY: _("The shared budget for today"),
    Period.WEEK: _("The shared budget for this week"),
    Period.MONTH: _("The shared budget for this month"),
}


_EACH: dict[str, Promise] = {
    Period.DAY: _("each day"),
    Period.WEEK: _("each week"),
    Period.MONTH: _("each month"),
}


def name(budget: Budget) -> str:
    """As those call it who use it."""
    return name_of({"period": budget.period, "is_shared": budget.is_with_others})


def name_of(facts: Mapping[str, Any]) -> str:
    """The same of a budget's `facts`, as a notice has them."""
    return str((_SHARED if facts["is_shared"] else _MINE)[facts["period"]])


def whose_of(facts: Mapping[str, Any]) -> str:
    """For whom it is and how often, as administrators tell budgets apart."""
    who = facts["name"]
    if not who:
        who = _("Each person") if facts["is_each"] else _("Everybody together")
    elif facts["is_each"]:
        who = gettext("%(group)s, each person") % {"group": who}
    return f"{who}, {_EACH[facts['period']]}"


def amount(parts: int, currency: str) -> str:
    """So many smallest parts of a budget: tokens, where it has no currency."""
    count = figure(parts, currency)
    if currency:
        return f"{count}\N{NO-BREAK SPACE}{currency}"
    return ngettext("%(count)s token", "%(count)s tokens", parts) % {"count": count}


def figure(parts: int, currency: str) -> str:
    """The same without its unit, beside another that names it."""
    if currency:
        return written(amount_of(parts))
    return formats.number_format(parts, decimal_pos=0, force_grouping=True)


def written(amount: Decimal) -> str:
    """To hundredths, and less than one unit to the digits that tell."""
    hundredths = abs(amount) >= 1 or not amount
    rounded = amount.quantize(Decimal("0.01") if hundredths else Decimal("0.0001"))
    return formats.number_format(rounded, force_grouping=True)
