"""One run: everybody lives at once, then everything comes to rest, then it is looked at."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.chaos import verdict
from tests.chaos.evidence import Ended, Evidence, LastLook, Message, Request, Row
from tests.chaos.people import Somebody
from tests.chaos.plan import Plan
from tests.chaos.stage import Stage, stage
from tests.chaos.tabs import Tab
from tests.chaos.vandals import Vandal
from tests.chaos.verdict import Broken
from tests.chaos.world import PEOPLE, World
from tests.screen import Screen
from tests.upstream.records import Record

RUNNING = "SELECT id, conversation_id FROM chat_message WHERE state IN ('waiting', 'streaming')"
# What is about to be sent by itself.
DUE = (
    "SELECT queued.id FROM chat_queuedmessage queued "
    "JOIN chat_conversation conversation ON conversation.id = queued.conversation_id "
    "JOIN chat_message head ON head.id = conversation.head_id "
    "WHERE queued.state = 'ready' AND head.state = 'complete' AND conversation.deleted_at IS NULL "
    "AND NOT EXISTS (SELECT 1 FROM chat_message newer "
    "WHERE newer.conversation_id = conversation.id AND newer.id > head.id)"
)
RUNNING_OR_DUE = f"SELECT id FROM ({RUNNING}) running UNION ALL {DUE}"  # noqa: S608 (of constants)
# Seconds: until people press Stop on what still runs, and until everything has to be at rest, which
# takes two sweeps of a process that first has to have been heard for a while itself.
UNTIL_STOPS, UNTIL_REST, UNTIL_SHOWN = 6.0, 75.0, 15.0
LOOK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Result:
    plan: Plan
    stage: Stage
    broken: list[Broken]
    seconds: float

    @property
    def evidence(self) -> Evidence:
        return self.stage.evidence


async def run(world: World, plan: Plan) -> Result:
    began = time.monotonic()
    world.upstream.reset()
    world.upstream.queue(plan.scripts)
    first = _last_ids(world)
    async with stage(world, plan) as here:
        vandal = Vandal(here)
        try:
            people = (Somebody(here, talk).live() for talk in plan.talks)
            await asyncio.gather(vandal.live(), *people)
        finally:
            await vandal.mend()
        _note_deaths(here)
        await asyncio.to_thread(world.start_all)
        await _rest(here)
        await _last_looks(here)
        await asyncio.to_thread(_collect, here, first)
    broken = verdict.judge(here.evidence)
    return Result(plan, here, broken, time.monotonic() - began)


def _note_deaths(here: Stage) -> None:
    for number, node in enumerate(here.world.nodes):
        if here.is_up[number] and not node.is_running:
            here.evidence.ends.append(Ended(number, node.wait(), was_told=False))


async def _rest(here: Stage) -> None:
    """Wait until nothing runs any more; what is still there then is for the verdict."""
    began = time.monotonic()
    database, world = here.world.database, here.world
    living = {world.name_of(number) for number in range(here.size)}
    if here.size > 1 and any(blow.is_hurried for blow in here.plan.blows):
        for name in await asyncio.to_thread(_believed, world):
            if name not in living:
                await asyncio.to_thread(database.look_silent, name)

    def is_at_rest() -> bool:
        # In one moment: what ends makes something due, and what is due runs.
        return not database.rows(RUNNING_OR_DUE) and set(_believed(world)) == living

    while not await asyncio.to_thread(is_at_rest):
        waited = time.monotonic() - began
        if waited > UNTIL_REST:
            return
        if waited > UNTIL_STOPS:
            await _stop_all(here)
        await asyncio.sleep(LOOK_SECONDS)


async def _stop_all(here: Stage) -> None:
    """People lose their patience with what the upstream never ends."""
    sql = f"{RUNNING} AND stop_requested_at IS NULL"
    for key, conversation in await asyncio.to_thread(here.world.database.rows, sql):
        path = f"/c/{uuid.UUID(str(conversation))}/messages/{key}/stop/"
        await asyncio.gather(*(here.post(key % here.size, each, path) for each in range(PEOPLE)))


async def _last_looks(here: Stage) -> None:
    """What each tab shows beside a page that is loaded anew, once they agree or time is up."""
    deadline = time.monotonic() + UNTIL_SHOWN
    waiting = [tab for tab in here.tabs if tab.is_open]
    pages: dict[str, Screen] = {}
    while waiting:
        late = time.monotonic() > deadline
        looks = [(tab, await _look(here, tab, pages)) for tab in waiting]
        waiting = [tab for tab, look in looks if look.shown != look.stored]
        if late or not waiting:
            here.evidence.last_looks += [look for _, look in looks]
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _look(here: Stage, tab: Tab, pages: dict[str, Screen]) -> LastLook:
    page = pages.get(tab.path) or Screen()
    if not page.texts and (found := await tab.load_anew()):
        page.load(found)
        pages[tab.path] = page
    return LastLook(tab.name, _shown(tab.screen), _shown(page))


def _shown(screen: Screen) -> dict[int, tuple[str, str]]:
    return {key: (screen.states[key], text.strip()) for key, text in screen.texts.items()}


# Evidence


def _collect(here: Stage, first: tuple[int, int]) -> None:
    world, found = here.world, here.evidence
    message_id, row_id = first
    for tab in here.tabs:
        found.sights += tab.screen.everything()
        found.misfits += tab.misfits
    found.messages = [
        Message(*row)
        for row in world.database.rows(
            "SELECT id, parent_id, role, state, text, error FROM chat_message "
            "WHERE id > %s ORDER BY id",
            message_id,
        )
    ]
    found.queued = [text for (text,) in world.database.rows("SELECT text FROM chat_queuedmessage")]
    found.rows = [
        _row(*row)
        for row in world.database.rows(
            "SELECT id, message_id, state, upstream_id, error, finish_reason, started_at, "
            "prompt_tokens, completion_tokens, estimated_output_low, "
            "estimated_prompt_low + estimated_output_low, "
            "estimated_prompt_high + estimated_output_high FROM chat_completion "
            "WHERE id > %s ORDER BY id",
            row_id,
        )
    ]
    pieces = "SELECT message_id FROM chat_journalpiece WHERE message_id > %s"
    found.journalled = [key for (key,) in world.database.rows(pieces, message_id)]
    found.requests = [_request(record) for record in world.upstream.requests]
    found.believed = _believed(world)
    found.living = [world.name_of(number) for number in range(here.size)]
    found.disproved = _disproved(world)
    found.miscounted = _miscounted(world)


def _last_ids(world: World) -> tuple[int, int]:
    sql = "SELECT coalesce(max(id), 0) FROM "
    tables = ("chat_message", "chat_completion")
    message_id, row_id = (world.database.rows(sql + table)[0][0] for table in tables)
    return message_id, row_id


def _believed(world: World) -> list[str]:
    return [name for (name,) in world.database.rows("SELECT name FROM chat_process")]


def _monotonic(moment: datetime | str) -> float:
    """SQLite keeps moments as text, in UTC."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return moment.timestamp() - time.time() + time.monotonic()


