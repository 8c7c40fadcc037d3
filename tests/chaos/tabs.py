"""A browser tab that looks at a conversation, comes back whenever its socket ends, and notes what
it showed."""

from __future__ import annotations

import asyncio
import contextlib
import html
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from websockets import Origin
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.chaos.evidence import Sight
from tests.chaos.verdict import PIECE
from tests.screen import Screen

AGAIN_SECONDS = 0.3
_SOCKET = re.compile(r'hx-ws:connect="([^"]+)"')
# Nobody is signed in, or there is nothing: then a page loads itself again.
_RELOADS = (4401, 4404)


@dataclass
class Watched(Screen):
    """A screen that remembers the longest that it showed of each message before something else."""

    tab: str = ""
    sights: list[Sight] = field(default_factory=list)
    shrunk: int = 0
    ages: list[tuple[float, float]] = field(default_factory=list)
    _longest: dict[int, str] = field(default_factory=dict)

    def show(self, key: int, text: str) -> None:
        self.texts[key] = text
        before = self._longest.get(key, "")
        if text.startswith(before):
            if before:
                self._note_ages(text[len(before) :])
            self._longest[key] = text
        elif before.startswith(text):
            self.shrunk += 1
        else:
            self.sights.append(Sight(self.tab, key, before))
            self._longest[key] = text

    def everything(self) -> list[Sight]:
        last = (Sight(self.tab, key, text) for key, text in self._longest.items())
        return [*self.sights, *last]

    def _note_ages(self, new: str) -> None:
        now = time.monotonic()
        for found in PIECE.finditer(new):
            self.ages.append((now, now - int(found[3]) / 1e9))


class Tab:
    def __init__(
        self,
        name: str,
        path: str,
        *,
        urls: list[str],
        cookies: dict[str, str],
        node: int,
        page: Callable[[int], Awaitable[str]],
        ages: list[tuple[float, float]],
    ) -> None:
        self.name = name
        self.path = path
        self.screen = Watched(tab=name, ages=ages)
        self.misfits: list[str] = []
        self.frames = self.connections = 0
        self._urls = urls
        self._cookies = "; ".join(f"{key}={value}" for key, value in cookies.items())
        self._node = node
        self._page = page
        self._socket: ClientConnection | None = None
        self._must_load = True
        self._task: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._task is not None and not self._task.done()

    def open(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def load_anew(self) -> str:
        """The same page as another tab would get it now; empty if it is not heard."""
        return await self._page(self._node)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def drop(self, node: int, *, reload: bool = False) -> None:
        """Lose the connection without a word, and come back at another process."""
        self._node = node
        self._must_load = self._must_load or reload
        if self._socket is not None:
            self._socket.transport.abort()

    async def _run(self) -> None:
        address = ""
        while True:
            if self._must_load:
                page = await self._page(self._node)
                found = _SOCKET.search(page)
                if found is not None:
                    address = html.unescape(found[1])
                    self.screen.load(page)
                    self._must_load = False
            if not self._must_load:
                with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                    await self._watch(address)
            await asyncio.sleep(AGAIN_SECONDS)
            self._node = (self._node + 1) % len(self._urls)

    async def _watch(self, address: str) -> None:
        url = self._urls[self._node]
        async with connect(
            url.replace("http", "ws") + address,
            origin=Origin(url),
            additional_headers={"Cookie": self._cookies},
            compression=None,
            ping_interval=None,
            max_size=None,
            max_queue=None,
            proxy=None,
            open_timeout=4,
            close_timeout=1,
        ) as self._socket:
            self.connections += 1
            async for frame in self._socket:
                self.frames += 1
                try:
                    self.screen.take(str(frame))
                except AssertionError as misfit:
                    self.misfits.append(f"tab {self.name}: {misfit}")
                    self._must_load = True
                    return
            self._must_load = self._must_load or self._socket.close_code in _RELOADS
