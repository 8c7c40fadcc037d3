"""Administrators are told of what stands out in a day, each once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction

from chat.domain import notices
from chat.enums import News
from chat.models import Notice, User
from chat.models.budget import parts_of
from chat.queries import alarming, calendar


class Alert(NamedTuple):
    kind: News
    # The same for the same thing of the same day.
    subject: str
    figures: dict[str, Any]


def tell(now: datetime) -> int:
    """What stands out of the team's day so far and was not told yet. Gives how much that is."""
    day = calendar.today(now)
    alerts = list(_alerts(day))
    return sum(_tell(alert, until=calendar.midnight(day + timedelta(days=2))) for alert in alerts)


@transaction.atomic
def _tell(alert: Alert, *, until: datetime) -> bool:
    # Several processes may find it at once: they come one after the other here.
    people = list(User.objects.administrators().select_for_update())
    if not people or Notice.objects.filter(subject=alert.subject).exists():
        return False
    notices.tell(people, alert.kind, subject=alert.subject, figures=alert.figures, expires_at=until)
    return True


def _alerts(day: date) -> Iterator[Alert]:
    for spike in alarming.spikes(day):
        figures = {
            "user": spike.user.pk,
            "name": spike.user.name,
            "currency": spike.currency,
            "amount": _parts(spike.amount, spike.currency),
            "usual": _parts(spike.usual, spike.currency),
        }
        subject = f"{notices.spikes_of(spike.user)}{day}:{spike.currency}"
        yield Alert(News.SPIKE, subject, figures)
    for failing in alarming.failing(day):
        figures = {
            "model": failing.model,
            "failed": failing.failed,
            "requests": failing.requests,
        }
        yield Alert(News.FAILING, f"failing:{day}:{failing.model}"[:60], figures)


def _parts(amount: Decimal, currency: str) -> int:
    return parts_of(amount) if currency else int(amount)
