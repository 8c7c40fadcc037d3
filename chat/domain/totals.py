"""The sums of the ledger: each closed row is added, and they can be compared with the ledger.

All changes are additions, in one statement each. So several processes may add at once, and what is
wrong is mended by adding the difference, while others go on adding.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import connection, models
from django.db.models import Q, Sum
from django.utils import timezone

from chat.domain import pricing
from chat.domain.pricing import Valuation
from chat.enums import CompletionState, Grain
from chat.models import Completion, Conversation, Price, Total
from chat.models.literals import literals
from chat.models.total import (
    BOUNDS,
    COUNTS,
    FIRST_TOKEN_COUNTERS,
    NO_CONVERSATION,
    SUMS,
    first_token_counter,
)
from chat.queries import calendar, costs
from chat.queries.snapshot import snapshot

MONEY = ("cost", "cost_low", "cost_high", "saved_by_cache")
ADDED = COUNTS + SUMS + BOUNDS + MONEY + FIRST_TOKEN_COUNTERS
# Rows of one statement: SQLite takes 32,766 parameters.
AT_ONCE = 500


class Key(NamedTuple):
    """What totals are kept by, in the order of `Total.KEY`."""

    grain: Grain
    start: datetime
    user: int
    model: str
    source: str
    cost_centre: str
    conversation: UUID
    currency: str


Amounts = dict[str, Any]
Sums = dict[Key, Amounts]
# A row, what it counted with, and what it counts with from now on.
Change = tuple[Completion, Valuation, Valuation]
T = TypeVar("T")

_LONGEST_FIRST = (Grain.MONTH, Grain.DAY, Grain.TALK, Grain.HOUR)


def post(row: Completion) -> None:
    """Add a row that was closed in this transaction."""
    valuation = pricing.as_closed(row)
    amounts = _amounts(row, valuation)
    _add(dict.fromkeys(_keys(row, valuation), amounts))


def collect(row: Completion, *, into: Sums) -> None:
    """Add a closed row to sums in memory."""
    _sum_up(into, row, pricing.as_closed(row))


def post_sums(sums: Sums) -> None:
    """Add as many as there are, in several transactions."""
    for some in _batched(sums.items(), AT_ONCE):
        _add(dict(some))


def revalue(changes: Iterable[Change]) -> None:
    """Let rows count with something else than before, in the transaction that says so."""
    sums: Sums = {}
    for row, before, after in changes:
        _sum_up(sums, row, before, sign=-1)
        _sum_up(sums, row, after)
    for keys in _batched(sorted(sums, key=_order), AT_ONCE):
        _add({key: sums[key] for key in keys})
    left = [key for key in sums if sums[key]["completions"] < 0]
    Total.objects.filter(
        grain__in=literals(Grain.values),
        start__in={key.start for key in left},
        user__in={key.user for key in left},
        completions=0,
    ).delete()


def _sum_up(sums: Sums, row: Completion, valuation: Valuation, *, sign: int = 1) -> None:
    amounts = _amounts(row, valuation)
    for key in _keys(row, valuation):
        _sum_into(sums, key, amounts, sign=sign)


def _sum_into(sums: Sums, key: Key, amounts: Amounts, *, sign: int = 1) -> None:
    whole = sums.setdefault(key, {})
    for name, amount in amounts.items():
        if amount is not None:
            whole[name] = whole.get(name, 0) + sign * amount


def _order(key: Key) -> tuple[int, Key]:
    """In which everybody takes totals: in another two could wait for each other."""
    return _LONGEST_FIRST.index(key.grain), key


def _keys(row: Completion, valuation: Valuation) -> Iterator[Key]:
    """The longest stretch first: whoever adds takes the rows in this order."""
    for grain, start in _starts(row.started_at):
        yield Key(
            grain=grain,
            start=start,
            user=row.user_id,
            model=row.model_asked,
            source=row.source,
            cost_centre=row.cost_centre,
            conversation=_conversation_of(row, grain),
            currency=valuation.price.currency if valuation.price is not None else "",
        )


def _conversation_of(row: Completion, grain: Grain) -> UUID:
    return (grain == Grain.TALK and row.conversation_id) or NO_CONVERSATION


def _starts(moment: datetime) -> tuple[tuple[Grain, datetime], ...]:
    """When the team's month, day and hour began in which this moment lies."""
    day = calendar.today(moment)
    midnight = calendar.midnight(day)
    return (
        (Grain.MONTH, calendar.midnight(calendar.first_of_month(day))),
        (Grain.DAY, midnight),
        (Grain.TALK, midnight),
        (Grain.HOUR, calendar.hour_of(moment)),
    )


