"""The upstream's meter: one reading an hour, what it moved by, and when somebody is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat.completions.client import CompletionClient
from chat.completions.credits import Credits
from chat.domain import meter as metering
from chat.generation import service as services
from chat.generation.meter import MeterReader
from chat.generation.pool import DatabasePool
from chat.generation.service import Service
from chat.models import MeterReading
from chat.queries import meter
from tests.domain.conftest import at_once
from tests.upstream.process import Upstream
from tests.usage.conftest import NOON, ClientFor, Spend
from tests.waiting import eventually

HOUR = timedelta(hours=1)
USED = '{"data": {"token": {"used_credits": 71.25, "unlimited_credits": true}}}'
# What the seed's answer costs, in credits of which 50 are a dollar.
SEED_CREDITS = D("0.0181744") * 50


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)


@pytest.fixture
def read_at(db: None) -> Callable[..., MeterReading]:
    """So many hours before noon."""

    def reading(hours: int, used: D, remaining: D | None = None) -> MeterReading:
        hour = NOON - hours * HOUR
        return MeterReading.objects.create(
            hour=hour, taken_at=hour, used=used, remaining=remaining, raw={}
        )

    return reading


@pytest.fixture
async def reader(transactional_db: None, upstream: Upstream) -> AsyncIterator[MeterReader]:
    async with CompletionClient(upstream.base_url, upstream.key) as client:
        pool = DatabasePool("meter")
        yield MeterReader(client=client, pool=pool)
        await pool.run(connections.close_all)
        pool.close()
    await sync_to_async(connections.close_all)()


@pytest.mark.django_db(transaction=True)
def test_of_several_processes_one_reads_an_hour(read_at: Callable[..., MeterReading]) -> None:
    read_at(1, D(0))

    claimed = at_once(lambda: metering.claim(NOON + timedelta(seconds=20)))

    assert [type(each) for each in claimed if each is not None] == [MeterReading]
    assert MeterReading.objects.filter(hour=NOON).count() == 1


def test_whoever_wakes_late_leaves_the_hour_out(db: None) -> None:
    assert metering.claim(NOON + timedelta(minutes=6)) is None
    assert metering.claim(NOON + timedelta(minutes=4)) is not None


def test_an_upstream_without_a_meter_is_left_alone_for_a_day(db: None) -> None:
    first = metering.claim(NOON)
    assert first is not None
    metering.note_failure(first, "not_found")

    asked = [hours for hours in range(1, 30) if metering.claim(NOON + hours * HOUR)]

    assert asked == [24]


def test_a_meter_that_once_does_not_answer_is_read_in_the_next_hour(db: None) -> None:
    first, second = metering.claim(NOON), metering.claim(NOON + HOUR)
    assert first is not None
    assert second is None
    metering.note(first, Credits(D(1), None, {}))
    missed = metering.claim(NOON + HOUR)
    assert missed is not None
    metering.note_failure(missed, "timed_out")

    assert metering.claim(NOON + 2 * HOUR) is not None


async def test_what_the_meter_says_is_written_down(reader: MeterReader, upstream: Upstream) -> None:
    upstream.meters(USED)

    await reader.read()
    await reader.read()

    reading = await MeterReading.objects.aget()
    assert (reading.hour, reading.taken_at, reading.used) == (NOON, NOON, D("71.25"))
    assert reading.raw == {"data": {"token": {"used_credits": 71.25, "unlimited_credits": True}}}
    assert upstream.meter_reads == 1


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("", 404, "not_found"),
        ("", None, "timed_out"),
        ("<html>", 200, "unreadable"),
        ('{"data": {"token": {"used_credits": "NaN"}}}', 200, "unreadable"),
    ],
)
async def test_a_meter_that_is_absent_hangs_or_lies_leaves_only_a_note(
    reader: MeterReader,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    body: str,
    status: int | None,
    error: str,
) -> None:
    monkeypatch.setattr("chat.completions.client.METER_WITHIN", 0.2)
    upstream.meters(body, status=status)

    await reader.read()

    reading = await MeterReading.objects.aget()
    assert (reading.taken_at, reading.used, reading.error) == (None, None, error)


async def test_a_service_reads_beside_its_replies(
    transactional_db: None, upstream: Upstream, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.generation.meter._until_next_reading", lambda: 0.01)
    settings.EVOLINK_BASE_URL, settings.EVOLINK_API_KEY = upstream.base_url, upstream.key
    settings.DRAIN_SECONDS = 0
    service = Service()
    await service.start()

    try:
        await sync_to_async(eventually)(MeterReading.objects.taken().exists, bool)
    finally:
        await service.drain()
        services._set_current(None)
        await sync_to_async(connections.close_all)()

    assert upstream.meter_reads == 1


def test_the_meter_is_held_against_the_ledger_of_the_same_hours(
    spend: Spend, read_at: Callable[..., MeterReading], settings: Settings
) -> None:
    settings.CREDITS_PER_USD = D(50)
    spend(started_at=NOON - 3 * HOUR + timedelta(minutes=59))
    spend(started_at=NOON - 2 * HOUR)
    spend(started_at=NOON)
    read_at(3, D(100))
    read_at(2, 100 + SEED_CREDITS)
    read_at(0, 101 + 2 * SEED_CREDITS)

    later, earlier = meter.since(NOON - meter.DAY).stretches

    assert earlier.comparison is not None
    assert later.comparison is not None
    assert (earlier.start, earlier.end) == (NOON - 3 * HOUR, NOON - 2 * HOUR)
    assert earlier.comparison.difference == 0
    assert later.comparison.outside * 50 == 1


def test_an_estimate_explains_what_the_meter_moved_by(
    estimated: Spend, read_at: Callable[..., MeterReading]
) -> None:
    estimated(100, 200, started_at=NOON - HOUR)
    read_at(1, D(0))
    read_at(0, D("0.5"))

    (stretch,) = meter.since(NOON - meter.DAY).stretches

    assert stretch.comparison is not None
    assert stretch.comparison.difference
    assert stretch.comparison.outside == 0


def test_a_meter_that_went_back_is_compared_with_nothing(
    read_at: Callable[..., MeterReading],
) -> None:
    read_at(2, D(500))
    read_at(1, D(0))
    read_at(0, D(72))

    found = meter.since(NOON - meter.DAY)

    assert [each.comparison is None for each in found.stretches] == [False, True]
    assert found.by_day[0][1].comparison is not None
    assert found.by_day[0][1].comparison.billed == 1


@pytest.mark.parametrize(("credits", "alarms"), [("79", False), ("80", True), ("64", True)])
def test_meter_and_ledger_may_part_by_the_set_share(
    spend: Spend, read_at: Callable[..., MeterReading], credits: str, alarms: bool
) -> None:
    # Ten percent more than a dollar's 72 credits are 79.2.
    spend(started_at=NOON - HOUR, prompt_tokens=625_000, completion_tokens=0, total_tokens=625_000)
    read_at(1, D(0))
    read_at(0, D(credits) * _dollars())

    assert (meter.alarms(NOON).drift is not None) == alarms


def _dollars() -> D:
    (cost,) = (found[0].likely for found in meter._spent(NOON - HOUR, NOON).values())
    return cost


@pytest.mark.parametrize(("low", "is_low"), [(None, False), ("99", False), ("101", True)])
def test_a_balance_is_low_where_a_limit_is_set(
    settings: Settings, read_at: Callable[..., MeterReading], low: str | None, is_low: bool
) -> None:
    settings.BALANCE_LOW = None if low is None else D(low)
    read_at(0, D(0), remaining=D(100))

    assert (meter.alarms(NOON).low is not None) == is_low


def test_an_old_reading_alarms_nobody(
    settings: Settings, read_at: Callable[..., MeterReading]
) -> None:
    settings.BALANCE_LOW = D(1000)
    read_at(26, D(0), remaining=D(1))
    read_at(25, D(500), remaining=D(1))

    assert meter.alarms(NOON) == meter.Alarms()
    assert meter.alarms(NOON - 20 * HOUR).low is not None


@pytest.mark.parametrize(("person", "status"), [("ana", 200), ("rita", 200), ("ben", 404)])
def test_who_may_look_at_the_meter(
    request: pytest.FixtureRequest,
    client_for: ClientFor,
    read_at: Callable[..., MeterReading],
    person: str,
    status: int,
) -> None:
    read_at(1, D(0))
    read_at(0, D(36), remaining=D(144))

    answer = client_for(request.getfixturevalue(person)).get(reverse("meter"))

    assert answer.status_code == status
    for words in ("0.5000\N{NO-BREAK SPACE}USD", "Others may use the same key"):
        assert (words in answer.content.decode()) == (status == 200)


@pytest.mark.parametrize("count", [2, 30])
def test_the_meter_takes_two_queries_however_long(
    read_at: Callable[..., MeterReading],
    django_assert_num_queries: DjangoAssertNumQueries,
    count: int,
) -> None:
    for hours in range(count):
        read_at(hours, D(100 - hours))

    with django_assert_num_queries(2):
        found = meter.since(datetime(2026, 11, 1, tzinfo=UTC))

    assert len(found.stretches) == count - 1
