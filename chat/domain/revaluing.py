"""Past rows of the ledger get the cost that prices give them now, when somebody asks for it.

No row is edited: each gets a correction beside it, and the totals follow in the same transaction.
It goes in short batches. Who dies in the middle leaves a revaluation that goes on where it was.
"""

from __future__ import annotations

from collections import Counter
from time import monotonic
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from chat.domain import pricing, totals
from chat.domain.pricing import Valuation
from chat.domain.totals import Change
from chat.models import Completion, Correction, Price, Revaluation, User
from chat.models.budget import parts_of
from chat.queries import revaluations
from chat.queries.revaluations import Stretch

# Rows of one transaction, which on SQLite holds up everybody who writes.
BATCH = 100


class WithoutPrice(Exception):
    """Nobody has set a price for the model."""


def begin(
    *, model: str, by: User | None, reason: str, includes_priced: bool = False
) -> Revaluation:
    """Of rows without a cost; with `includes_priced` also of those that another price was taken
    for. One that is under way for the model goes on instead."""
    if not Price.objects.history(model).exists():
        raise WithoutPrice(model)
    last = Completion.objects.aggregate(last=Max("pk"))["last"] or 0
    try:
        with transaction.atomic():
            return Revaluation.objects.create(
                model=model, includes_priced=includes_priced, reason=reason, made_by=by, last=last
            )
    except IntegrityError:
        if (under_way := Revaluation.objects.under_way().of(model)) is not None:
            return under_way
        # It has ended since.
        return begin(model=model, by=by, reason=reason, includes_priced=includes_priced)


def proceed(revaluation: Revaluation, *, seconds: float) -> bool:
    """Go on for so long, by at least one batch. True when all is done."""
    end = monotonic() + seconds
    while step(revaluation):
        if monotonic() >= end:
            return False
    return True


def step(revaluation: Revaluation) -> bool:
    """The next batch. False when there is none left. What another process did meanwhile is found
    done: only one of them moves on from a row."""
    revaluation.refresh_from_db()
    if revaluation.finished_at is not None:
        return False
    stretches = revaluations.stretches(list(Price.objects.history(revaluation.model)))
    rows = _next_rows(revaluation, stretches)
    changes = _changes(rows, stretches)
    reached = rows[-1].pk if rows else revaluation.last
    with transaction.atomic():
        if _moves_on(revaluation, reached, changes):
            _write(revaluation, changes)
    return True


def _next_rows(revaluation: Revaluation, stretches: list[Stretch]) -> list[Completion]:
    rows = revaluations.concerned(
        revaluation.model, stretches, includes_priced=revaluation.includes_priced
    )
    within = rows.filter(pk__gt=revaluation.reached, pk__lte=revaluation.last)
    return list(within.order_by("pk").defer("usage")[:BATCH])


def _changes(rows: list[Completion], stretches: list[Stretch]) -> list[Change]:
    """Rows without all of their figures stay as they are: no price tells what they cost."""
    prices = Price.objects.in_bulk()
    changes = []
    for row in rows:
        price = next(each.price for each in stretches if each.holds(row.started_at))
        if (cost := pricing.cost_of(row, price)) is not None:
            changes.append((row, pricing.as_valued(row, prices), Valuation(price, cost)))
    return changes


def _moves_on(revaluation: Revaluation, reached: int, changes: list[Change]) -> bool:
    at_its_end = {"finished_at": timezone.now()} if reached == revaluation.last else {}
    return bool(
        Revaluation.objects.under_way()
        .filter(pk=revaluation.pk, reached=revaluation.reached)
        .update(reached=reached, **_sums(revaluation, changes), **at_its_end)
    )


def _sums(revaluation: Revaluation, changes: list[Change]) -> dict[str, Any]:
    """What it has changed, with these."""
    costs: list[Counter[str]] = [Counter(revaluation.before), Counter(revaluation.after)]
    for _row, *valuations in changes:
        for sums, valuation in zip(costs, valuations, strict=True):
            if valuation.price is not None and valuation.cost is not None:
                sums[valuation.price.currency] += parts_of(valuation.cost.likely)
    unknown = sum(before.cost is None for _row, before, _after in changes)
    return {
        "rows": revaluation.rows + len(changes),
        "unpriced": revaluation.unpriced + unknown,
        "before": costs[0],
        "after": costs[1],
    }


def _write(revaluation: Revaluation, changes: list[Change]) -> None:
    replaced = Correction.objects.filter(
        completion__in=[row for row, _before, _after in changes], replaced_by=None
    )
    newest = {correction.completion_id: correction for correction in replaced}
    Correction.objects.bulk_create(
        Correction(
            revaluation=revaluation,
            completion=row,
            price=after.price,
            replaces=newest.get(row.pk),
            cost=after.cost.likely,
            cost_low=after.cost.low,
            cost_high=after.cost.high,
        )
        for row, _before, after in changes
        if after.cost is not None
    )
    totals.revalue(changes)