def _row(*values: Any) -> Row:
    names = [each.name for each in fields(Row)]
    found = dict(zip(names, values, strict=True))
    return Row(**found | {"started_at": _monotonic(found["started_at"])})


def _request(record: Record) -> Request:
    prompts = [
        str(message["content"])
        for message in record.body["messages"]
        if message["role"] == "user" and str(message["content"]).startswith("Prompt ")
    ]
    return Request(
        number=record.number,
        prompt=prompts[-1],
        answer_id=record.answer_id,
        status=record.status,
        arrived_at=record.arrived_at,
        ended_at=record.ended_at,
        written=tuple(record.written),
        is_finished=record.finished,
        gave_usage=record.gave_usage,
        prompt_tokens=record.billed.prompt_tokens,
        completion_tokens=record.billed.completion_tokens,
    )


def _disproved(world: World) -> list[str]:
    """As an operator asks it."""
    done = world.run("manage.py", "prove")
    if done.returncode == 0:
        return []
    lines = [line for line in done.stdout.splitlines() if line.startswith("DOES NOT HOLD")]
    return lines or [done.stderr.strip()]


def _miscounted(world: World) -> list[str]:
    """By the totals that the usage pages read."""
    done = world.run("manage.py", "usage", "verify")
    return [] if done.returncode == 0 else [*done.stdout.splitlines(), done.stderr.strip()]


def logs(world: World) -> list[Path]:
    return [node.folder / "serve.log" for node in world.nodes]
