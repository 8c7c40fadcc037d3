"""What a person's conversations used: in order and a page at a time, because there are many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, overload
from uuid import UUID

from django.db.models import Case, Count, Exists, F, Func, OuterRef, Q, Subquery, Sum, When, Window
from django.db.models.functions import Coalesce, Lower

from chat.enums import Grain
from chat.models import Conversation
from chat.queries.usage.rows import Row, figures, lines, merged
from chat.queries.usage.scope import Scope

# As many as a page shows.
FIRST = 50
# By the names of columns; what is unknown is null.
_COLUMNS: dict[str, Any] = {
    "cost": Case(When(unpriced_or_failed__lt=F("requests"), then=Sum("cost"))),
    "requests": Sum("completions"),
    "in": Sum("prompt_tokens"),
    "cached": Sum("cached_tokens"),
    "out": Sum("output_tokens"),
    "thinking": Sum("reasoning_tokens"),
}


class _SumOfSums(Func):
    """Over the rows of a query that sums itself, which Django's own does not take."""

    function = "SUM"
    window_compatible = True


class Conversations(Sequence[Row]):
    """Those that the person of the scope may see, and last of all the others together as a row
    without one. The first of them take two queries with their number; further ones another, and
    the row of the others one more."""

    def __init__(self, scope: Scope, sort: str, *, requests: int) -> None:
        """`requests` is how many the scope has in all."""
        assert scope.user is not None
        self._sort, self._requests = sort, requests
        self._totals: Any = scope.totals(Grain.TALK)
        visible = Conversation.objects.visible_to(scope.user).filter(pk=OuterRef("conversation"))
        self._is_visible = Exists(visible)
        self._title = Subquery(visible.values("title"))

    def __len__(self) -> int:
        return self._visible + self._has_others

    def __iter__(self) -> Iterator[Row]:
        return iter(self[:])

    @overload
    def __getitem__(self, part: int) -> Row: ...
    @overload
    def __getitem__(self, part: slice) -> list[Row]: ...
    def __getitem__(self, part: int | slice) -> Row | list[Row]:
        rows = self._read(part if isinstance(part, slice) else slice(part, part + 1))
        rows = merged(rows, lambda row: row.key)
        return rows if isinstance(part, slice) else rows[0]

    def parts(self) -> Iterator[Row]:
        """A row for each currency of each of them."""
        yield from self._read(slice(None))

    @property
    def _visible(self) -> int:
        return self._first[0]["count"] if self._first else 0

    @property
    def _has_others(self) -> bool:
        return self._requests > (self._first[0]["made"] if self._first else 0)

    @cached_property
    def _first(self) -> list[dict[str, Any]]:
        """Each with how many there are in all, and how many requests were made in them."""
        counts = {"count": Window(Count("*")), "made": Window(_SumOfSums("requests"))}
        return list(self._in_order().annotate(**counts)[:FIRST])

    def _read(self, part: slice) -> list[Row]:
        is_begun = part.stop is not None and part.stop <= FIRST
        lines_in_order = self._first[part] if is_begun else self._in_order()[part]
        in_order = [line["conversation"] for line in lines_in_order]
        found: dict[UUID, list[Row]] = defaultdict(list)
        shown = self._totals.filter(
            self._is_visible if part == slice(None) else Q(conversation__in=in_order)
        )
        for line in lines(shown.annotate(title=self._title), "conversation", "title"):
            conversation = Conversation(pk=line["conversation"], title=line["title"])
            found[conversation.pk].append(Row(conversation=conversation, **figures(line)))
        rows = [row for each in in_order for row in found[each]]
        if self._has_others and self._visible in range(len(self))[part]:
            others = self._totals.exclude(self._is_visible)
            rows += [Row(**figures(line)) for line in lines(others)]
        return rows

    def _in_order(self) -> Any:
        """Those that are visible. What cost most comes first, and what is unknown last."""
        columns = _COLUMNS | {"name": Lower(self._title)}
        rows = (
            self._totals.filter(self._is_visible)
            .values("conversation")
            .annotate(
                requests=Sum("completions"),
                unpriced_or_failed=Sum("unpriced") + Sum("failed"),
                money=Sum("cost"),
                tokens=Coalesce(Sum("prompt_tokens"), 0) + Coalesce(Sum("output_tokens"), 0),
            )
        )
        order = [F("money").desc(), F("tokens").desc(), F("conversation").asc()]
        if (column := self._sort.removeprefix("-")) in columns:
            rows, by = rows.annotate(by=columns[column]), F("by")
            is_down = self._sort.startswith("-")
            order.insert(0, by.desc(nulls_last=True) if is_down else by.asc(nulls_last=True))
        return rows.order_by(*order)
