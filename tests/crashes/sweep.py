"""Plays cases: life after life on one database, and then the question whether anything is lost."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crashes import databases, forked
from tests.crashes.checks import Story, examine
from tests.crashes.life import Act, Life, live, prepare
from tests.crashes.scripts import SCRIPTS, goes_on, usual_answers, wandering
from tests.upstream.process import Upstream

LOG_LINES = 12


@dataclass(frozen=True, slots=True)
class Case:
    """Lives that end at an event, if they come to it. After them comes one in which Ana goes on.

    The upstream gives `answers` first in each life but the last, and then the usual ones.
    """

    replay: str
    acts: tuple[Act, ...]
    answers: tuple[dict[str, Any], ...]
    reads_on: bool = False
    makes_titles: bool = False


def scripted(name: str, event: int) -> Case:
    script = SCRIPTS[name]
    return Case(
        f"{name} {event}",
        script.acts(event),
        script.answers,
        script.reads_on,
        script.makes_titles,
    )


def wandered(seed: int) -> Case:
    acts, answers = wandering(seed)
    return Case(f"--seed {seed}", acts, answers)


@dataclass(slots=True)
class Played:
    """How each life of a case ended, and what is broken after the last."""

    case: Case
    log: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    @property
    def outran_its_end(self) -> bool:
        """The life that should have been ended had fewer events."""
        return self.statuses[-2] != forked.KILLED

    def __str__(self) -> str:
        lines = self.log[-LOG_LINES:] if self.findings else []
        return "\n".join(
            (
                f"python -m tests.crashes {self.case.replay}",
                *(f"  life {number} {end}" for number, end in enumerate(self.ends, 1)),
                *(f"  BROKEN {finding}" for finding in self.findings),
                *(f"  log: {line}" for line in lines),
            )
        )


class Stage:
    """Where one case at a time is played: an upstream of its own, and a folder."""

    def __init__(self, upstream: Upstream, *, folder: Path, database: str) -> None:
        self._upstream = upstream
        self._folder = folder
        self._database = database

    async def play(self, case: Case) -> Played:
        folder = Path(tempfile.mkdtemp(prefix="case-", dir=self._folder))
        story = Story(folder, databases.new_name(folder))
        databases.copy(self._database, to=story.database)
        played = Played(case)
        for act in case.acts:
            self._prepare(case.answers)
            await self._live(story, played, act)
        self._prepare(())
        await self._live(story, played, Act(goes_on))
        await forked.run(examine, story, log=story.log)
        played.findings += story.findings()
        played.log += story.log.read_text().splitlines()
        databases.remove(story.database)
        shutil.rmtree(story.folder)
        return played

    def _prepare(self, answers: Iterable[dict[str, Any]]) -> None:
        self._upstream.reset()
        self._upstream.queue((*answers, *usual_answers()))

    async def _live(self, story: Story, played: Played, act: Act) -> None:
        number = len(played.ends) + 1
        life = Life(
            number=number,
            act=act,
            database=story.database,
            diary=story.diary,
            upstream_url=self._upstream.base_url,
            reads_on=played.case.reads_on,
            makes_titles=played.case.makes_titles,
        )
        status = await forked.run(live, life, log=story.log)
        self._keep_requests(story)
        played.statuses.append(status)
        how = {0: "ended", forked.KILLED: "was killed"}.get(status, f"ended with {status}")
        played.ends.append(f"{how} at {story.last_event(number)}")
        if status not in (0, forked.KILLED):
            played.findings.append(f"life {number} {how}")

    def _keep_requests(self, story: Story) -> None:
        """Once the upstream has noticed that its client is gone."""
        count = len(self._upstream.requests)
        if count:
            story.requests.extend(self._upstream.wait_until_over(count))


async def make_stages(folder: Path, upstreams: Iterable[Upstream]) -> list[Stage]:
    """They share the database that every case begins with a copy of."""
    database, log = databases.new_name(folder), folder / "log"
    databases.create(database)
    status = await forked.run(prepare, database, log=log)
    assert status == 0, log.read_text()
    return [Stage(upstream, folder=folder, database=database) for upstream in upstreams]


async def sweep(stages: Iterable[Stage], name: str) -> list[Played]:
    """End a script at its first event, at its second, and so on, until it outruns its end."""
    events, played = itertools.count(1), list[Played]()

    async def play_some(stage: Stage) -> None:
        while not any(one.outran_its_end for one in played):
            played.append(await stage.play(scripted(name, next(events))))

    await asyncio.gather(*map(play_some, stages))
    return played
