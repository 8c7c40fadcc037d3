"""The ledger as a file, a line a completion: every column of it, who, and what was reckoned.

It is made column by column, and the database writes the moments: row by row, by `datetime` and
Python's CSV writer, it takes twice as long.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
from django.db import models
from django.db.models.functions import Cast

from chat.models import Completion
from chat.models.completion import output_of, prompt_of
from chat.models.money import DECIMALS, MoneyField
from chat.queries.ledger import Batch, Fields, Instant, Key
from chat.rendering.sheet import BYTE_ORDER_MARK, cell, exact

# What it makes of these is in the other columns.
LEFT_OUT = ("usage",)
STORED = {
    field.attname: field for field in Completion._meta.concrete_fields if field.name not in LEFT_OUT
}
# What is not in the row itself. The tokens are those that are billed, estimates included.
ADDED = ("person", "email", "tokens_in", "tokens_out", "currency", "price_from")
HEADERS = (*STORED, *ADDED)


def _read(field: models.Field[Any, Any]) -> str | models.Func:
    if isinstance(field, models.DateTimeField):
        return Instant(field.name)
    if isinstance(getattr(field, "target_field", field), models.UUIDField):
        return Key(field.name)
    if isinstance(field, MoneyField):
        return Cast(field.name, models.BigIntegerField())
    if isinstance(field, models.BooleanField):
        return Cast(field.name, models.IntegerField())
    return field.attname


FIELDS: Fields = {name: _read(field) for name, field in STORED.items()}


def _of_kind(*kinds: type[models.Field[Any, Any]]) -> list[str]:
    return [name for name, field in STORED.items() if isinstance(field, kinds)]


MONEY = _of_kind(MoneyField)
TRUTHS = _of_kind(models.BooleanField)
TEXTS = (*_of_kind(models.CharField), "person", "email")


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
    fields = FIELDS
    head = f"{BYTE_ORDER_MARK}{','.join(HEADERS)}\r\n".encode()

    def body(self, batch: Batch) -> bytes:
        cells = [
            map(_cell, values)
            if name in TEXTS
            else ["" if value is None else str(value) for value in values]
            for name, values in _columns(batch).items()
        ]
        return "".join(f"{','.join(line)}\r\n" for line in zip(*cells, strict=True)).encode()


class JsonLines:
    """For programs. Amounts are strings: as numbers most would make floats of them."""

    name = "ledger.jsonl"
    content_type = "application/jsonl; charset=utf-8"
    fields = FIELDS
    head = b""

    def body(self, batch: Batch) -> bytes:
        columns = _columns(batch)
        columns |= {name: map(bool, columns[name]) for name in TRUTHS}
        lines = zip(*columns.values(), strict=True)
        return _json.encode_lines([dict(zip(columns, line, strict=True)) for line in lines])


_json = msgspec.json.Encoder()


def _columns(batch: Batch) -> dict[str, Iterable[Any]]:
    rows, prices = batch.rows, batch.prices
    people = [batch.people[row.user_id] for row in rows]
    currencies = {key: price.currency for key, price in prices.items()}
    dates = {key: _instant(price.effective_from) for key, price in prices.items()}
    columns = dict(zip(STORED, zip(*rows, strict=True), strict=False))
    return (
        columns
        | {name: map(_amount, columns[name]) for name in MONEY}
        | {
            "person": [person.name for person in people],
            "email": [person.email for person in people],
            "tokens_in": map(prompt_of, rows),
            "tokens_out": map(output_of, rows),
            "currency": map(currencies.get, columns["price_id"]),
            "price_from": map(dates.get, columns["price_id"]),
        }
    )
