"""How the usage pages write shares, waits, hours and budgets."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.utils import formats
from django.utils.translation import gettext as _

from chat.enums import Source
from chat.models import Budget
from chat.models.budget import amount_of
from chat.queries.usage.waits import Wait
from chat.templatetags.chat import money, part, tokens

register = template.Library()
SPACE = "\N{NO-BREAK SPACE}"


@register.filter
def share(count: int, whole: int) -> str:
    """How much of the whole it is, to a tenth of a hundredth."""
    return part(Decimal(count) / whole) if whole else "–"


@register.filter
def wait(span: Wait | None) -> str:
    """ "1.4 s", and where that is all that is known "≤ 0.25 s" or "> 60 s"."""
    if span is None:
        return "–"
    digits = 2 if span.seconds < 1 else 1 if span.seconds < 10 else 0
    count = formats.number_format(round(span.seconds, digits), decimal_pos=digits)
    words = _("%(count)s s") % {"count": count}
    return f"{span.bound}{SPACE}{words}" if span.bound else words


@register.filter
def hour_label(hour: int) -> str:
    """From when to when, on the clock."""
    return f"{hour:02}:00–{(hour + 1) % 24:02}:00"


@register.filter
def source_label(source: str) -> str:
    return str(Source(source).label)


@register.filter
def money_in(amount: Decimal, currency: str) -> str:
    return money(((currency, amount),))


@register.filter
def about(figure: str, estimates: int) -> str:
    """Marked where estimates are in it."""
    return f"≈{SPACE}{figure}" if estimates else figure


@register.filter
def of_budget(parts: int, budget: Budget) -> str:
    """So much of it, in tokens or in its currency."""
    return money_in(amount_of(parts), budget.currency) if budget.currency else tokens(parts)
