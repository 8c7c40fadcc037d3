"""Administrators are told of what stands out in a day, once."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from chat.domain import accounts, alerts, pricing
from chat.enums import CompletionState, News
from chat.generation import service as services
from chat.generation.mailing import message_of
from chat.generation.service import Service
from chat.models import MeterReading, Notice, Price, User
from chat.rendering import notices
from tests.domain.conftest import at_once
from tests.usage.conftest import NOON, ClientFor, Spend
from tests.waiting import eventually

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
RATES = {"prompt": Decimal(1), "completion": Decimal(2)}


@pytest.fixture
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)


@pytest.fixture
def low_at(db: None, settings: Settings) -> Callable[..., MeterReading]:
    """A reading of so many hours after noon, after which little is left unless told otherwise."""
    settings.BALANCE_LOW = Decimal(100)

    def reading(hours: int, *, used: int = 0, left: int = 99) -> MeterReading:
        hour = NOON + hours * HOUR
        return MeterReading.objects.create(
            hour=hour, taken_at=hour, used=Decimal(used), remaining=Decimal(left), raw={}
        )

    return reading


def stand_out(spend: Spend, *, day: int = 0) -> None:
    """Of a thousand tokens a day before, ten thousand on this one."""
    for ago in range(1, 7):
        spend(started_at=NOON + timedelta(days=day - ago), prompt_tokens=0, completion_tokens=1000)
    spend(started_at=NOON + timedelta(days=day), prompt_tokens=0, completion_tokens=10_000)


def test_a_day_far_above_the_usual_one_is_told_to_administrators_once(
    ana: User, rita: User, spend: Spend
) -> None:
    stand_out(spend)

    told = [alerts.tell(NOON + timedelta(hours=hour)) for hour in (0, 1)]

    (notice,) = Notice.objects.all()
    assert (told, notice.user, notice.kind) == ([1, 0], ana, News.SPIKE)
    words = "Ben used 0.0960\xa0USD in a day, and 0.0096\xa0USD on a usual one."
    assert notices.words(notice) == words


def test_the_next_day_is_another(ana: User, spend: Spend) -> None:
    stand_out(spend)
    alerts.tell(NOON)
    spend(started_at=NOON + timedelta(days=1), prompt_tokens=0, completion_tokens=9000)

    assert alerts.tell(NOON + timedelta(days=1)) == 1


def test_a_model_that_fails_often_is_told_of(ana: User, spend: Spend) -> None:
    for number in range(20):
        spend(state=CompletionState.FAILED if number < 5 else CompletionState.FINAL)

    alerts.tell(NOON)

    words = notices.words(Notice.objects.get())
    assert words == "Gemini-3.0-pro failed for 5 of 20 requests in a day."


@pytest.mark.usefixtures("_at_noon")
@pytest.mark.parametrize(
    ("kind", "words", "leads_to"),
    [
        (
            News.METER_DIFFERS,
            "in 24 hours, and the ledger has 0.00\xa0USD. Others may use the same key",
            "/usage/meter/",
        ),
        (News.BALANCE_LOW, "about 1.38\xa0USD are left", "/usage/meter/"),
        (News.UNPRICED, "acme/9 has no price", "/usage/prices/model/?model=acme%2F9"),
    ],
)
def test_what_the_team_pays_wrong_is_told_to_administrators_alone_and_once(
    request: pytest.FixtureRequest,
    client_for: ClientFor,
    spend: Spend,
    low_at: Callable[..., MeterReading],
    kind: News,
    words: str,
    leads_to: str,
) -> None:
    ana, rita, ben = (request.getfixturevalue(name) for name in ("ana", "rita", "ben"))
    match kind:
        case News.METER_DIFFERS:
            low_at(-1, left=500)
            low_at(0, used=10, left=490)
        case News.BALANCE_LOW:
            low_at(0)
        case News.UNPRICED:
            spend(model_asked="acme/9", started_at=NOON - 29 * DAY)
            spend(model_asked="long-ago", started_at=NOON - 30 * DAY)

    told = [alerts.tell(NOON + hours * HOUR) for hours in (0, 1, 10)]
    pages = {who: client_for(who).get(reverse("my_usage")) for who in (ana, rita, ben)}

    (notice,) = Notice.objects.all()
    assert (told, notice.kind) == ([1, 0, 0], kind)
    assert notice.mail_at == NOON
    mail = message_of(notice)
    assert (mail.to, words in mail.body, leads_to in mail.body) == ([ana.email], True, True)
    seen = {who.name for who, page in pages.items() if words in page.content.decode()}
    assert seen == {ana.name}


@pytest.mark.usefixtures("_at_noon")
def test_a_balance_that_stays_low_is_told_again_a_day_later(
    ana: User, low_at: Callable[..., MeterReading]
) -> None:
    for hours in (0, 23, 24):
        low_at(hours)

    assert [alerts.tell(NOON + hours * HOUR) for hours in (0, 23, 24)] == [1, 0, 1]


@pytest.mark.usefixtures("_at_noon")
def test_what_is_mended_is_news_no_more(
    ana: User, spend: Spend, low_at: Callable[..., MeterReading]
) -> None:
    low_at(0)
    for model in ("acme/9", "acme/10"):
        spend(model_asked=model)
    assert alerts.tell(NOON) == 3
    assert Notice.objects.unread(NOON).count() == 3

    # One is put away with the deed, the other and the balance as soon as somebody looks.
    new: dict[str, Any] = {"effective_from": NOON, **RATES}
    pricing.enter(Price(model="acme/9", **new))
    assert Notice.objects.unread(NOON).count() == 2
    Price.objects.create(model="acme/10", **new)
    low_at(1, left=1000)

    assert alerts.tell(NOON + HOUR) == 0
    assert not Notice.objects.unread(NOON).exists()


@pytest.mark.usefixtures("_at_noon")
def test_a_price_that_is_yet_to_come_mends_nothing(ana: User, spend: Spend) -> None:
    spend(model_asked="acme/9")
    alerts.tell(NOON)

    pricing.enter(Price(model="acme/9", effective_from=NOON + DAY, **RATES))
    alerts.tell(NOON + HOUR)

    assert Notice.objects.unread(NOON).count() == 1


def test_a_day_like_others_is_not_told_of(ana: User, spend: Spend) -> None:
    for ago in range(7):
        spend(started_at=NOON - timedelta(days=ago))

    assert alerts.tell(NOON) == 0


def test_it_stands_on_the_pages_of_administrators_and_leads_to_the_person(
    ana: User, ben: User, client_for: ClientFor, spend: Spend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    stand_out(spend)
    alerts.tell(NOON)

    page, other = (client_for(who).get(reverse("my_usage")) for who in (ana, ben))

    assert "on a usual one" in page.content.decode()
    assert reverse("person_usage", args=(ben.pk,)) in page.content.decode()
    assert "on a usual one" not in other.content.decode()


def test_what_was_told_of_a_person_goes_with_their_name(ana: User, ben: User, spend: Spend) -> None:
    stand_out(spend)
    alerts.tell(NOON)

    accounts.erase(user=ben)

    assert not Notice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_several_processes_that_find_it_at_once_one_tells(
    transactional_db: None, ana: User, spend: Spend
) -> None:
    stand_out(spend)

    at_once(lambda: alerts.tell(NOON), times=4)

    assert Notice.objects.count() == 1


async def test_a_service_looks_beside_its_replies(
    transactional_db: None,
    ana: User,
    spend: Spend,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chat.generation.chores.ALERT_SECONDS", 0.01)
    settings.DRAIN_SECONDS = 0
    today = timezone.localdate() - timezone.localdate(NOON)
    await sync_to_async(stand_out)(spend, day=today.days)
    service = Service()
    await service.start()

    try:
        await sync_to_async(eventually)(Notice.objects.exists, bool)
    finally:
        await service.drain()
        services._set_current(None)
        await sync_to_async(connections.close_all)()
