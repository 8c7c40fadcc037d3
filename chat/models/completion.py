"""The ledger: one row for each upstream attempt, opened before it and closed once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.completions.events import billed_output
from chat.enums import CompletionState, Source
from chat.models.literals import Literal, literals
from chat.models.money import MoneyField

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class CompletionQuerySet(models.QuerySet["Completion"]):
    def open(self) -> Self:
        return self.filter(state=Literal(CompletionState.OPEN.value))

    def final(self) -> Self:
        return self.filter(state=Literal(CompletionState.FINAL.value))

    def closed(self) -> Self:
        return self.exclude(state=CompletionState.OPEN)

    def unpriced(self) -> Self:
        """What may be billed and has no cost, nor was given one since."""
        billed = literals([CompletionState.FINAL, CompletionState.ESTIMATED])
        return self.filter(state__in=billed, cost=None, corrections=None)

    def between(self, start: datetime, end: datetime) -> Self:
        """Attempts that began in the half-open period."""
        return self.filter(started_at__gte=start, started_at__lt=end)

    def newest_first(self) -> Self:
        return self.order_by("-started_at", "-pk")


def _figure(label: StrOrPromise) -> models.PositiveBigIntegerField[int | None, int | None]:
    """A usage number as the upstream gave it: null when it gave none, which is not zero."""
    return models.PositiveBigIntegerField(label, null=True, blank=True)


class Completion(models.Model):
    # A person is erased to a pseudonym, never out of the ledger.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="completions",
        verbose_name=_("person"),
    )
    # What was spent stays spent when the conversation goes.
    conversation = models.ForeignKey(
        "chat.Conversation",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="completions",
        verbose_name=_("conversation"),
    )
    message = models.ForeignKey(
        "chat.Message",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="completions",
        verbose_name=_("message"),
    )
    # The process that asks, where there is no message that says so.
    claim = models.UUIDField(_("run by"), null=True, blank=True, editable=False)
    # Who pays, as it stood with the person when the row was opened.
    cost_centre = models.CharField(
        _("cost centre"), max_length=60, blank=True, default="", db_default=""
    )
    source = models.CharField(
        _("made for"), max_length=8, choices=Source.choices, default=Source.CHAT
    )
    state = models.CharField(
        _("state"), max_length=10, choices=CompletionState.choices, default=CompletionState.OPEN
    )
    model_asked = models.CharField(_("model asked for"), max_length=200)
    model_answered = models.CharField(_("model that answered"), max_length=200, blank=True)

    # The upstream's own words for its answer: `id`, `object`, `created` (Unix seconds), `choices`.
    upstream_id = models.CharField("id", max_length=200, blank=True)
    object = models.CharField("object", max_length=64, blank=True)
    created = models.BigIntegerField("created", null=True, blank=True)
    choices = models.PositiveSmallIntegerField(_("number of choices"), null=True, blank=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=32, blank=True)
    finish_reason = models.CharField("finish_reason", max_length=64, blank=True)
    was_stopped = models.BooleanField(_("stopped by the person"), default=False, db_default=False)
    # Characters of the answer, thinking included, that were there before this attempt: more than
    # none where it was to go on from them.
    continues_at = models.PositiveIntegerField(
        _("continues after characters"), default=0, db_default=0
    )

    # What a hard budget lets the answer have at most, which is what is held for it.
    output_limit = models.PositiveBigIntegerField(_("output tokens held"), null=True, blank=True)

    started_at = models.DateTimeField(_("begun"), default=timezone.now)
    first_token_at = models.DateTimeField(_("first token"), null=True, blank=True)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True)

    prompt_tokens = _figure("prompt_tokens")
    completion_tokens = _figure("completion_tokens")
    total_tokens = _figure("total_tokens")
    cached_tokens = _figure("prompt_tokens_details.cached_tokens")
    prompt_text_tokens = _figure("prompt_tokens_details.text_tokens")
    prompt_audio_tokens = _figure("prompt_tokens_details.audio_tokens")
    prompt_image_tokens = _figure("prompt_tokens_details.image_tokens")
    completion_text_tokens = _figure("completion_tokens_details.text_tokens")
    completion_audio_tokens = _figure("completion_tokens_details.audio_tokens")
    reasoning_tokens = _figure("completion_tokens_details.reasoning_tokens")
    input_tokens = _figure("input_tokens")
    output_tokens = _figure("output_tokens")
    usage = models.JSONField(_("usage as it came"), null=True, blank=True)

    # What an estimate rests on, and what is learned from where the figures came: characters sent
    # and read, and when the first that is no thinking came.
    prompt_characters = _figure(_("characters sent"))
    prompt_messages = _figure(_("messages sent"))
    prompt_pictures = _figure(_("pictures sent"))
    text_characters = _figure(_("characters read"))
    first_text_at = models.DateTimeField(_("first text"), null=True, blank=True)

    # What evoweb reckons when the upstream gave no usage: the likely figure and its bounds.
    estimated_prompt = _figure(_("prompt tokens, estimated"))
    estimated_prompt_low = _figure(_("prompt tokens, at least"))
    estimated_prompt_high = _figure(_("prompt tokens, at most"))
    estimated_output = _figure(_("output tokens, estimated"))
    estimated_output_low = _figure(_("output tokens, at least"))
    estimated_output_high = _figure(_("output tokens, at most"))

    # Fixed when the row is closed, by the price that was valid when it was opened. Without a price
    # that nobody set it is unknown, and null; what was refused costs nothing.
    price = models.ForeignKey(
        "chat.Price",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="completions",
        verbose_name=_("price"),
    )
    cost = MoneyField(_("cost"), null=True, blank=True)
    cost_low = MoneyField(_("cost, at least"), null=True, blank=True)
    cost_high = MoneyField(_("cost, at most"), null=True, blank=True)

    objects = CompletionQuerySet.as_manager()

    class Meta:
        verbose_name = _("completion")
        verbose_name_plural = _("completions")
        constraints = (
            models.CheckConstraint(
                condition=Q(state=CompletionState.OPEN, finished_at=None)
                | Q(~Q(state=CompletionState.OPEN), finished_at__isnull=False),
                name="completion_closed_iff_it_has_an_end",
            ),
            models.CheckConstraint(
                condition=~Q(state=CompletionState.FINAL) | Q(usage__isnull=False),
                name="completion_final_has_usage",
            ),
            models.CheckConstraint(
                condition=~Q(state=CompletionState.ESTIMATED)
                | Q(
                    estimated_output__gte=models.F("estimated_output_low"),
                    estimated_output__lte=models.F("estimated_output_high"),
                    estimated_prompt__gte=models.F("estimated_prompt_low"),
                    estimated_prompt__lte=models.F("estimated_prompt_high"),
                ),
                name="completion_estimate_lies_in_its_bounds",
            ),
            models.CheckConstraint(
                condition=Q(cost=None, cost_low=None, cost_high=None)
                | Q(
                    # A comparison with null would be true enough.
                    cost_low__isnull=False,
                    cost_high__isnull=False,
                    cost__isnull=False,
                    cost__gte=models.F("cost_low"),
                    cost__lte=models.F("cost_high"),
                ),
                name="completion_cost_lies_in_its_bounds",
            ),
            models.UniqueConstraint(
                fields=("message",),
                condition=Q(state=CompletionState.OPEN),
                name="completion_one_open_a_reply",
            ),
        )
        indexes = (
            models.Index(fields=("user", "started_at"), name="completion_of_user"),
            models.Index(fields=("started_at",), name="completion_by_time"),
            models.Index(
                fields=("model_asked", "started_at"),
                condition=Q(state=CompletionState.FINAL),
                name="completion_final_of_model",
            ),
            models.Index(
                fields=("model_asked",),
                condition=Q(
                    cost=None, state__in=(CompletionState.FINAL, CompletionState.ESTIMATED)
                ),
                name="completion_without_cost",
            ),
        )

    def __str__(self) -> str:
        return f"completion {self.pk} ({self.state})"

    @property
    def is_estimated(self) -> bool:
        return self.state == CompletionState.ESTIMATED

    @property
    def is_unknown(self) -> bool:
        """Whether it may be billed, and how many tokens is not known, or not all."""
        return self.state != CompletionState.FAILED and None in (self.prompt, self.output)

    @property
    def is_unpriced(self) -> bool:
        """Whether it may be billed, and what it costs is not known."""
        return self.state not in (CompletionState.OPEN, CompletionState.FAILED) and (
            self.cost is None
        )

    @property
    def has_parts(self) -> bool:
        """Whether the upstream's own account is there, be it of an answer that then broke off."""
        return not self.is_estimated or self.usage is not None

    @property
    def prompt(self) -> int | None:
        """Tokens in, whole: the upstream's figure, else the estimate, else unknown."""
        return prompt_of(self)

    @property
    def output(self) -> int | None:
        """Tokens out, hidden thinking included."""
        return output_of(self)

    @property
    def visible(self) -> int | None:
        """Tokens out that could be read: output without thinking."""
        if self.output is None or self.reasoning_tokens is None:
            return None
        return max(0, self.output - self.reasoning_tokens)

    @property
    def time_to_first_token(self) -> timedelta | None:
        return self.first_token_at - self.started_at if self.first_token_at else None

    @property
    def duration(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.finished_at else None


# Also for rows of the ledger that are read as tuples, because there are so many of them.


def prompt_of(row: Any) -> int | None:
    is_estimated = row.state == CompletionState.ESTIMATED
    return row.estimated_prompt if is_estimated else row.prompt_tokens  # type: ignore[no-any-return]


def output_of(row: Any) -> int | None:
    if row.state == CompletionState.ESTIMATED:
        return row.estimated_output  # type: ignore[no-any-return]
    return billed_output(
        prompt=row.prompt_tokens,
        completion=row.completion_tokens,
        total=row.total_tokens,
        reasoning=row.reasoning_tokens,
    )
