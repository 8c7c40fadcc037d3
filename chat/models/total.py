"""What the ledger adds up to, by the team's hours, days and months, and by the days of each
conversation: what pages of figures read.

Each closed row is added in the transaction that closes it. `domain.totals` adds, and can tell
whether the sums are those of the ledger.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.enums import Grain, Source
from chat.models.literals import Literal
from chat.models.money import MoneyField

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Where conversations are not told apart, and what was not said in one.
NO_CONVERSATION = UUID(int=0)
COUNTS = ("completions", "estimated", "failed", "stopped", "unknown", "unpriced")
# Null as long as no row had a figure.
SUMS = ("prompt_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")
# Estimates by their bounds, and what is known as it is.
BOUNDS = ("prompt_low", "prompt_high", "output_low", "output_high")
# How long the first token took, in seconds: at most so many, and the last counter all the others.
FIRST_TOKEN_SECONDS = (0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60)
FIRST_TOKEN_COUNTERS = tuple(
    f"first_token_{number}" for number in range(len(FIRST_TOKEN_SECONDS) + 1)
)


def first_token_counter(took: timedelta) -> str:
    """The counter of a first token that took so long."""
    seconds = took.total_seconds()
    place = sum(seconds > limit for limit in FIRST_TOKEN_SECONDS)
    return FIRST_TOKEN_COUNTERS[place]


class TotalQuerySet(models.QuerySet["Total"]):
    def by(self, grain: Grain) -> Self:
        return self.filter(grain=Literal(grain.value))


def _count(label: StrOrPromise = "") -> models.BigIntegerField[int, int]:
    """Signed: a correction may take away before it adds."""
    return models.BigIntegerField(label, default=0)


def _sum(label: StrOrPromise) -> models.BigIntegerField[int | None, int | None]:
    """Null while no row had such a figure, which is not zero."""
    return models.BigIntegerField(label, null=True)


def _money(label: StrOrPromise) -> models.Field[Decimal, Decimal]:
    return MoneyField(label, default=Decimal(0))  # type: ignore[return-value]


_KEY = (
    "grain",
    "start",
    "user",
    "model",
    "source",
    "cost_centre",
    "conversation",
    "currency",
)


class Total(models.Model):
    grain = models.CharField(_("stretch"), max_length=5, choices=Grain.choices)
    # The moment at which that hour, day or month of the team's time zone began.
    start = models.DateTimeField(_("begun"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="totals",
        verbose_name=_("person"),
    )
    model = models.CharField(_("model"), max_length=200)
    source = models.CharField(_("made for"), max_length=8, choices=Source.choices)
    cost_centre = models.CharField(_("cost centre"), max_length=60, blank=True)
    # As the ledger had it when this was added up: it may be gone since.
    conversation = models.UUIDField(
        _("conversation"), default=NO_CONVERSATION, db_default=NO_CONVERSATION
    )
    # Of `cost` and its bounds; empty for what has no price.
    currency = models.CharField(_("currency"), max_length=3, blank=True)

    completions = _count(_("requests"))
    estimated = _count(_("estimated"))
    failed = _count(_("failed"))
    stopped = _count(_("stopped"))
    # Without all of their tokens; without a price, although they may be billed.
    unknown = _count(_("without figures"))
    unpriced = _count(_("without a price"))

    prompt_tokens = _sum(_("Tokens in"))
    cached_tokens = _sum(_("Cached"))
    output_tokens = _sum(_("Tokens out"))
    reasoning_tokens = _sum(_("Thinking"))
    # Estimates by their bounds, and what is known as it is.
    prompt_low = _count(_("prompt tokens, at least"))
    prompt_high = _count(_("prompt tokens, at most"))
    output_low = _count(_("output tokens, at least"))
    output_high = _count(_("output tokens, at most"))

    cost = _money(_("cost"))
    cost_low = _money(_("cost, at least"))
    cost_high = _money(_("cost, at most"))
    saved_by_cache = _money(_("saved by the cache"))

    first_token_0 = _count()
    first_token_1 = _count()
    first_token_2 = _count()
    first_token_3 = _count()
    first_token_4 = _count()
    first_token_5 = _count()
    first_token_6 = _count()
    first_token_7 = _count()
    first_token_8 = _count()
    first_token_9 = _count()
    first_token_10 = _count()
    first_token_11 = _count()

    objects = TotalQuerySet.as_manager()

    KEY = _KEY

    class Meta:
        verbose_name = _("total")
        verbose_name_plural = _("totals")
        constraints = (
            models.UniqueConstraint(
                fields=_KEY,
                name="total_one_a_key",
            ),
        )
        indexes = (models.Index(fields=("user", "grain", "start"), name="total_of_user"),)

    def __str__(self) -> str:
        return f"total {self.pk}"
