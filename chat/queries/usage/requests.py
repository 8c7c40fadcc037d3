"""A person's requests one by one: figures, times and how they ended. Never what was said."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from chat.models import Correction
from chat.models.completion import CompletionQuerySet
from chat.queries import costs
from chat.queries.usage.scope import Scope

_SHOWN = (
    "state",
    "model_asked",
    "source",
    "error",
    "was_stopped",
    "finish_reason",
    "started_at",
    "first_token_at",
    "finished_at",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "estimated_prompt",
    "estimated_output",
    "cost",
)


def requests(scope: Scope) -> CompletionQuerySet:
    """The newest first, those that still run too, with what each counts with and whether that
    `is_corrected`. By the index of a person's attempts."""
    rows = scope.completions().newest_first().only(*_SHOWN)
    corrected = Exists(Correction.objects.filter(completion=OuterRef("pk")))
    valued = costs.valued(rows, "valued_cost", "valued_currency")
    return valued.annotate(is_corrected=corrected)
