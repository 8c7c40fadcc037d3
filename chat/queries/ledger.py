"""The closed rows of the ledger, batch by batch, in the order in which they began.

Each batch is a short query of its own that goes on behind the last row of the one before. So a file
of any size holds neither a connection nor a moment of the database, and as a row that is closed has
one place in that order for ever, none comes twice.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, Q, TextField, Value
from django.db.models.sql.compiler import SQLCompiler

from chat.models import Completion, Correction, Price, User
from chat.models.completion import CompletionQuerySet
from chat.queries import calendar, costs, figures
from chat.queries.usage import Scope

# Rows of one query.
BATCH = 2_000


# What is read of a row, by the name it is to have: a column, or what the database makes of one.
# There are also those of `costs.VALUED` and of `figures.counted`.
Fields = Mapping[str, str | Func]


class Place(NamedTuple):
    """Of a row in the order."""

    started_at: datetime | str
    pk: int


class Written(Func):
    """A column as text that the database writes: to make a `datetime` or a `UUID` of it, and words
    of that, takes most of the time that a row takes."""

    output_field = TextField()
    on_sqlite: str
    on_postgresql: str

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template=self.on_sqlite, **context)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template=self.on_postgresql, **context)


class Plain(Written):
    """A number as the database has it: Django looks at each that it takes for one of its own."""

    on_sqlite = on_postgresql = "%(expressions)s"


class Truth(Written):
    """0 or 1."""

    on_sqlite = "%(expressions)s"
    on_postgresql = "%(expressions)s::int"


class Instant(Written):
    """A moment in UTC, as ISO 8601 has it."""

    on_sqlite = "substr(replace(%(expressions)s, ' ', 'T') || '.000000', 1, 26) || 'Z'"
    on_postgresql = (
        """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    )


class Key(Written):
    """A UUID with its dashes."""

    on_sqlite = " || '-' || ".join(
        f"substr(%(expressions)s, {start}, {length})"
        for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    )
    on_postgresql = "%(expressions)s::text"


class Joined(Func):
    """Neighbouring cells of a line of CSV, of which none needs quotes, with commas between; of what
    is null an empty one. A value that Python never sees costs it no time."""

    function = "format"
    output_field = TextField()

    def __init__(self, *cells: Func) -> None:
        super().__init__(Value(",".join(["%s"] * len(cells))), *cells)

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, Any]:
        # By this name older ones know it too.
        return self.as_sql(compiler, connection, function="printf", **context)


@dataclass(frozen=True, slots=True)
class Selection:
    """Of one person or of everybody, from one of the team's days to another, both included, or of
    what a usage page shows. What is not given is no limit.

    Only what had ended at a moment, so that attempts which end meanwhile are not in it by chance.
    """

    ended_by: datetime
    user_id: int | None = None
    start: date | None = None
    end: date | None = None
    scope: Scope | None = None

    @property
    def rows(self) -> CompletionQuerySet:
        rows = Completion.objects.all() if self.scope is None else self.scope.completions()
        rows = rows.filter(finished_at__lte=self.ended_by)
        if self.user_id is not None:
            rows = rows.filter(user_id=self.user_id)
        if self.start is not None:
            rows = rows.filter(started_at__gte=calendar.midnight(self.start))
        if self.end is not None:
            rows = rows.filter(started_at__lt=calendar.midnight(self.end + timedelta(days=1)))
        return rows


class Person(NamedTuple):
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows with the fields that were asked for, and who and which prices they speak of; the
    corrections of a row only if they were asked for."""

    rows: Sequence[Any]
    people: Mapping[int, Person]
    prices: Mapping[int | None, Price]
    corrections: Mapping[int, Sequence[Correction]]
    # Where the next batch goes on; None at the end.
    last: Place | None


def batch(
    selection: Selection, fields: Fields, *, after: Place | None, with_corrections: bool = False
) -> Batch:
    """`fields` name at least those of a place, the person, and the prices now and at the close.
    Three queries, with corrections a fourth."""
    rows = costs.valued(figures.counted(selection.rows))
    if after is not None:
        # The index by time finds its place by the first condition.
        rows = rows.filter(started_at__gte=after.started_at).exclude(
            Q(started_at=after.started_at, pk__lte=after.pk)
        )
    row_of = namedtuple("Row", fields, rename=True)._make  # type: ignore[attr-defined]
    values = rows.order_by("started_at", "pk").values_list(*fields.values())
    found = [row_of(row) for row in values[:BATCH]]
    corrected = [row.id for row in found if row.price_id != row.price_id_at_close]
    corrections = costs.corrections(corrected) if corrected and with_corrections else {}
    return Batch(
        rows=found,
        people=_people({row.user_id for row in found}),
        prices=_prices(found, corrections),
        corrections=corrections,
        last=Place(found[-1].started_at, found[-1].id) if len(found) == BATCH else None,
    )


def _prices(
    rows: Sequence[Any], corrections: Mapping[int, Sequence[Correction]]
) -> dict[int | None, Price]:
    keys = {row.price_id for row in rows} | {row.price_id_at_close for row in rows}
    keys |= {each.price_id for chain in corrections.values() for each in chain}
    return Price.objects.in_bulk(keys - {None})


def _people(ids: set[int]) -> dict[int, Person]:
    users = User.objects.filter(pk__in=ids).only("display_name", "email")
    return {user.pk: Person(user.name, user.email) for user in users}
