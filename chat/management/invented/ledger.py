"""Writes down what is invented: in batches, and what a month adds up to when it is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any

from django.db import transaction

from chat.domain import totals
from chat.domain.totals import Sums
from chat.management.invented import storing
from chat.management.invented.patterns import FIELDS, Pattern
from chat.models import Completion, Conversation
from chat.queries import calendar

# Rows of one transaction: on SQLite nobody else may write meanwhile.
BATCH = 500
CONVERSATION_FIELDS = storing.fields_of(Conversation)


class Ledger:
    def __init__(self) -> None:
        self._month: date | None = None
        self._sums: Sums = {}

    def write(self, attempts: Iterator[Pattern], begun: list[Conversation]) -> Iterator[int]:
        """Gives how many rows are there. Attempts leave the conversations that they begin in
        `begun`."""
        written = 0
        while rows := [self._row(attempt) for attempt in islice(attempts, BATCH)]:
            _store(begun, rows)
            begun.clear()
            written += len(rows)
            yield written
        totals.post_sums(self._sums)

    def _row(self, attempt: Pattern) -> Sequence[Any]:
        month = calendar.first_of_month(calendar.today(attempt.row.started_at))
        if month != self._month:
            totals.post_sums(self._sums)
            self._month, self._sums = month, {}
        totals.collect(attempt.row, into=self._sums)
        return attempt.values()


def _store(begun: Sequence[Conversation], rows: Sequence[Sequence[Any]]) -> None:
    conversations = [storing.prepared(CONVERSATION_FIELDS, each) for each in begun]
    with transaction.atomic():
        storing.store(Conversation, CONVERSATION_FIELDS, conversations)
        storing.store(Completion, FIELDS, rows)
