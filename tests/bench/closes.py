"""Closes completions, with all that belongs to it and without: run by `manage.py shell`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone

from chat.completions.events import Usage
from chat.domain import budgets, ledger
from chat.domain.ledger import Receipt
from chat.enums import CompletionState, Period
from chat.models import Budget, Completion, User

MODEL = "Gemini-3.0-pro"
FIGURES = {"prompt_tokens": 1200, "completion_tokens": 300, "total_tokens": 1500}


def compare(times: int) -> None:
    """Prints both lists, in milliseconds, measured in turn."""
    user = User.objects.order_by("pk")[0]
    with _budgets(user):
        # The first ones open connections and fill caches.
        both = [(_bare(user), _whole(user)) for _ in range(times + 10)][10:]
    print(json.dumps([list(each) for each in zip(*both, strict=True)]))


@contextmanager
def _budgets(user: User) -> Iterator[None]:
    """One for everybody and one for this person, far away from what is used."""
    made = [
        Budget.objects.create(period=Period.MONTH, tokens=10**15),
        Budget.objects.create(period=Period.DAY, tokens=10**15, user=user),
    ]
    try:
        yield
    finally:
        for budget in made:
            budget.delete()


def _whole(user: User) -> float:
    with transaction.atomic():
        row = _opened(user)
        budgets.reserve(row, user, texts=lambda: ["A question"], max_tokens=1000)
    usage = Usage(**FIGURES, raw=dict(FIGURES))
    receipt = Receipt(http_status=200, is_whole=True, usage=usage, may_be_billed=True)
    began = time.perf_counter()
    ledger.close_row(row.pk, receipt)
    return (time.perf_counter() - began) * 1000


def _bare(user: User) -> float:
    """The row alone, as if nothing were ever added up."""
    row = _opened(user)
    began = time.perf_counter()
    with transaction.atomic(savepoint=False):
        opened = Completion.objects.filter(pk=row.pk).open()
        assert opened.first() is not None
        opened.update(
            **FIGURES,
            usage=FIGURES,
            state=CompletionState.FINAL,
            http_status=200,
            finished_at=timezone.now(),
            model_answered=MODEL,
            finish_reason="stop",
        )
    took = (time.perf_counter() - began) * 1000
    # It is in no total, and so it must not be in the ledger.
    row.delete()
    return took


def _opened(user: User) -> Completion:
    return Completion.objects.create(user=user, model_asked=MODEL)