def _amounts(row: Completion, valuation: Valuation) -> Amounts:
    amounts: Amounts = {
        "completions": 1,
        "estimated": int(row.is_estimated),
        "failed": int(row.state == CompletionState.FAILED),
        "stopped": int(row.was_stopped),
        "unknown": int(row.is_unknown),
        "unpriced": int(valuation.cost is None and row.state != CompletionState.FAILED),
        "prompt_tokens": row.prompt,
        "output_tokens": row.output,
        "prompt_low": (row.estimated_prompt_low if row.is_estimated else row.prompt) or 0,
        "prompt_high": (row.estimated_prompt_high if row.is_estimated else row.prompt) or 0,
        "output_low": (row.estimated_output_low if row.is_estimated else row.output) or 0,
        "output_high": (row.estimated_output_high if row.is_estimated else row.output) or 0,
    }
    if not row.is_estimated:
        # Of an answer that broke off they are those so far, and its estimate is more.
        amounts |= {
            "cached_tokens": row.cached_tokens,
            "reasoning_tokens": row.reasoning_tokens,
        }
    if (cost := valuation.cost) is not None:
        amounts |= {"cost": cost.likely, "cost_low": cost.low, "cost_high": cost.high}
        if valuation.price is not None and row.cached_tokens and row.prompt is not None:
            amounts["saved_by_cache"] = valuation.price.saved_by_cache(
                prompt=row.prompt, cached=row.cached_tokens
            )
    if (took := row.time_to_first_token) is not None:
        amounts[first_token_counter(took)] = 1
    return amounts


# In one statement, whether the row is there or not


def _batched(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    waiting = iter(items)
    while batch := list(islice(waiting, size)):
        yield batch


def _add(additions: Mapping[Key, Amounts]) -> None:
    """Of at most `AT_ONCE` totals."""
    key_fields, added_fields = _fields()
    # One row is added to several totals.
    written: dict[int, list[Any]] = {}
    values: list[Any] = []
    for key, amounts in additions.items():
        values += map(_prepared, key_fields, key)
        if id(amounts) not in written:
            written[id(amounts)] = [
                _prepared(field, amounts[field.name])
                if field.name in amounts
                else _nothing(field.name)
                for field in added_fields
            ]
        values += written[id(amounts)]
    with connection.cursor() as cursor:
        cursor.execute(_statement(len(additions)), values)


def _prepared(field: models.Field[Any, Any], value: Any) -> Any:
    """As the database takes it; words and numbers, which are nearly all, it takes as they are."""
    if isinstance(value, (datetime, Decimal, UUID)):
        return field.get_db_prep_save(value, connection)
    return value


@functools.cache
def _fields() -> tuple[list[models.Field[Any, Any]], list[models.Field[Any, Any]]]:
    by_name = {field.name: field for field in Total._meta.concrete_fields}
    return [by_name[name] for name in Total.KEY], [by_name[name] for name in ADDED]


@functools.lru_cache(maxsize=8)
def _statement(rows: int) -> str:
    key_fields, added_fields = _fields()
    key = [str(field.column) for field in key_fields]
    added = [str(field.column) for field in added_fields]
    row = f"({', '.join(['%s'] * len(key + added))})"
    return (
        f"INSERT INTO {Total._meta.db_table} ({', '.join(key + added)}) "  # noqa: S608 - no values
        f"VALUES {', '.join([row] * rows)} "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(map(_added, added))}"
    )


def _nothing(name: str) -> int | None:
    return None if name in SUMS else 0


def _added(column: str) -> str:
    """What there is and what comes; a sum without a figure on one side is that of the other."""
    there, comes = f"{Total._meta.db_table}.{column}", f"excluded.{column}"
    return f"{column} = COALESCE({there} + {comes}, {there}, {comes})"


