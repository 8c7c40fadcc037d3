"""Three processes that serve one team, on a real PostgreSQL and a real Valkey."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.conftest import evoweb_on
from tests.evoweb_process import EvowebProcess
from tests.plain_http import WITHOUT_TLS
from tests.postgres import PostgresProcess
from tests.upstream.process import Upstream, UpstreamProcess
from tests.valkey import ValkeyProcess

NODES = 3


@dataclass(frozen=True)
class Team:
    """The processes, and what they share."""

    nodes: list[EvowebProcess]
    database_url: str
    valkey: ValkeyProcess

    @contextlib.contextmanager
    def browsers(self) -> Iterator[list[httpx.Client]]:
        """One person's browser at each process, signed in at the first alone."""
        cookies = self.nodes[0].cookies
        with contextlib.ExitStack() as stack:
            browsers = [
                stack.enter_context(
                    httpx.Client(
                        base_url=node.url,
                        trust_env=False,
                        timeout=10,
                        cookies=cookies,
                        verify=WITHOUT_TLS,
                    )
                )
                for node in self.nodes
            ]
            for browser in browsers:
                browser.headers["X-CSRFToken"] = cookies["csrftoken"]
            yield browsers

    @contextlib.contextmanager
    def database(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.database_url, autocommit=True) as session:
            yield session


@pytest.fixture(scope="session")
def shared_variables() -> Iterator[dict[str, str]]:
    with PostgresProcess() as postgres:
        yield {"DATABASE_URL": postgres.url, "SECRET_KEY": "x" * 50}


@pytest.fixture(scope="session")
def team_session(
    tmp_path_factory: pytest.TempPathFactory,
    upstream_process: UpstreamProcess,
    shared_variables: dict[str, str],
) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("several")
    with contextlib.ExitStack() as stack:
        valkey = stack.enter_context(ValkeyProcess())
        nodes = [
            node(folder / str(number), upstream_process, valkey, shared_variables)
            for number in range(NODES)
        ]
        # All at once, as after a power cut: they prepare the empty database one after the other.
        for each in nodes:
            each.launch()
            stack.callback(each.stop)
        for each in nodes:
            each.wait_until_up()
        yield Team(nodes, shared_variables["DATABASE_URL"], valkey)


def node(
    folder: Path, upstream: UpstreamProcess, valkey: ValkeyProcess, variables: dict[str, str]
) -> EvowebProcess:
    return evoweb_on(folder, upstream, REDIS_URL=valkey.url, **variables)


@pytest.fixture
def team(team_session: Team, upstream: Upstream) -> Team:
    """They are there for all tests: who kills one starts it again."""
    for each in team_session.nodes:
        if not each.is_running:
            each.start()
    return team_session
