"""The models that can be chosen, and what evoweb knows of each."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from chat.completions.families import family_of
from chat.domain.attachments import takes_pictures
from chat.domain.histories import window_of
from chat.models import Price

# A choice of models is on every page of a chat, and prices hardly ever change: so long they may be
# old there. What a request costs is no matter of these.
RATES_LAST = 60
RATES = "offers-rates"


@dataclass(frozen=True, slots=True)
class Rates:
    """What a million tokens cost."""

    prompt: Decimal
    completion: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Offer:
    """None is what nobody knows."""

    model: str
    is_default: bool
    window: int | None
    takes_pictures: bool | None
    thinks: bool | None
    rates: Rates | None


def offers() -> list[Offer]:
    """In the order in which they are set."""
    rates = _rates()
    return [
        Offer(
            model,
            is_default=model == settings.MODELS[0],
            window=window_of(model),
            takes_pictures=takes_pictures(model),
            thinks=family_of(model).thinks,
            rates=rates.get(model),
        )
        for model in settings.MODELS
    ]


def _rates() -> dict[str, Rates]:
    """A query, now and then."""
    known: dict[str, Rates] | None = cache.get(RATES)
    if known is None:
        latest_first = Price.objects.valid_at(timezone.now()).filter(model__in=settings.MODELS)
        known = {
            price.model: Rates(price.prompt, price.completion, price.currency)
            for price in reversed(latest_first)
        }
        cache.set(RATES, known, RATES_LAST)
    return known
