"""The threads in which running replies and sockets talk to the database.

A request has a thread and a connection of its own that Django closes after it. Nobody does that
for a task, so here every call gives its connection back, and one that fails because its connection
was dead is made once more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection, connections

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 4
AGAIN_SECONDS = 1.0
# What a database raises that is away, or restarts, or whose connection was lost.
FAULTS = (OperationalError, InterfaceError)


class DatabasePool:
    """Runs synchronous database work for asynchronous code, a few calls at a time."""

    def __init__(self, name: str = "database", threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`work` may run twice, so it has to be one transaction, or only read."""
        call = partial(_with_fresh_connection, partial(work, *args, **kwargs))
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def insist(self, who: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same, as soon as the database takes it, for `who` waits for it. It may be done twice
        here too: the word that it succeeded can be lost with a connection."""
        while True:
            try:
                return await self.run(work, *args, **kwargs)
            except FAULTS:
                logger.warning("%s waits for the database", who, exc_info=True)
                await asyncio.sleep(AGAIN_SECONDS)

    def close(self) -> None:
        """For the end of a process: nothing can be run after it."""
        self._threads.shutdown(wait=True)


def _with_fresh_connection(call: Callable[[], T]) -> T:
    try:
        return call()
    except FAULTS:
        connections.close_all()
        _replace_dead_connections()
        return call()
    finally:
        # PostgreSQL's go back to the pool that bounds them. To open a file takes a millisecond.
        if connection.vendor != "sqlite":
            connections.close_all()


def _replace_dead_connections() -> None:
    """After a restart of PostgreSQL every connection that Django's pool keeps is dead: without this
    the next call would be handed another of them."""
    if kept := getattr(connection, "pool", None):
        kept.check()
