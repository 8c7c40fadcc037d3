"""What a person's conversations used: read from the ledger, as totals do not tell them apart."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, Sum

from chat.enums import CompletionState
from chat.models import Conversation
from chat.queries.figures import counted
from chat.queries.usage.rows import Row, merged
from chat.queries.usage.scope import Scope

_is_estimated = Q(state=CompletionState.ESTIMATED)
_may_be_billed = ~Q(state=CompletionState.FAILED)
_FIGURES = {
    "completions": Count("pk"),
    "estimated": Count("pk", filter=_is_estimated),
    "failed": Count("pk", filter=~_may_be_billed),
    "stopped": Count("pk", filter=Q(was_stopped=True)),
    "unknown": Count("pk", filter=_may_be_billed & Q(Q(tokens_in=None) | Q(tokens_out=None))),
    "unpriced": Count("pk", filter=_may_be_billed & Q(cost=None)),
    "prompt_tokens": Sum("tokens_in"),
    "output_tokens": Sum("tokens_out"),
    "cached_tokens": Sum("cached_tokens", filter=~_is_estimated),
    "reasoning_tokens": Sum("reasoning_tokens", filter=~_is_estimated),
}


def by_conversation(scope: Scope) -> list[Row]:
    """Those that the person of the scope may see, and all the others together as a row without
    one. Two queries, of which the long one goes by the index of that person's attempts."""
    assert scope.user is not None
    rows = counted(scope.completions().closed())
    by = ("conversation", "price__currency")
    sums = {f"sum_{name}": figure for name, figure in (_FIGURES | {"cost": Sum("cost")}).items()}
    found = list(rows.values(*by).annotate(**sums).order_by(*by))
    visible = Conversation.objects.visible_to(scope.user).only("id", "title")
    shown = visible.in_bulk({line["conversation"] for line in found if line["conversation"]})
    parts = [Row(conversation=shown.get(line["conversation"]), **_figures(line)) for line in found]
    return merged(parts, lambda row: (row.key, row.currency))


def _figures(line: dict[str, Any]) -> dict[str, Any]:
    figures = {name: line[f"sum_{name}"] for name in _FIGURES}
    if line["price__currency"]:
        figures["costs"] = ((line["price__currency"], line["sum_cost"] or 0),)
    return figures
