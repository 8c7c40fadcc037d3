"""A `Service` in a thread and loop of its own, as `serve` has one beside Django's threads.

With it Django's synchronous test client sends prompts whose replies really run.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Self

from django.db import connections

from chat.generation import service as services
from chat.generation.service import Service

PATIENCE = 15.0


class RunningService:
    """`with RunningService() as running: running.service…`; drained at the end of the block."""

    service: Service

    def __init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="service", daemon=True)
        self._is_up = threading.Event()
        self._fault: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_up.wait(PATIENCE), "the service did not start"
        if self._fault is not None:
            raise self._fault
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the service did not end"

    def drain(self) -> None:
        """Let it end early, as a signal would: it takes no more replies."""
        asyncio.run_coroutine_threadsafe(self.service.drain(), self._loop).result(PATIENCE)

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as fault:  # noqa: BLE001 (for the thread that waits for us)
            self._fault = fault
            self._is_up.set()

    async def _live(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self.service = Service()
        try:
            await self.service.start()
            self._is_up.set()
            await self._end.wait()
            await self.service.drain()
        finally:
            services._set_current(None)
            self.service.pool.close()
            self.service.readers.close()
            await asyncio.to_thread(connections.close_all)
