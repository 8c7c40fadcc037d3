"""Somebody in one conversation: sends, stops, tries again, goes on, opens and loses tabs."""

from __future__ import annotations

import asyncio

from tests.chaos.plan import Step, Talk
from tests.chaos.stage import Stage
from tests.chaos.tabs import Tab
from tests.screen import ARTICLE

VERBS = {"stop": "stop", "try_again": "try-again", "go_on": "continue"}


class Somebody:
    def __init__(self, stage: Stage, talk: Talk) -> None:
        self._stage = stage
        self._talk = talk
        self._person = talk.person
        self._path: str | None = None
        self._tabs: list[Tab] = []

    async def live(self) -> None:
        for step in self._talk.steps:
            await asyncio.sleep(step.after)
            await self._do(step)

    async def _do(self, step: Step) -> None:
        match step.deed:
            case "send":
                await self._send(step.node)
            case "send_twice":
                await self._send(step.node, step.other)
            case "stop" | "try_again" | "go_on" as deed if self._path:
                await self._press(step.node, step.other, VERBS[deed])
            case "open_tab" if self._path:
                self._tabs.append(self._stage.open_tab(self._path, self._person, step.node))
            case "drop_tab" | "reload_tab" if self._tabs:
                tab = self._tabs[step.other % len(self._tabs)]
                tab.drop(step.node, reload=step.deed == "reload_tab")
            case _:
                # Nothing to do it with: no conversation was begun so far.
                await self._send(step.node)

    async def _send(self, *nodes: int) -> None:
        text = self._stage.prompt()
        path = await self._stage.send(self._path, self._person, text, *nodes)
        self._path = self._path or path

    async def _press(self, node: int, other: int, verb: str) -> None:
        """A button of the last answer that a page shows, which may be an old page by now."""
        assert self._path is not None
        page = await self._stage.page(node, self._person, self._path)
        if keys := [key for key, *_ in ARTICLE.findall(page)]:
            await self._stage.post(other, self._person, f"{self._path}messages/{keys[-1]}/{verb}/")
