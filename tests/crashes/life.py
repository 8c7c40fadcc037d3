"""One life of an evoweb process: a service on its loop, Ana before it, and a set hour of death."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.models import QuerySet

from chat.completions import retries
from chat.domain import totals
from chat.enums import Period
from chat.generation.ownership import AlreadyServed, Ownership
from chat.generation.service import Service
from chat.models import Budget, Message, Process
from chat.queries import invariants
from tests.crashes.ana import Ana
from tests.crashes.databases import use
from tests.crashes.diary import Diary
from tests.crashes.events import Meter, watch
from tests.factories import make_user
from tests.upstream.server import KEY
from tests.waiting import once_free

# What Ana does in one life.
Deeds = Callable[[Ana], Awaitable[None]]

DRAIN_SECONDS = 0.05
FIRST_RETRY_SECONDS = 0.02
# Invariants that speak of the process which runs a reply, or reads on for its figures.
LEFT_BY_THE_DEAD = ("running_reply_has_an_owner", "sealed_reply_has_no_open_row")


@dataclass(frozen=True, slots=True)
class Act:
    """What Ana does in one life, which does not survive the event of this number.

    With `first`, things that she does before, only what comes after them is counted.
    """

    deeds: Deeds
    dies_at: int | None = None
    first: Deeds | None = None


@dataclass(frozen=True, slots=True)
class Life:
    number: int
    act: Act
    database: str
    diary: Path
    upstream_url: str
    reads_on: bool
    makes_titles: bool


def prepare(database: str) -> None:
    """Make the database that every case begins with: Ana is there, and a budget that refuses
    nothing and counts."""
    use(database)
    call_command("migrate", verbosity=0)
    make_user("ana")
    Budget.objects.create(period=Period.MONTH, tokens=10**9, is_hard=False)
    connections.close_all()


def live(life: Life) -> None:
    use(life.database)
    settings.EVOLINK_BASE_URL, settings.EVOLINK_API_KEY = life.upstream_url, KEY
    settings.DRAIN_SECONDS, settings.READS_ON = DRAIN_SECONDS, life.reads_on
    settings.MAKES_TITLES = life.makes_titles
    retries.FIRST_DELAY = FIRST_RETRY_SECONDS
    diary = Diary(life.diary, life=life.number)
    meter = Meter(diary, dies_at=life.act.dies_at)
    watch(meter)
    if life.number > 1:
        _look_at_what_is_left()
    with ExitStack() as stack:
        # The kernel lets go of what a killed process held at once, PostgreSQL after a moment.
        ownership = once_free(
            lambda: stack.enter_context(Ownership()), busy=AlreadyServed, seconds=5
        )
        uvloop.run(_live(life, ownership, diary, meter))


def _look_at_what_is_left() -> None:
    """What a kill leaves has nobody to go on with it, but is otherwise as it has to be."""
    found = [finding for finding in invariants.findings() if not finding.holds]
    wrong = [str(finding) for finding in found if finding.invariant.name not in LEFT_BY_THE_DEAD]
    wrong += map(str, totals.differences())
    assert not wrong, f"before the start: {wrong}"
    connections.close_all()


async def _live(life: Life, ownership: Ownership, diary: Diary, meter: Meter) -> None:
    service = Service(ownership=ownership)
    if life.act.first is None:
        meter.start()
    await service.start()
    assert not await _left_by_the_dead().aexists(), "a reply of a dead process still runs"
    ana = Ana(service, diary=diary, meter=meter)
    ana.remembers(life.diary)
    if life.act.first is not None:
        await life.act.first(ana)
        meter.start()
    await life.act.deeds(ana)
    await service.drain()


def _left_by_the_dead() -> QuerySet[Message]:
    claimed = Message.objects.running().exclude(claim=None)
    return claimed.exclude(claim__in=Process.objects.values("pk"))
