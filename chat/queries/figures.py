"""What `Completion` says of its tokens, as the database reckons it."""

from __future__ import annotations

from typing import Any

from django.db.models import BigIntegerField, Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Greatest, Least, NullIf

from chat.enums import CompletionState
from chat.models.completion import CompletionQuerySet

_COUNT = BigIntegerField()
_NONE = Value(-1, output_field=_COUNT)
_ZERO = Value(0, output_field=_COUNT)
_is_estimated = Q(state=CompletionState.ESTIMATED)
_beyond_the_prompt = Case(
    When(total_tokens__gt=F("prompt_tokens"), then=F("total_tokens") - F("prompt_tokens")),
    default=_NONE,
    output_field=_COUNT,
)
_billed = Greatest(
    Coalesce("completion_tokens", _NONE, output_field=_COUNT),
    Coalesce("reasoning_tokens", _NONE, output_field=_COUNT),
    _beyond_the_prompt,
    output_field=_COUNT,
)
_PROMPT = Case(
    When(_is_estimated, then="estimated_prompt"), default="prompt_tokens", output_field=_COUNT
)
_OUTPUT = Case(
    When(_is_estimated, then="estimated_output"),
    default=NullIf(_billed, _NONE),
    output_field=_COUNT,
)
_CACHED = Least(
    Coalesce("cached_tokens", _ZERO, output_field=_COUNT), F("tokens_in"), output_field=_COUNT
)


def counted(rows: CompletionQuerySet) -> CompletionQuerySet:
    """Annotate `tokens_in` and `tokens_out`, null where they are not known."""
    return rows.annotate(tokens_in=_PROMPT, tokens_out=_OUTPUT)


def with_tokens(rows: CompletionQuerySet) -> CompletionQuerySet:
    """With `tokens_cached` too; without what lacks tokens in or out, and what was refused."""
    figures: Any = counted(rows.closed().exclude(state=CompletionState.FAILED))
    known = figures.filter(tokens_in__isnull=False, tokens_out__isnull=False)
    return known.annotate(tokens_cached=_CACHED)  # type: ignore[no-any-return]
