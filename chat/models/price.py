"""What a model's tokens cost, and since when. A price is never changed: a later one replaces it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MILLION = 1_000_000


class PriceQuerySet(models.QuerySet["Price"]):
    def valid_at(self, moment: datetime) -> Self:
        """Prices that have begun by then, the latest first."""
        return self.filter(effective_from__lte=moment).order_by("-effective_from")

    def history(self, model: str) -> Self:
        """All of a model, the earliest first."""
        return self.filter(model=model).order_by("effective_from")

    def of(self, model: str, *, at: datetime) -> Price | None:
        """The price of a model at a moment; None where nobody has set one."""
        return self.valid_at(at).filter(model=model).first()


def _rate(label: StrOrPromise, *, null: bool = False) -> models.DecimalField[Decimal, Decimal]:
    """An amount for a million tokens."""
    return models.DecimalField(
        label,
        max_digits=12,
        decimal_places=6,
        null=null,
        blank=null,
        validators=[MinValueValidator(Decimal(0))],
    )


def _optional_rate(label: StrOrPromise) -> models.DecimalField[Decimal | None, Decimal | None]:
    return _rate(label, null=True)  # type: ignore[return-value]


class Price(models.Model):
    model = models.CharField(_("model"), max_length=200)
    effective_from = models.DateTimeField(_("valid from"), default=timezone.now)
    currency = models.CharField(
        _("currency"),
        max_length=3,
        default="USD",
        validators=[RegexValidator(r"^[A-Z]{3}\Z", _("Give its three capital letters."))],
    )
    prompt = _rate(_("a million prompt tokens"))
    # What was read from a cache; where nothing is given, as any other prompt token.
    cached = _optional_rate(_("a million cached tokens"))
    completion = _rate(_("a million completion tokens"))
    # A prompt that is longer than this costs the other rates, all of it and its answer.
    long_prompt_over = models.PositiveIntegerField(
        _("prompts over so many tokens cost more"), null=True, blank=True
    )
    long_prompt = _optional_rate(_("a million tokens of a long prompt"))
    long_cached = _optional_rate(_("a million cached tokens of a long prompt"))
    long_completion = _optional_rate(_("a million completion tokens after a long prompt"))
    source = models.CharField(
        _("where it is from"), max_length=300, blank=True, help_text=_("A contract, a page, a day.")
    )
    # One that came with evoweb, which nobody of the team has looked at.
    is_shipped = models.BooleanField(_("came with evoweb"), default=False, editable=False)
    created_at = models.DateTimeField(_("entered"), default=timezone.now, editable=False)

    objects = PriceQuerySet.as_manager()

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        constraints = (
            models.UniqueConstraint(
                fields=("model", "effective_from"), name="price_one_a_model_and_moment"
            ),
            models.CheckConstraint(
                condition=Q(
                    long_prompt_over=None,
                    long_prompt=None,
                    long_cached=None,
                    long_completion=None,
                )
                | Q(
                    long_prompt_over__isnull=False,
                    long_prompt__isnull=False,
                    long_completion__isnull=False,
                ),
                name="price_long_prompts_have_all_rates_or_none",
            ),
            models.CheckConstraint(
                condition=Q(prompt__gte=0, completion__gte=0), name="price_is_not_negative"
            ),
        )

    def __str__(self) -> str:
        return f"{self.model} {self.effective_from:%Y-%m-%d}"

    def cost(self, *, prompt: int, cached: int, output: int) -> Decimal:
        """Of one completion, in the currency's unit and exact: nothing is rounded.

        `cached` is a part of `prompt`; `output` holds the thinking.
        """
        return self.cost_of_all(
            prompt=prompt, cached=min(cached, prompt), output=output, is_long=self.is_long(prompt)
        )

    def cost_of_all(self, *, prompt: int, cached: int, output: int, is_long: bool) -> Decimal:
        """Of the tokens of several completions, whose prompts are all long, or none of them."""
        fresh_rate, cached_rate, output_rate = self.rates(is_long=is_long)
        whole = (prompt - cached) * fresh_rate + cached * cached_rate + output * output_rate
        return whole / MILLION

    def saved_by_cache(self, *, prompt: int, cached: int) -> Decimal:
        """How much more the cached tokens would have cost as any others."""
        full, reduced, _ = self.rates(is_long=self.is_long(prompt))
        return min(cached, prompt) * (full - reduced) / MILLION

    def is_long(self, prompt: int) -> bool:
        """Whether a prompt of so many tokens costs the rates for long ones."""
        return self.long_prompt_over is not None and prompt > self.long_prompt_over

    def rates(self, *, is_long: bool) -> tuple[Decimal, Decimal, Decimal]:
        """For fresh, cached and completion tokens."""
        if is_long:
            assert self.long_prompt is not None
            assert self.long_completion is not None
            cached = self.long_prompt if self.long_cached is None else self.long_cached
            return self.long_prompt, cached, self.long_completion
        return self.prompt, self.prompt if self.cached is None else self.cached, self.completion
