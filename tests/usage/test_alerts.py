"""Administrators are told of what stands out in a day, once."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from chat.domain import accounts, alerts
from chat.enums import CompletionState, News
from chat.generation import service as services
from chat.generation.service import Service
from chat.models import Notice, User
from chat.rendering import notices
from tests.domain.conftest import at_once
from tests.usage.conftest import NOON, ClientFor, Spend
from tests.waiting import eventually


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
    monkeypatch.setattr("chat.generation.alerts.LOOK_SECONDS", 0.01)
    settings.DRAIN_SECONDS = 0
    today = timezone.now().replace(hour=12) - NOON
    await sync_to_async(stand_out)(spend, day=today.days)
    service = Service()
    await service.start()

    try:
        await sync_to_async(eventually)(Notice.objects.exists, bool)
    finally:
        await service.drain()
        services._set_current(None)
        await sync_to_async(connections.close_all)()
