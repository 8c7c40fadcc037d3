"""What a person's conversations used: in order and a page at a time, because there are many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, overload
from uuid import UUID

from django.db.models import Case, Count, Exists, F, OuterRef, Subquery, Sum, When
from django.db.models.functions import Coalesce, Lower

from chat.enums import Grain
from chat.models import Conversation
from chat.models.total import NO_CONVERSATION
from chat.queries.usage.rows import Row, figures, lines, merged
from chat.queries.usage.scope import Scope

# By the names of columns; what is unknown is null.
_COLUMNS: dict[str, Any] = {
    "cost": Case(When(unpriced_or_failed__lt=F("requests"), then=Sum("cost"))),
    "requests": Sum("completions"),
    "in": Sum("prompt_tokens"),
    "cached": Sum("cached_tokens"),
    "out": Sum("output_tokens"),
    "thinking": Sum("reasoning_tokens"),
}


class Conversations(Sequence[Row]):
    """Those that the person of the scope may see, and last of all the others together as a row
    without one. Its length takes a query, and each part of it two."""

    def __init__(self, scope: Scope, sort: str = "") -> None:
        assert scope.user is not None
        self._scope, self._sort = scope, sort
        self._visible = Conversation.objects.visible_to(scope.user)

    def __len__(self) -> int:
        return self._count

    @cached_property
    def _count(self) -> int:
        count: int = self._totals().aggregate(n=Count("place", distinct=True))["n"]
        return count

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

    def _read(self, part: slice) -> list[Row]:
        places = list(self._in_order()[part])
        found: dict[UUID, list[Row]] = defaultdict(list)
        totals = self._totals().annotate(title=self._title)
        shown = totals if part == slice(None) else totals.filter(place__in=places)
        for line in lines(shown, "place", "title"):
            place, title = line["place"], line["title"]
            conversation = None if title is None else Conversation(pk=place, title=title)
            found[place].append(Row(conversation=conversation, **figures(line)))
        return [row for place in places for row in found[place]]

    @property
    def _title(self) -> Subquery:
        return Subquery(self._visible.filter(pk=OuterRef("place")).values("title"))

    def _totals(self) -> Any:
        """With the place of each in the table: its conversation, or that of all the others."""
        is_visible = Exists(self._visible.filter(pk=OuterRef("conversation")))
        place = Case(When(is_visible, then=F("conversation")), default=NO_CONVERSATION)
        return self._scope.totals(Grain.TALK).annotate(place=place)

    def _in_order(self) -> Any:
        """What cost most comes first, and what is unknown last."""
        columns = _COLUMNS | {"name": Lower(self._title)}
        places = (
            self._totals()
            .values("place")
            .annotate(
                is_rest=Case(When(place=NO_CONVERSATION, then=1), default=0),
                requests=Sum("completions"),
                unpriced_or_failed=Sum("unpriced") + Sum("failed"),
                money=Sum("cost"),
                tokens=Coalesce(Sum("prompt_tokens"), 0) + Coalesce(Sum("output_tokens"), 0),
            )
        )
        order = [F("is_rest").asc(), F("money").desc(), F("tokens").desc(), F("place").asc()]
        if (column := self._sort.removeprefix("-")) in columns:
            places, by = places.annotate(by=columns[column]), F("by")
            is_down = self._sort.startswith("-")
            order.insert(1, by.desc(nulls_last=True) if is_down else by.asc(nulls_last=True))
        return places.order_by(*order).values_list("place", flat=True)
