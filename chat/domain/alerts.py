"""Administrators are told of what stands out, once for as long as it is news."""

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
from chat.queries import alarming, calendar, meter, prices

# What lasts is over as soon as it is found no more; what happened stays news.
LASTING = (News.BALANCE_LOW, News.UNPRICED)
# What lasts for longer is told again.
METER_NEWS = timedelta(days=1)
PRICE_NEWS = timedelta(days=prices.NEWS_DAYS)


class Alert(NamedTuple):
    kind: News
    # The same for the same thing; what is of a day names it.
    subject: str
    figures: dict[str, Any]
    until: datetime


def tell(now: datetime) -> int:
    """What stands out and was not told yet. Gives how much that is."""
    alerts = [*_of_day(calendar.today(now)), *_of_meter(now), *_of_prices(now)]
    # Not what another process, which looked later, tells of meanwhile.
    notices.end(LASTING, but=[alert.subject for alert in alerts], told_before=now)
    return sum(_tell(alert, now) for alert in alerts)


@transaction.atomic
def _tell(alert: Alert, now: datetime) -> bool:
    # Several processes may find it at once: they come one after the other here.
    people = list(User.objects.administrators().select_for_update())
    told = Notice.objects.filter(subject=alert.subject, expires_at__gt=now)
    if not people or told.exists():
        return False
    notices.tell(
        people, alert.kind, subject=alert.subject, figures=alert.figures, expires_at=alert.until
    )
    return True


def _of_day(day: date) -> Iterator[Alert]:
    # To the end of the next one.
    until = calendar.midnight(day + timedelta(days=2))
    for spike in alarming.spikes(day):
        figures = {
            "user": spike.user.pk,
            "name": spike.user.name,
            "currency": spike.currency,
            "amount": _parts(spike.amount, spike.currency),
            "usual": _parts(spike.usual, spike.currency),
        }
        subject = f"{notices.spikes_of(spike.user)}{day}:{spike.currency}"
        yield Alert(News.SPIKE, subject, figures, until)
    for failing in alarming.failing(day):
        figures = {
            "model": failing.model,
            "failed": failing.failed,
            "requests": failing.requests,
        }
        subject = f"{notices.of_model(News.FAILING, failing.model)}:{day}"
        yield Alert(News.FAILING, subject, figures, until)


def _of_meter(now: datetime) -> Iterator[Alert]:
    alarms, until = meter.alarms(now), now + METER_NEWS
    if (drift := alarms.drift) is not None:
        figures = {
            "currency": drift.currency,
            "moved": parts_of(drift.billed or Decimal(0)),
            "ledger": parts_of(drift.ledger.likely if drift.ledger else Decimal(0)),
        }
        yield Alert(News.METER_DIFFERS, News.METER_DIFFERS, figures, until)
    if alarms.low is not None:
        figures = {"currency": meter.CURRENCY, "left": parts_of(alarms.low)}
        yield Alert(News.BALANCE_LOW, News.BALANCE_LOW, figures, until)


def _of_prices(now: datetime) -> Iterator[Alert]:
    for model in prices.lately_unpriced(now):
        subject = notices.of_model(News.UNPRICED, model)
        yield Alert(News.UNPRICED, subject, {"model": model}, now + PRICE_NEWS)


def _parts(amount: Decimal, currency: str) -> int:
    return parts_of(amount) if currency else int(amount)
