"""The ledger as a file, a line a completion: every column of it, who, and what was reckoned.

It is made column by column, and the database writes moments, keys and whole stretches of a line:
row by row, by `datetime` and Python's CSV writer, it takes several times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import Any

import msgspec
from django.db import models

from chat.models import Completion
from chat.models.money import DECIMALS, MoneyField
from chat.queries.costs import VALUED
from chat.queries.ledger import Batch, Fields, Instant, Joined, Key, Plain, Truth, Written
from chat.rendering.sheet import BYTE_ORDER_MARK, cell, exact

# What it makes of these is in the other columns.
LEFT_OUT = ("usage",)
STORED = {
    field.attname: field for field in Completion._meta.concrete_fields if field.name not in LEFT_OUT
}
# What a row counts with has the names of the ledger, and what it was closed with has others.
AT_CLOSE = {
    name: f"{name}_at_close" for name in ("cost", "cost_low", "cost_high", "currency", "price_id")
}
# What is not in the row itself. The tokens are those that are billed, estimates included.
ADDED = ("person", "email", "tokens_in", "tokens_out", "currency", "price_from", *AT_CLOSE.values())
HEADERS = (*STORED, *ADDED)


def _read(field: models.Field[Any, Any]) -> Written:
    if isinstance(field, models.DateTimeField):
        return Instant(field.name)
    if isinstance(getattr(field, "target_field", field), models.UUIDField):
        return Key(field.name)
    if isinstance(field, models.BooleanField):
        return Truth(field.name)
    return Plain(field.attname)


READ: Mapping[str, Written] = (
    {name: _read(field) for name, field in STORED.items()}
    | {name: Plain(name) for name in ("tokens_in", "tokens_out")}
    | {AT_CLOSE[name]: Plain(name) for name in AT_CLOSE if name in STORED}
    | {name: Plain(valued) for valued, name in VALUED.items() if name in STORED}
)
MONEY = [
    *(name for name, field in STORED.items() if isinstance(field, MoneyField)),
    *(AT_CLOSE[name] for name in ("cost", "cost_low", "cost_high")),
]
TRUTHS = [name for name, field in STORED.items() if isinstance(field, models.BooleanField)]
# Not the words that are evoweb's own.
TEXTS = (
    *(
        name
        for name, field in STORED.items()
        if isinstance(field, models.CharField) and not field.choices
    ),
    *("person", "email"),
)


def _parts() -> dict[str, Written | Joined | None]:
    """Of a line of CSV: the stretches that the database writes, and the cells between, of which
    None says that it knows nothing of them."""
    parts: dict[str, Written | Joined | None] = {}
    for is_bare, group in groupby(HEADERS, (READ.keys() - {*MONEY, *TEXTS}).__contains__):
        names = list(group)
        if is_bare:
            parts[f"{names[0]} to {names[-1]}"] = Joined(*(READ[name] for name in names))
        else:
            parts |= {name: READ.get(name) for name in names}
    return parts


PARTS = _parts()
# What Python has to know besides.
KEYS = ("id", "user_id", "started_at", "price_id", "price_id_at_close")


@lru_cache(maxsize=4096)
def _amount(parts: int | None) -> str | None:
    return None if parts is None else exact(Decimal(parts).scaleb(-DECIMALS))


def _instant(moment: datetime) -> str:
    """As the database writes those of the rows."""
    return f"{moment.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"


# Names come again in every line.
_cell = lru_cache(maxsize=4096)(cell)


class Csv:
    """For spreadsheets and scripts. What is not known is an empty cell."""

    name = "ledger.csv"
    content_type = "text/csv; charset=utf-8"
    fields: Fields = {name: READ[name] for name in KEYS} | {
        name: part for name, part in PARTS.items() if part is not None
    }
    with_corrections = False
    head = f"{BYTE_ORDER_MARK}{','.join(HEADERS)}\r\n".encode()

    def body(self, batch: Batch) -> bytes:
        columns = _columns(batch, self.fields)
        cells = [
            map(_cell, columns[name]) if name in TEXTS else [value or "" for value in columns[name]]
            for name in PARTS
        ]
        return "".join(f"{','.join(line)}\r\n" for line in zip(*cells, strict=True)).encode()


class JsonLines:
    """For programs. Amounts are strings: as numbers most would make floats of them."""

    name = "ledger.jsonl"
    content_type = "application/jsonl; charset=utf-8"
    fields: Fields = READ
    with_corrections = False
    head = b""

    def body(self, batch: Batch) -> bytes:
        columns = _columns(batch, self.fields)
        columns |= {name: map(bool, columns[name]) for name in TRUTHS}
        lines = zip(*(columns[name] for name in HEADERS), strict=True)
        return _json.encode_lines([dict(zip(HEADERS, line, strict=True)) for line in lines])


_json = msgspec.json.Encoder()


def _columns(batch: Batch, fields: Fields) -> dict[str, Iterable[Any]]:
    rows, prices = batch.rows, batch.prices
    people = [batch.people[row.user_id] for row in rows]
    currencies = {key: price.currency for key, price in prices.items()}
    dates = {key: _instant(price.effective_from) for key, price in prices.items()}
    columns = dict(zip(fields, zip(*rows, strict=True), strict=True))
    return (
        columns
        | {name: map(_amount, columns[name]) for name in MONEY}
        | {
            "person": [person.name for person in people],
            "email": [person.email for person in people],
            "currency": map(currencies.get, columns["price_id"]),
            "currency_at_close": map(currencies.get, columns["price_id_at_close"]),
            "price_from": map(dates.get, columns["price_id"]),
        }
    )
