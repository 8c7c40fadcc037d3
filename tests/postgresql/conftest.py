"""What is different on PostgreSQL. These tests are collected only where the run is on one."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from tests.conftest import evoweb_on
from tests.environment import on_postgresql
from tests.evoweb_process import EvowebProcess
from tests.postgres import name_of
from tests.upstream.process import Upstream, UpstreamProcess

# By which the administrators of all processes that share the tests are known.
OURS = "administrator"
END_OTHERS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = ANY(%s) "
    "AND application_name <> %s"
)


@pytest.fixture
def administrator() -> Iterator[psycopg.Connection]:
    """A connection of the server's own administrator, who can end those of others."""
    with psycopg.connect(on_postgresql, autocommit=True, application_name=OURS) as session:
        yield session


@pytest.fixture(scope="session")
def served_session(
    tmp_path_factory: pytest.TempPathFactory, upstream_process: UpstreamProcess
) -> Iterator[EvowebProcess]:
    folder = tmp_path_factory.mktemp("evoweb-on-postgresql")
    variables = {"DATABASE_URL": on_postgresql, "SECRET_KEY": "x" * 50}
    with evoweb_on(folder, upstream_process, **variables) as process:
        yield process


@pytest.fixture
def served(served_session: EvowebProcess, upstream: Upstream) -> EvowebProcess:
    """A `serve` on a database of its own beside that of the tests."""
    return served_session


def end_connections(administrator: psycopg.Connection) -> int:
    """As a restart of the server does, or a firewall that forgets. Gives how many there were.

    Only those to the databases of this process: others of them are tested beside it.
    """
    names = [connection.settings_dict["NAME"], name_of(on_postgresql)]
    ended = administrator.execute(END_OTHERS, [names, OURS]).fetchone()
    assert ended is not None
    return int(ended[0])


@pytest.fixture
def fresh_connections(transactional_db: None) -> Iterator[None]:
    """Nothing that a test broke is left to the next."""
    yield
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
