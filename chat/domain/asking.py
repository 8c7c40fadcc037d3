"""Asking for more of a budget: one open request for each person and budget, decided once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from chat.domain import notices
from chat.enums import News, RequestState
from chat.models import Budget, BudgetRequest, User

NEWS_FOR = timedelta(days=14)


class AskedAlready(Exception):
    """Nobody has decided this person's last request for more of this budget."""


class DecidedAlready(Exception):
    """Somebody was faster."""


def ask(*, budget: Budget, user: User, reason: str) -> BudgetRequest:
    """Raises AskedAlready, by the database's own constraint."""
    try:
        with transaction.atomic():
            request = BudgetRequest.objects.create(budget=budget, user=user, reason=reason)
            _tell_administrators(request)
            return request
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
    notices.settle(notices.subject_of(request))
    kind = News.MORE_GRANTED if outcome.get("granted") else News.MORE_DECLINED
    until = outcome.get("until")
    figures = {
        **request.budget.facts,
        "amount": outcome.get("granted"),
        "until": until.isoformat() if until else None,
        "words": words,
    }
    _tell([request.user], kind, request, figures)


def _tell_administrators(request: BudgetRequest) -> None:
    others = [each for each in notices.administrators() if each != request.user]
    figures = {**request.budget.facts, "asker": request.user.name, "reason": request.reason}
    _tell(others, News.MORE_ASKED, request, figures)


def _tell(people: list[User], kind: News, request: BudgetRequest, figures: dict[str, Any]) -> None:
    notices.tell(
        people,
        kind,
        subject=notices.subject_of(request),
        figures=figures,
        expires_at=timezone.now() + NEWS_FOR,
    )
