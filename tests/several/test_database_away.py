"""PostgreSQL takes no connections for a while: what is refused, what goes on, and what is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.evoweb_process import send
from tests.several.conftest import Team
from tests.several.test_several import received, shown
from tests.sockets import watch
from tests.test_serve import reply_state
from tests.upstream.process import Upstream
from tests.waiting import eventually

ALLOW = "ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}"
END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


@contextlib.contextmanager
def away(url: str) -> Iterator[None]:
    """The server lives, but nobody gets a connection to this database, or keeps one."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]

    def allow(answer: str) -> None:
        statement = sql.SQL(ALLOW).format(sql.Identifier(str(name)), sql.SQL(answer))
        server.execute(statement)

    with psycopg.connect(url, dbname="template1", autocommit=True) as server:
        allow("false")
        server.execute(END_ALL, [name])
        try:
            yield
        finally:
            allow("true")


@pytest.fixture
def browser(team: Team) -> Iterator[httpx.Client]:
    with team.browsers() as browsers:
        browsers[0].timeout = httpx.Timeout(30)
        yield browsers[0]


def test_running_answers_are_read_on_and_shown_and_stored_when_it_is_back(
    team: Team, browser: httpx.Client, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two", " three")
    page = send(browser, "Count")
    upstream.wait_until_held()

    with watch(team.nodes[0], browser, page.text) as socket_:
        with away(team.database_url):
            upstream.release(1)
            eventually(
                lambda: str(socket_.recv(timeout=30)),
                lambda frame: "New text waits to be saved" in frame,
            )
        assert " two" in received(socket_, " two")
        upstream.release()

    assert "One two three" in shown(browser, page, "complete", seconds=30)


def test_a_send_is_refused_with_its_text_kept_and_works_when_it_is_back(
    team: Team, browser: httpx.Client, upstream: Upstream
) -> None:
    upstream.says("Hello")
    data = {"text": "Remember the heron", "send_key": "5f0c5d0e-9b0f-4df0-8c0c-111111111111"}

    with away(team.database_url):
        plain = browser.post("/", data=data)
        by_script = browser.post("/", data=data, headers={"HX-Request": "true"})

    assert (plain.status_code, by_script.status_code) == (503, 503)
    assert "Remember the heron" in plain.text
    assert "cannot reach its database" in plain.text
    assert "cannot reach its database" in by_script.text
    sent = eventually(
        lambda: browser.post("/", data=data, follow_redirects=True),
        lambda answer: answer.status_code == 200,
        seconds=30,
    )
    assert reply_state(sent.text)
    assert "Hello" in shown(browser, sent, "complete")
