"""The tables of the usage pages as files: the same rows in the same order, to the last digit.

Headers are the same in every language, because scripts look for them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from chat.enums import Why
from chat.queries.usage import By, Report, Row
from chat.queries.usage.opinions import Opinion
from chat.queries.usage.people import Idle
from chat.queries.usage.statements import Statement
from chat.queries.usage.waits import Wait
from chat.rendering.sheet import exact, harmless, written

_KEYS: dict[By, tuple[str, ...]] = {
    By.PERSON: ("person", "email"),
    By.CONVERSATION: ("conversation", "id"),
    By.COST_CENTRE: ("cost_centre",),
    By.OUTCOME: ("model",),
}
_FIGURES = (
    "completions",
    "prompt_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cached_tokens",
    "total_tokens",
    "completions_estimated",
    "completions_failed",
    "completions_stopped",
    "completions_without_figures",
    "cost",
    "cost_low",
    "cost_high",
    "currency",
    "completions_without_price",
)
_OUTCOMES = (
    "completions",
    "completions_failed",
    "completions_stopped",
    "completions_estimated",
    "first_token_seconds_p50",
    "first_token_seconds_p95",
)


def table(report: Report, rows: Iterable[Row]) -> str:
    """Of these rows. What is unknown is an empty cell, never a zero; what was paid in several
    currencies has a line for each."""
    keys = _KEYS.get(report.by, (str(report.by),))
    if report.by == By.OUTCOME:
        return written(
            (*keys, *_OUTCOMES), ((*_key(row, report.by), *_outcome(row)) for row in rows)
        )
    parts = defaultdict(list)
    for part in report.parts:
        parts[part.key].append(part)
    lines = (part for row in rows for part in parts.get(row.key, [row]))
    return written((*keys, *_FIGURES), ((*_key(row, report.by), *_figures(row)) for row in lines))


def statement(made: Statement) -> str:
    """A line for each cost centre, person, model and currency."""
    keys = ("month", "cost_centre", "person", "email", "model")
    return written(
        (*keys, *_FIGURES), ((*_account(made, row), *_figures(row)) for row in made.parts)
    )


def opinions(rows: Iterable[Opinion]) -> str:
    """Of each model, with a column for each reason."""
    whys = [str(why) for why in Why]
    return written(
        ("model", "good", "bad", "good_before", "bad_before", *whys),
        (
            (
                harmless(row.model),
                row.good,
                row.bad,
                row.good_before,
                row.bad_before,
                *(row.whys[why] for why in whys),
            )
            for row in rows
        ),
    )


def people(idle: Iterable[Idle]) -> str:
    return written(
        ("person", "email", "last_day"),
        ((harmless(each.user.name), harmless(each.user.email), each.last_day) for each in idle),
    )


def _key(row: Row, by: By) -> Iterator[Any]:
    if by == By.MONTH and row.day is not None:
        yield f"{row.day:%Y-%m}"
    elif by == By.PERSON and row.user is not None:
        yield harmless(row.user.name)
        yield harmless(row.user.email)
    elif by == By.CONVERSATION:
        yield harmless(row.conversation.title) if row.conversation else ""
        yield row.conversation.pk if row.conversation else ""
    elif row.day is not None:
        yield row.day
    elif row.hour is not None:
        yield row.hour
    else:
        yield harmless(row.group or row.model or row.source or row.cost_centre)


def _account(made: Statement, row: Row) -> Iterator[Any]:
    assert row.user is not None
    yield f"{made.month:%Y-%m}"
    yield from map(harmless, (row.cost_centre, row.user.name, row.user.email, row.model))


def _figures(row: Row) -> Iterator[Any]:
    yield from (row.completions, row.prompt_tokens, row.output_tokens)
    yield from (row.reasoning_tokens, row.cached_tokens, row.total_tokens)
    yield from (row.estimated, row.failed, row.stopped, row.unknown)
    for amounts in (row.costs, row.costs_low or row.costs, row.costs_high or row.costs):
        yield exact(amounts[0][1]) if amounts else ""
    yield from (row.currency, row.unpriced)


def _outcome(row: Row) -> Iterator[Any]:
    yield from (row.completions, row.failed, row.stopped, row.estimated)
    yield from (_wait(row.first_token_p50), _wait(row.first_token_p95))


def _wait(wait: Wait | None) -> str:
    return f"{wait.bound}{wait.seconds:.2f}" if wait else ""