# Compared with the ledger


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a total is not what the ledger adds up to: what of it is missing (or too much)."""

    key: Key
    missing: Amounts


def differences() -> Iterator[Difference]:
    """Compare every total with the ledger, a month at a time. Holds up nobody who adds."""
    for month in _months():
        yield from _differences_of(month)


def mend() -> int:
    """Add what is missing, while others go on adding; but nobody else may mend. Gives how many
    totals were wrong."""
    mended = 0
    for found in _batched(differences(), AT_ONCE):
        _add({difference.key: difference.missing for difference in found})
        mended += len(found)
    if mended:
        Total.objects.filter(completions=0).delete()
    return mended


def add_up_once() -> None:
    """For a ledger that is older than its totals, or than those of conversations. Takes two
    minutes for a million rows; one that did not come to its end is begun again, because it goes by
    the time and the last day is not whole."""
    last = Completion.objects.closed().order_by("-started_at").first()
    if last is None:
        return
    day = Total.objects.filter(start=calendar.midnight(calendar.today(last.started_at)))
    both = day.filter(grain__in=literals([Grain.DAY, Grain.TALK]))
    whole = Sum("completions", filter=Q(grain=Grain.DAY))
    apart = Sum("completions", filter=Q(grain=Grain.TALK))
    found = both.aggregate(whole=whole, apart=apart)
    if found["whole"] is None or found["whole"] != found["apart"]:
        mend()


def _differences_of(month: date) -> list[Difference]:
    with snapshot():
        there, in_ledger = _kept(month), _in_ledger(month)
    return [
        Difference(key, missing)
        for key in sorted(there.keys() | in_ledger.keys(), key=_order)
        if (missing := _missing(there.get(key, {}), in_ledger.get(key, {})))
    ]


def _missing(there: Amounts, in_ledger: Amounts) -> Amounts:
    missing = {}
    for name in ADDED:
        kept, right = there.get(name), in_ledger.get(name)
        # A sum that is known to be nothing is not the same as one that is not known.
        if (kept or 0) != (right or 0) or (kept is None and right is not None):
            missing[name] = (right or 0) - (kept or 0)
    return missing


def _kept(month: date) -> Sums:
    begun, ended = _moments(month)
    rows = Total.objects.filter(start__gte=begun, start__lt=ended)
    kept: Sums = {}
    for values in rows.values_list(*Total.KEY, *ADDED):
        grain, start, *rest = values[: len(Total.KEY)]
        key = Key(Grain(grain), start.astimezone(UTC), *rest)
        kept[key] = dict(zip(ADDED, values[len(Total.KEY) :], strict=True))
    return _without_the_gone(kept)


def _without_the_gone(kept: Sums) -> Sums:
    """The ledger forgets a conversation that is deleted for good; its totals do not."""
    there = Conversation.objects.values_list("pk", flat=True)
    gone = {key.conversation for key in kept} - set(there) - {NO_CONVERSATION}
    sums: Sums = {}
    for key, amounts in kept.items():
        if key.conversation in gone:
            _sum_into(sums, key._replace(conversation=NO_CONVERSATION), amounts)
        else:
            _sum_into(sums, key, amounts)
    return sums


def _in_ledger(month: date) -> Sums:
    rows = costs.valued(Completion.objects.closed().between(*_moments(month)))
    prices = Price.objects.in_bulk()
    sums: Sums = {}
    for row in rows.defer("usage").iterator():
        _sum_up(sums, row, pricing.as_valued(row, prices))
    return sums


def _months() -> list[date]:
    """By their first days, those in which something began, or for which there is a total."""
    zone = timezone.get_default_timezone()
    begun = Completion.objects.closed().datetimes("started_at", "month", tzinfo=zone)
    kept = Total.objects.values_list("start", flat=True).distinct()
    return sorted({calendar.first_of_month(calendar.today(moment)) for moment in (*begun, *kept)})


def _moments(month: date) -> tuple[datetime, datetime]:
    return calendar.midnight(month), calendar.midnight(calendar.next_month(month))
