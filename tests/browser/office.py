"""What people of a team enter beside an invented ledger: budgets, questions, bills, corrections.

It runs in a command's process, where Django is set up: `tests.browser.conftest.fill_in`.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate

from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models import Sum
from django.utils import timezone

from chat.domain import asking, bills, pricing, revaluing
from chat.enums import Grain, Period
from chat.models import Allowance, BilledDay, Budget, MeterReading, Price, Total, User
from chat.models.budget import parts_of
from chat.queries import calendar

MILLION = 1_000_000
REASON = "The report for the regulator is due on Friday and needs the long documents twice."
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BILLED = ("Gemini-3.0-pro", "gpt-5.6-sol")
# Of which the invented ledger knows no price.
UNPRICED = "kimi-k3"


def enter() -> None:
    """As much as makes each page of figures show what it can."""
    now = timezone.now()
    ana, *others = User.objects.order_by("pk")
    User.objects.filter(pk=ana.pk).update(display_name="Ana Prieto")
    _budgets(ana, others, now)
    _bill(ana, now)
    _meter(now)
    _value_what_had_no_price(ana, now)


def _budgets(ana: User, others: list[User], now: datetime) -> None:
    month = calendar.starts(Period.MONTH, now)[0]
    own = Budget.objects.create(
        user=ana, period=Period.MONTH, money=Decimal(60), currency="USD", is_hard=False
    )
    each = Budget.objects.create(period=Period.MONTH, tokens=2 * MILLION, is_shared=False)
    research = Budget.objects.create(
        group=Group.objects.get(name="Research"), period=Period.MONTH, tokens=40 * MILLION
    )
    used: list[tuple[Budget, User | None, int]] = [
        (own, None, parts_of(Decimal("51.20"))),
        (research, None, 38 * MILLION),
    ]
    used += [(each, user, (12 - at) * MILLION // 6) for at, user in enumerate([ana, *others[:11]])]
    Allowance.objects.bulk_create(
        Allowance(budget=budget, user=user, start=month, used=amount)
        for budget, user, amount in used
    )
    first, second, _open = (asking.ask(budget=each, user=who, reason=REASON) for who in others[:3])
    asking.grant(first, by=ana, amount=MILLION, until=now + 5 * DAY, words="Good luck with it.")
    asking.decline(second, by=ana, words="The summaries can wait until the next month.")


def _bill(ana: User, now: datetime) -> None:
    """A week of two models: nearly what the ledger has, and a line that was entered twice."""
    today = calendar.midnight(calendar.today(now))
    rows = (
        Total.objects.by(Grain.DAY)
        .filter(start__range=(today - 8 * DAY, today - 2 * DAY), model__in=BILLED, currency="USD")
        .values("start", "model")
        .annotate(
            read=Sum("prompt_tokens", default=0),
            written=Sum("output_tokens", default=0),
            spent=Sum("cost", default=0),
        )
        .order_by("start", "model")
    )
    entries = [
        BilledDay(
            day=calendar.today(row["start"]),
            model=row["model"],
            prompt_tokens=row["read"],
            completion_tokens=row["written"] * 1004 // 1000,
            amount=round(row["spent"] * Decimal("1.003"), 2),
            currency="USD",
        )
        for row in rows
    ]
    last = entries[-1]
    wrong = BilledDay(day=last.day, model=last.model, amount=Decimal(100), currency="USD")
    bills.enter([wrong], by=ana, key=uuid.uuid4())
    bills.enter(entries, by=ana, key=uuid.uuid4(), file_name="november.csv")


def _meter(now: datetime) -> None:
    """Ten days up to the last hour, as evoweb may be about to read this one. In one of them others
    used the same key."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [hour - number * HOUR for number in range(240, 0, -1)]
    spent = dict(
        Total.objects.by(Grain.HOUR)
        .filter(start__gte=hours[0], currency="USD")
        .values_list("start")
        .annotate(spent=Sum("cost"))
    )
    costs = [spent.get(each, Decimal(0)) for each in hours[:-1]]
    moves = [round(cost * settings.CREDITS_PER_USD, 6) for cost in costs]
    moves[-60] += 90
    used = list(accumulate(moves, initial=Decimal(4_000)))
    MeterReading.objects.bulk_create(
        MeterReading(hour=each, taken_at=each, used=total, remaining=20_000 - total, raw={})
        for each, total in zip(hours, used, strict=True)
    )


def _value_what_had_no_price(ana: User, now: datetime) -> None:
    """From yesterday on the model has one, and what it took before gets one as well."""
    pricing.enter(
        Price(
            model=UNPRICED,
            effective_from=now - DAY,
            prompt=Decimal("0.95"),
            cached=Decimal("0.16"),
            completion=Decimal("4.00"),
            source="The provider's price list of this month",
        )
    )
    begun = revaluing.begin(model=UNPRICED, by=ana, reason="Its price came after its first use")
    revaluing.proceed(begun, seconds=60)
