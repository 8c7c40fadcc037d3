"""Budgets in words: what one is called, and amounts of it."""

from __future__ import annotations

from decimal import Decimal

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

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


def name(budget: Budget) -> str:
    """As those call it who use it."""
    return name_of(budget.period, is_shared=budget.is_with_others)


def name_of(period: str, *, is_shared: bool) -> str:
    return str((_SHARED if is_shared else _MINE)[period])


_EACH: dict[str, Promise] = {
    Period.DAY: _("each day"),
    Period.WEEK: _("each week"),
    Period.MONTH: _("each month"),
}


def whose(budget: Budget) -> str:
    """For whom it is and how often, as administrators tell budgets apart."""
    if budget.user is not None:
        who = budget.user.name
    elif budget.group is not None:
        who = budget.group.name if budget.is_shared else _("%s, each person") % budget.group.name
    else:
        who = str(_("Everybody together") if budget.is_shared else _("Each person"))
    return f"{who}, {_EACH[budget.period]}"


def amount(parts: int, currency: str) -> str:
    """So many smallest parts of a budget: tokens, where it has no currency."""
    if currency:
        return f"{written(amount_of(parts))}\N{NO-BREAK SPACE}{currency}"
    count = formats.number_format(parts, decimal_pos=0, force_grouping=True)
    return ngettext("%(count)s token", "%(count)s tokens", parts) % {"count": count}


def written(amount: Decimal) -> str:
    """To hundredths, and less than one unit to the digits that tell."""
    hundredths = abs(amount) >= 1 or not amount
    rounded = amount.quantize(Decimal("0.01") if hundredths else Decimal("0.0001"))
    return formats.number_format(rounded, force_grouping=True)
