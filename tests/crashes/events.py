"""Counts the commits and network events of a process, and ends it at one of them.

Nothing in evoweb knows of it: the database's commit and the upstream's transport are wrapped, in
a process that was made to die.
"""

from __future__ import annotations

import os
import re
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from threading import Lock
from typing import Any
from unittest.mock import patch

import httpx
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from chat.completions.transport import FaithfulTransport
from tests.crashes.diary import Diary, Entry

_WRITE = re.compile(r'(INSERT|UPDATE|DELETE)[^"]*"(?:chat_)?(\w+)"')


class Meter:
    """`dies_at` is the number of the event at which the process is killed, None for none.

    Events are counted from `start` on.
    """

    def __init__(self, diary: Diary, *, dies_at: int | None) -> None:
        self._diary = diary
        self._dies_at = dies_at
        self._count = 0
        self._counts = False
        self._lock = Lock()

    def start(self) -> None:
        self._counts = True

    def happens(self, event: str) -> None:
        """From any thread; no other event can happen between the count and the end."""
        with self._lock:
            self._count += self._counts
            self._diary.write(Entry(what="event", words=f"{self._count} {event}"))
            if self._counts and self._count == self._dies_at:
                die()


def die() -> None:
    """kill -9: nothing is saved, nothing is said."""
    os.kill(os.getpid(), signal.SIGKILL)


def watch(meter: Meter) -> None:
    _watch_commits(meter)
    _watch_network(meter)


def _watch_commits(meter: Meter) -> None:
    """Before and after everything that becomes durable: transactions, and single statements."""
    written: defaultdict[BaseDatabaseWrapper, list[str]] = defaultdict(list)
    commit = BaseDatabaseWrapper._commit  # type: ignore[attr-defined]

    def execute(call: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        connection = context["connection"]
        write = _WRITE.match(sql)
        if write is None:
            if sql.startswith("BEGIN"):
                written.pop(connection, None)
            return call(sql, params, many, context)
        if connection.in_atomic_block:
            written[connection].append(" ".join(write.groups()))
            return call(sql, params, many, context)
        words = " ".join(write.groups())
        meter.happens(f"before {words}")
        result = call(sql, params, many, context)
        meter.happens(f"after {words}")
        return result

    def watched_commit(connection: BaseDatabaseWrapper) -> None:
        words = ", ".join(written.pop(connection, []))
        if words:
            meter.happens(f"before the commit of {words}")
        commit(connection)
        if words:
            meter.happens(f"after the commit of {words}")

    def watch_connection(connection: BaseDatabaseWrapper, **_: object) -> None:
        if execute not in connection.execute_wrappers:
            connection.execute_wrappers.append(execute)

    connection_created.connect(watch_connection, weak=False)
    patch.object(BaseDatabaseWrapper, "_commit", watched_commit).start()


def _watch_network(meter: Meter) -> None:
    ask = FaithfulTransport.handle_async_request

    async def watched_ask(self: FaithfulTransport, request: httpx.Request) -> httpx.Response:
        meter.happens("before the request")
        response = await ask(self, request)
        meter.happens(f"after the status {response.status_code}")
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = WatchedBody(response.stream, meter)
        return response

    patch.object(FaithfulTransport, "handle_async_request", watched_ask).start()


class WatchedBody(httpx.AsyncByteStream):
    """The body of an answer, each read of which is an event."""

    def __init__(self, body: httpx.AsyncByteStream, meter: Meter) -> None:
        self._body = body
        self._meter = meter

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._body:
                self._meter.happens("at a read of the answer")
                yield chunk
        except httpx.HTTPError:
            self._meter.happens("when the answer breaks off")
            raise
        self._meter.happens("at the end of the answer")

    async def aclose(self) -> None:
        await self._body.aclose()
        self._meter.happens("after the answer is closed")
