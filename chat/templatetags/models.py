"""What is known of a model that can be chosen, in few words."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from chat.domain.offers import Offer, Rates

register = template.Library()

SPACE = "\N{NO-BREAK SPACE}"
SIZES = ((1_000_000, "M"), (1_000, "k"))


@register.filter
def facts(offer: Offer) -> str:
    """As one line, whose words stay together; what nobody knows is left out."""
    words = [_("default")] if offer.is_default else []
    if offer.window is not None:
        words.append(_("reads %(n)s tokens") % {"n": short(offer.window)})
    if offer.takes_pictures is not None:
        words.append(_("pictures") if offer.takes_pictures else _("no pictures"))
    if offer.thinks:
        words.append(_("thinks"))
    return " · ".join(word.replace(" ", SPACE) for word in words)


@register.filter
def price(rates: Rates) -> str:
    """What a million tokens cost."""
    return _("%(prompt)s in, %(answer)s out %(currency)s a million") % {
        "prompt": _amount(rates.prompt),
        "answer": _amount(rates.completion),
        "currency": rates.currency,
    }


def short(count: int) -> str:
    """A number of tokens as people say it: "1.05 M", "128 k"."""
    for size, mark in SIZES:
        if count >= size:
            places = 2 if size > 1_000 and count % size else 0
            return number_format(round(Decimal(count) / size, places).normalize()) + SPACE + mark
    return number_format(count)


def _amount(amount: Decimal) -> str:
    """All its digits, and at least hundredths."""
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return number_format(amount, decimal_pos=places)
