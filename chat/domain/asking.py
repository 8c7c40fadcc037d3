"""Asking for more of a budget: one open request for each person and budget, decided once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from chat.enums import RequestState
from chat.models import Budget, BudgetRequest, User


class AskedAlready(Exception):
    """Nobody has decided this person's last request for more of this budget."""


class DecidedAlready(Exception):
    """Somebody was faster."""


def ask(*, budget: Budget, user: User, reason: str) -> BudgetRequest:
    """Raises AskedAlready, by the database's own constraint."""
    try:
        with transaction.atomic():
            return BudgetRequest.objects.create(budget=budget, user=user, reason=reason)
    except IntegrityError as conflict:
        raise AskedAlready from conflict


def grant(
    request: BudgetRequest, *, by: User, amount: int, until: datetime, words: str = ""
) -> None:
    """So much more, in the budget's smallest parts, until then. Raises DecidedAlready."""
    _decide(request, by, words, state=RequestState.GRANTED, granted=amount, until=until)


def decline(request: BudgetRequest, *, by: User, words: str = "") -> None:
    """Raises DecidedAlready."""
    _decide(request, by, words, state=RequestState.DECLINED)


@transaction.atomic
def _decide(request: BudgetRequest, by: User, words: str, **outcome: Any) -> None:
    fields = {"decided_at": timezone.now(), "decided_by": by, "words": words, **outcome}
    if not BudgetRequest.objects.open().filter(pk=request.pk).update(**fields):
        raise DecidedAlready
