"""A usage report as CSV, for spreadsheets and scripts."""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from chat.queries import calendar, usage
from chat.queries.usage import Row, Scope

# The upstream's words, the same in every language: scripts look for them.
HEADERS = (
    "day",
    "person",
    "email",
    "model",
    "completions",
    "prompt_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cached_tokens",
    "total_tokens",
    "completions_estimated",
    "completions_without_figures",
    "cost",
    "currency",
    "completions_without_price",
)
# Where spreadsheets would see the beginning of a formula, be its signs in full width: at the start
# of a cell, and behind whatever a country's settings take for the end of one.
_FORMULA = re.compile(
    "(^|[;,|\\t\\r\\n])(?=[\\s\u200b-\u200d\u2060\ufeff]*[=+@＝＋－＠-]|[\\t\\r\\n])"
)
_SPECIAL = re.compile('[",\\r\\n]')
QUOTE = '"'
# Without it Excel takes the file for one in the encoding of its country, and spoils names.
BYTE_ORDER_MARK = "\ufeff"
HEAD = f"{BYTE_ORDER_MARK}{','.join(HEADERS)}\r\n".encode()


def piece(scope: Scope, left: Scope | None) -> tuple[bytes, Scope | None]:
    """The last month of what is left of a period, None being all, and what is left after it. A row
    for each day, person, model and currency. What is unknown is an empty cell, never a zero."""
    left = left or scope
    first = max(calendar.first_of_month(left.end), left.start)
    body = _lines(map(_cells, usage.days(replace(left, start=first))))
    is_all = first == left.start
    return body.encode(), None if is_all else replace(left, end=first - timedelta(days=1))


def _cells(row: Row) -> tuple[object, ...]:
    return (
        row.day,
        harmless(row.user.name if row.user else ""),
        harmless(row.user.email if row.user else ""),
        harmless(row.model),
        row.completions,
        row.prompt_tokens,
        row.output_tokens,
        row.reasoning_tokens,
        row.cached_tokens,
        row.total_tokens,
        row.estimated,
        row.unknown,
        *_cost(row),
        row.unpriced,
    )


def written(headers: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A whole file. Whoever gives texts has made them harmless."""
    return f"{BYTE_ORDER_MARK}{_lines([headers])}{_lines(rows)}"


def _lines(rows: Iterable[Iterable[object]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()


def _cost(row: Row) -> tuple[str, str]:
    for currency, amount in row.costs:
        return exact(amount), currency
    return "", ""


def exact(amount: Decimal) -> str:
    """To the last of its digits: who adds these up is to get what evoweb does."""
    return f"{amount.normalize():f}"


def harmless(text: str) -> str:
    """What no spreadsheet takes for a formula."""
    return _FORMULA.sub(r"\1'", text)


def cell(text: str) -> str:
    """A text as it stands in a line that is joined by commas. Python's own writer looks at each
    character of each cell, which takes longer than all the rest."""
    text = harmless(text)
    return f'"{text.replace(QUOTE, QUOTE * 2)}"' if _SPECIAL.search(text) else text
