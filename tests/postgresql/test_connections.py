"""Connections to PostgreSQL are few and die: what is lost is replaced, what is lent comes back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from django.db import OperationalError, connections

from chat.generation.ownership import AlreadyServed, Ownership
from chat.generation.pool import DatabasePool
from chat.models import User
from tests.environment import on_postgresql
from tests.evoweb_process import EvowebProcess, send
from tests.postgresql.conftest import end_connections
from tests.upstream.process import Upstream
from tests.waiting import eventually

# What evoweb's own pool holds at the most.
POOL = 16


def count_people() -> int:
    return User.objects.count()


def test_a_task_is_given_a_live_connection_after_all_of_them_died(
    fresh_connections: None, administrator: psycopg.Connection
) -> None:
    together = threading.Barrier(6)

    def use_one() -> None:
        count_people()
        together.wait(10)
        connections.close_all()

    with ThreadPoolExecutor(6) as threads:
        for used in [threads.submit(use_one) for _ in range(6)]:
            used.result(20)

    async def work() -> list[int]:
        pool = DatabasePool()
        return [await pool.run(count_people) for _ in range(8)]

    assert end_connections(administrator) >= 6
    assert asyncio.run(work()) == [0] * 8


def test_the_lock_on_the_database_is_taken_again_when_its_connection_died(
    fresh_connections: None, administrator: psycopg.Connection
) -> None:
    with Ownership() as ownership:
        end_connections(administrator)
        ownership.confirm()

        with pytest.raises(AlreadyServed):
            Ownership().__enter__()


def test_whoever_lost_the_database_to_another_process_is_told(
    fresh_connections: None, administrator: psycopg.Connection
) -> None:
    with Ownership() as first:
        end_connections(administrator)
        with Ownership(), pytest.raises(AlreadyServed):
            first.confirm()


def test_a_database_that_is_away_is_no_other_owner(
    fresh_connections: None, administrator: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ownership() as ownership:
        end_connections(administrator)
        assert ownership._connection is not None
        monkeypatch.setitem(ownership._connection.settings_dict, "PORT", "1")

        with pytest.raises(OperationalError):
            ownership.confirm()


# A real server


def page_of_many_words(served: EvowebProcess, upstream: Upstream) -> str:
    """The address of a page that is larger than what a connection takes without being read."""
    upstream.says("many words " * 40_000)
    with served.session() as browser:
        address = send(browser, "Write a lot").url.path
        eventually(
            lambda: browser.get(address).text,
            lambda page: 'data-role="assistant" data-state="complete"' in page,
            seconds=30,
        )
    return address


@contextlib.contextmanager
def clients_that_do_not_read(served: EvowebProcess, address: str, *, count: int) -> Iterator[None]:
    cookies = "; ".join(f"{name}={value}" for name, value in served.cookies.items())
    request = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookies}\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", served.port))
            stack.enter_context(contextlib.closing(client))
            client.sendall(request.encode())
        yield


def test_clients_that_do_not_read_keep_nobody_from_the_database(
    served: EvowebProcess, upstream: Upstream
) -> None:
    address = page_of_many_words(served, upstream)

    with clients_that_do_not_read(served, address, count=POOL + 4):
        time.sleep(1)  # Until all of them are being answered.
        with served.session() as browser:
            answers = [browser.get("/", timeout=15).status_code for _ in range(3)]

    assert answers == [200] * 3


def test_clients_that_leave_take_no_connection_with_them(
    served: EvowebProcess, upstream: Upstream, administrator: psycopg.Connection
) -> None:
    upstream.says("Hello")
    with served.session() as browser:
        address = send(browser, "First").url.path

    def leave() -> None:
        with served.session() as browser, contextlib.suppress(httpx.ReadTimeout):
            data = {"text": "x", "send_key": str(uuid.uuid4())}
            browser.post(f"{address}messages/", data=data, timeout=0.5)

    with psycopg.connect(on_postgresql) as locking:
        locking.execute("SELECT * FROM chat_conversation FOR UPDATE")
        with ThreadPoolExecutor(POOL - 2) as threads:
            list(threads.map(lambda _: leave(), range(POOL - 2)))
        # Longer than Daphne waits for the application of a client that left.
        time.sleep(13)
        locking.rollback()

    with served.session() as browser:
        assert [browser.get("/", timeout=15).status_code for _ in range(3)] == [200] * 3


def test_after_a_restart_of_the_database_pages_come_and_answers_are_given(
    served: EvowebProcess, upstream: Upstream, administrator: psycopg.Connection
) -> None:
    with served.session() as browser:
        with ThreadPoolExecutor(10) as threads:
            list(threads.map(lambda _: browser.get("/"), range(30)))
        for _ in range(2):
            assert end_connections(administrator) > 2
            eventually(
                lambda: [browser.get("/", timeout=15).status_code for _ in range(POOL)],
                lambda answers: set(answers) == {200},
                seconds=30,
            )
        upstream.says("Still here")
        address = send(browser, "Are you?").url.path
        eventually(lambda: browser.get(address).text, lambda page: "Still here" in page)
