"""Breaks things as the plan says, one after the other, and mends them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import time

import psycopg

from tests.chaos.evidence import Ended, Kill
from tests.chaos.plan import CROWD, CROWD_SIZE, FEWEST_HIT, Blow
from tests.chaos.stage import Stage
from tests.evoweb_process import EvowebProcess

STREAMING = (
    "SELECT id FROM chat_message WHERE state = 'streaming' "
    "AND claim IN (SELECT id FROM chat_process WHERE name = %s)"
)
# Of others the answers are short.
STREAMING_CROWD = (
    "SELECT id FROM chat_message WHERE state = 'streaming' "
    "AND claim IN (SELECT id FROM chat_process WHERE name = %s) "
    "AND parent_id IN (SELECT id FROM chat_message WHERE text LIKE %s)"
)
# Seconds: for a crowd's first text, and for a judge.
PATIENCE, JUDGING = 20.0, 40.0
# A process that is told to end lets answers end for 3 s, saves the others, and gives what hangs
# 10 s more before it goes with status 1.
ENDING = 11.0
# After something else was broken the database is not calm for so long.
CALM_SECONDS = 2.0
LAG_SECONDS = 3.0
# Of the database, until the crowd is asked once more.
CROWD_LOOKS = 40


class Vandal:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._world = stage.world
        self._struck_at = float("-inf")

    async def live(self) -> None:
        for blow in self._stage.plan.blows:
            await asyncio.sleep(blow.after)
            await self._strike(blow)
            self._struck_at = time.monotonic()

    async def mend(self) -> None:
        """Whatever may still be broken when the run is cut short."""
        for node in self._world.nodes:
            if node.is_running:
                node.signal(signal.SIGCONT)

    async def _strike(self, blow: Blow) -> None:
        match blow.wreck:
            case "kill":
                await self._kill(blow)
            case "freeze" | "freeze_long":
                await self._freeze(blow)
            case "terminate":
                await self._terminate(blow)
            case "end_connections":
                await asyncio.to_thread(self._world.database.end_connections)
            case "restart_wire" | "lose_wire":
                await self._lose_wire(blow)

    async def _kill(self, blow: Blow) -> None:
        node, name = self._world.nodes[blow.node], self._world.name_of(blow.node)
        await self._gather_crowd(blow, name)
        is_calm = time.monotonic() - self._struck_at > CALM_SECONDS
        self._stage.is_up[blow.node] = False
        at = time.monotonic()
        node.signal(signal.SIGKILL)
        hit = await asyncio.to_thread(self._world.database.rows, STREAMING, name)
        await asyncio.to_thread(node.wait)
        self._stage.evidence.kills.append(
            Kill(blow.node, at, tuple(key for (key,) in hit), is_calm, self._lag(at))
        )
        if blow.is_hurried and self._stage.size > 1:
            await self._look_silent(name)
        await asyncio.sleep(blow.lasts)
        await self._start(blow.node)

    async def _gather_crowd(self, blow: Blow, name: str) -> None:
        """Let the process write several answers at once, with somebody who looks at each."""
        deadline = time.monotonic() + PATIENCE
        count = 0
        while time.monotonic() < deadline and count <= FEWEST_HIT:
            # Once more, where what was broken before made some of them fail.
            await asyncio.gather(*(self._join_crowd(blow.node) for _ in range(CROWD_SIZE - count)))
            for _ in range(CROWD_LOOKS):
                count = await asyncio.to_thread(self._crowd, name)
                if count > FEWEST_HIT:
                    break
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.3 + blow.lasts / 2)

    def _crowd(self, name: str) -> int:
        """How many of it the process writes to."""
        return len(self._world.database.rows(STREAMING_CROWD, name, f"%{CROWD}"))

    async def _join_crowd(self, node: int) -> None:
        path = await self._stage.send(None, 0, self._stage.prompt(CROWD), node)
        if path is not None:
            self._stage.open_tab(path, 0, (node + len(self._stage.tabs)) % self._stage.size)

    def _lag(self, at: float) -> float:
        recent = [age for when, age in self._stage.ages if at - LAG_SECONDS < when <= at]
        return max(recent, default=0.0)

    async def _freeze(self, blow: Blow) -> None:
        node, name = self._world.nodes[blow.node], self._world.name_of(blow.node)
        node.signal(signal.SIGSTOP)
        if blow.wreck == "freeze_long" and blow.is_hurried:
            await self._look_silent(name)
            await self._until_judged(name)
        else:
            await asyncio.sleep(blow.lasts)
        node.signal(signal.SIGCONT)

    async def _until_judged(self, name: str) -> None:
        """A process that was frozen while it wrote is not judged before it lets its row go."""
        deadline = time.monotonic() + JUDGING
        while time.monotonic() < deadline:
            sql = "SELECT 1 FROM chat_process WHERE name = %s"
            if not await asyncio.to_thread(self._world.database.rows, sql, name):
                return
            await asyncio.sleep(0.2)

    async def _look_silent(self, name: str) -> None:
        # It may hold its row itself.
        with contextlib.suppress(psycopg.errors.LockNotAvailable):
            await asyncio.to_thread(self._world.database.look_silent, name)

    async def _terminate(self, blow: Blow) -> None:
        node = self._world.nodes[blow.node]
        self._stage.is_up[blow.node] = False
        node.signal(signal.SIGTERM)
        status = await asyncio.to_thread(_end, node)
        self._stage.evidence.ends.append(Ended(blow.node, status, was_told=True))
        await self._start(blow.node)

    async def _lose_wire(self, blow: Blow) -> None:
        if (wire := self._world.wire) is not None:
            await asyncio.to_thread(wire.stop)
            await asyncio.sleep(blow.lasts)
            await asyncio.to_thread(wire.start)

    async def _start(self, number: int) -> None:
        await asyncio.to_thread(self._world.nodes[number].start)
        self._stage.is_up[number] = True


def _end(node: EvowebProcess) -> int:
    """Wait for the end. Who does not come to it is made to write into its log where it hangs."""
    try:
        return node.wait(ENDING)
    except subprocess.TimeoutExpired:
        node.signal(signal.SIGABRT)
        return node.wait()
