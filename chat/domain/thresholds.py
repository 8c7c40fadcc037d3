"""Telling people of 80 % and 100 % of a budget, each once in its period."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.utils import timezone

from chat.domain import notices
from chat.enums import News
from chat.models import Allowance, Budget, Completion, User
from chat.queries import budgets, calendar

LOW, REACHED = 80, 100
_NEWS = {LOW: News.BUDGET_LOW, REACHED: News.BUDGET_REACHED}


def watch(allowance: Allowance, row: Completion) -> None:
    """Within the transaction that posted what this row took, which has the allowance locked."""
    if allowance.told == REACHED or allowance.used < _share(allowance.budget.base, LOW):
        return
    limit = budgets.limit_of(allowance, timezone.now())
    passed = next((each for each in (REACHED, LOW) if allowance.used >= _share(limit, each)), 0)
    _tell(allowance, row.user, passed=passed, limit=limit)


def refused(budget: Budget, user: User) -> None:
    """A hard budget is used up when it refuses, though a little may be left. What only running
    replies hold comes back, and is nothing to tell of."""
    allowance = budgets.allowance_of(budget, user, timezone.now())
    if allowance is None or allowance.told == REACHED:
        return
    limit = budgets.limit_of(allowance, timezone.now())
    if allowance.used >= _share(limit, LOW):
        with transaction.atomic():
            _tell(allowance, user, passed=REACHED, limit=limit)


def _tell(allowance: Allowance, user: User, *, passed: int, limit: int) -> None:
    """The person, unless all who share it see it beside the composer; and the administrators."""
    budget = allowance.budget
    _start, resets_at = calendar.starts(budget.period, allowance.start)
    rows = Allowance.objects.filter(pk=allowance.pk, told__lt=passed)
    if resets_at <= timezone.now() or not rows.update(told=passed):
        return
    figures = budget.facts | {
        "used": allowance.used,
        "limit": limit,
        "resets_at": resets_at.isoformat(),
    }
    tell = partial(
        notices.tell,
        kind=_NEWS[passed],
        subject=notices.subject_of(allowance),
        expires_at=resets_at,
    )
    people = [] if budget.is_with_others else [user]
    tell(people, figures=figures)
    others = [each for each in notices.administrators() if each not in people]
    theirs = {} if budget.is_with_others else {"name": user.name, "is_each": False}
    tell(others, figures=figures | {"is_for_others": True, **theirs})


def _share(limit: int, hundredths: int) -> int:
    """So much of it, rounded up."""
    return -(-limit * hundredths // 100)
