"""Files of the ledger, piece by piece: each is read and written by itself, whatever came before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from chat.queries import ledger
from chat.queries.ledger import Batch, Fields, Place, Selection
from chat.rendering.focus import Focus
from chat.rendering.ledger import Csv, JsonLines


class Format(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def content_type(self) -> str: ...
    @property
    def fields(self) -> Fields:
        """What it needs of a row."""

    @property
    def with_corrections(self) -> bool:
        """Whether it tells them one by one."""

    @property
    def head(self) -> bytes:
        """What stands before the first row."""

    def body(self, batch: Batch) -> bytes:
        """Of at least one row."""


FORMATS: Mapping[str, Format] = {"csv": Csv(), "jsonl": JsonLines(), "focus": Focus()}


def piece(
    kind: Format, selection: Selection, after: Place | None = None
) -> tuple[bytes, Place | None]:
    """The rows that follow a place, and where they end; None if they are the last."""
    batch = ledger.batch(
        selection, kind.fields, after=after, with_corrections=kind.with_corrections
    )
    return kind.body(batch) if batch.rows else b"", batch.last


def pieces(kind: Format, selection: Selection) -> Iterator[bytes]:
    """All of a file."""
    yield kind.head
    body, last = piece(kind, selection)
    yield body
    while last is not None:
        body, last = piece(kind, selection, last)
        yield body
