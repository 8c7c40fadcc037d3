"""What a row of the ledger counts with: by the newest of its corrections, else as it was closed.

Whoever reads costs of rows reads them through `valued`; the row's own fields are history.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from django.db.models import BigIntegerField, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from chat.models import Correction
from chat.models.completion import CompletionQuerySet

# What counts, by the name it is read under, and where it stands in a row and in a correction.
VALUED = {
    "valued_price": "price_id",
    "valued_currency": "price__currency",
    "valued_cost": "cost",
    "valued_low": "cost_low",
    "valued_high": "cost_high",
}


def valued(rows: CompletionQuerySet, *names: str) -> CompletionQuerySet:
    """Annotate what each row counts with; all of `VALUED`, or those that are named."""
    newest = Correction.objects.filter(completion=OuterRef("pk"), replaced_by=None)
    return rows.annotate(**{name: _valued(newest, VALUED[name]) for name in names or VALUED})


def corrections(rows: Iterable[int]) -> Mapping[int, Sequence[Correction]]:
    """Of rows by their keys, the earliest of each first. One query, with their revaluations."""
    found = Correction.objects.filter(completion__in=rows).select_related("revaluation")
    of_rows: dict[int, list[Correction]] = defaultdict(list)
    for correction in found.order_by("pk"):
        of_rows[correction.completion_id].append(correction)
    return of_rows


def _valued(newest: QuerySet[Correction], name: str) -> Coalesce:
    # A key of a price is a number to the database.
    kind = {"output_field": BigIntegerField()} if name == "price_id" else {}
    return Coalesce(Subquery(newest.values(name)[:1]), F(name), **kind)
