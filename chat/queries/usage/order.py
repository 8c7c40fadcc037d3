"""In which order the rows of a table stand, and which of them are looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from chat.models import User
from chat.queries.usage.rows import Row


def named(row: Row) -> Any:
    """What it is told apart by, as it is read."""
    if row.day is not None:
        return row.day
    if row.hour is not None:
        return row.hour
    if row.user is not None:
        return row.user.name.casefold()
    title = row.conversation.title if row.conversation else ""
    return (row.group or row.model or row.source or row.cost_centre or title).casefold()


COLUMNS: dict[str, Callable[[Row], Any]] = {
    "name": named,
    "cost": lambda row: row.cost,
    "requests": lambda row: row.completions,
    "in": lambda row: row.prompt_tokens,
    "cached": lambda row: row.cached_tokens,
    "out": lambda row: row.output_tokens,
    "thinking": lambda row: row.reasoning_tokens,
    "failed": lambda row: _share(row.failed, row),
    "stopped": lambda row: _share(row.stopped, row),
    "estimated": lambda row: _share(row.estimated, row),
    "p50": lambda row: row.first_token_p50,
    "p95": lambda row: row.first_token_p95,
}


def arranged(rows: Iterable[Row], sort: str) -> list[Row]:
    """By a column, or with a minus before its name from the most to the least. What is unknown
    comes last. By no column as they are."""
    rows = list(rows)
    if (column := COLUMNS.get(sort.removeprefix("-"))) is None:
        return rows
    known = [row for row in rows if column(row) is not None]
    unknown = [row for row in rows if column(row) is None]
    return sorted(known, key=column, reverse=sort.startswith("-")) + unknown


def is_like(user: User | None, words: str) -> bool:
    """Whether these words are in the name or the address."""
    wanted = words.casefold()
    return user is not None and (wanted in user.name.casefold() or wanted in user.email.casefold())


def _share(part: int, row: Row) -> Decimal | None:
    return Decimal(part) / row.completions if row.completions else None
