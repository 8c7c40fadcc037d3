"""A person's requests one by one: figures, times and how they ended. Never what was said."""

from __future__ import annotations

from django.db.models import QuerySet

from chat.models import Completion
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
    "price__currency",
)


def requests(scope: Scope) -> QuerySet[Completion]:
    """The newest first, those that still run too. By the index of a person's attempts."""
    return scope.completions().newest_first().select_related("price").only(*_SHOWN)
