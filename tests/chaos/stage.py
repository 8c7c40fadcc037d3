"""What actors of a run share: the world, browsers for everybody, and the notes that they take."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx

from tests.chaos.evidence import Evidence, Sent
from tests.chaos.plan import Plan
from tests.chaos.tabs import Tab
from tests.chaos.world import World
from tests.plain_http import WITHOUT_TLS

# Seconds. A frozen process answers nothing, and nobody waits for ever.
PATIENCE = httpx.Timeout(6, connect=3)
TOKEN = "t" * 32
ATTEMPTS = 3


@dataclass
class Stage:
    world: World
    plan: Plan
    browsers: list[list[httpx.AsyncClient]]
    evidence: Evidence = field(default_factory=Evidence)
    tabs: list[Tab] = field(default_factory=list)
    # When text was shown, and how old it was then, in seconds.
    ages: list[tuple[float, float]] = field(default_factory=list)
    # Whether a process is there as far as the vandals know.
    is_up: list[bool] = field(default_factory=list)
    statuses: list[int | None] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def size(self) -> int:
        return len(self.world.nodes)

    def prompt(self, words: str = "please") -> str:
        """A text that nobody else sends."""
        return f"Prompt {self.plan.seed}.{next(self._numbers)} {words}"

    async def send(self, path: str | None, person: int, text: str, *nodes: int) -> str | None:
        """Send a prompt, to all these processes at the same time, and again with the same key
        elsewhere while nobody hears an answer. Gives where its conversation is, if accepted."""
        sent = Sent(text)
        self.evidence.sent.append(sent)
        data = {"text": text, "send_key": str(uuid.uuid4())}
        target = f"{path}messages/" if path else "/"
        found: str | None = None
        for attempt in range(ATTEMPTS):
            answers = await asyncio.gather(
                *(self.post(node, person, target, data) for node in nodes)
            )
            for answer in answers:
                sent.statuses.append(_heard(answer))
                if answer is not None and answer.status_code == 302:
                    found = answer.headers["location"]
            if found or sent.is_refused:
                break
            nodes = tuple((node + 1) % self.size for node in nodes[:1])
            await asyncio.sleep(0.3 * (attempt + 1))
        return found

    async def post(
        self, node: int, person: int, path: str, data: dict[str, str] | None = None
    ) -> httpx.Response | None:
        """None when no answer was heard."""
        try:
            answer = await self.browsers[person][node].post(path, data=data)
        except httpx.HTTPError:
            self.statuses.append(None)
            return None
        self.statuses.append(answer.status_code)
        return answer

    async def page(self, node: int, person: int, path: str) -> str:
        """A page, or nothing where it was not heard."""
        try:
            answer = await self.browsers[person][node].get(path)
        except httpx.HTTPError:
            return ""
        return answer.text if answer.status_code == 200 else ""

    def open_tab(self, path: str, person: int, node: int) -> Tab:
        name = f"{len(self.tabs)} of person {person}"
        tab = Tab(
            name,
            path,
            urls=[each.url for each in self.world.nodes],
            cookies={"sessionid": self.world.sessions[person], "csrftoken": TOKEN},
            node=node,
            page=lambda at: self.page(at, person, path),
            ages=self.ages,
        )
        self.tabs.append(tab)
        tab.open()
        return tab


def _heard(answer: httpx.Response | None) -> int | None:
    """The status, unless it says nothing of what became of the prompt: a process that cannot reach
    its database may have lost the word of a commit."""
    is_in_doubt = answer is None or (answer.status_code == 503 and "retry-after" in answer.headers)
    return None if is_in_doubt or answer is None else answer.status_code


@contextlib.asynccontextmanager
async def stage(world: World, plan: Plan) -> AsyncIterator[Stage]:
    async with contextlib.AsyncExitStack() as stack:
        browsers = [
            [
                await stack.enter_async_context(
                    httpx.AsyncClient(
                        base_url=node.url,
                        cookies={"sessionid": session, "csrftoken": TOKEN},
                        headers={"X-CSRFToken": TOKEN},
                        timeout=PATIENCE,
                        trust_env=False,
                        verify=WITHOUT_TLS,
                    )
                )
                for node in world.nodes
            ]
            for session in world.sessions
        ]
        here = Stage(world, plan, browsers, is_up=[True] * len(world.nodes))
        try:
            yield here
        finally:
            for tab in here.tabs:
                await tab.close()
