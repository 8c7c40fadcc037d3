"""The processes of a run: evoweb once or several times, its database, its wire, the upstream."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psycopg

from tests.evoweb_process import ROOT, EvowebProcess, environment, for_many, on_servers
from tests.postgres import PostgresProcess
from tests.rows import rows
from tests.upstream.process import Upstream, UpstreamProcess
from tests.valkey import ValkeyProcess

Kind = Literal["sqlite", "postgresql"]
NODES: dict[Kind, int] = {"sqlite": 1, "postgresql": 3}

END_CONNECTIONS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
SEEN_LONG_AGO = "UPDATE chat_process SET seen_at = seen_at - interval '1 minute' WHERE name = %s"
PEOPLE = 3


class Database:
    """Looks at the database beside evoweb."""

    def __init__(self, at: Path | str) -> None:
        self._at = at

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """`sql` has %s for values."""
        return rows(self._at, sql, *values)

    def look_silent(self, name: str) -> None:
        """As if the process had not been heard of for long."""
        with self._session() as session:
            session.execute("SET lock_timeout = '2s'")
            session.execute(SEEN_LONG_AGO, [name])

    def end_connections(self) -> None:
        """As a restart of the server does, or a firewall that forgets."""
        with self._session() as session:
            session.execute(END_CONNECTIONS)

    def _session(self) -> psycopg.Connection:
        return psycopg.connect(str(self._at), autocommit=True)


@dataclass
class World:
    kind: Kind
    folder: Path
    nodes: list[EvowebProcess]
    database: Database
    upstream: Upstream
    wire: ValkeyProcess | None
    sessions: list[str] = field(default_factory=list)

    def name_of(self, node: int) -> str:
        """As the database has it."""
        return f"{socket.gethostname()}:{self.nodes[node].pid}"

    def start_all(self) -> None:
        """Every process that is not there, all at once."""
        with ThreadPoolExecutor(len(self.nodes)) as threads:
            list(threads.map(_start, self.nodes))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A program with the settings of these processes."""
        variables = environment(DJANGO_SETTINGS_MODULE="evoweb.settings", **self.nodes[0].variables)
        return subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )


@contextlib.contextmanager
def world(kind: Kind, folder: Path) -> Iterator[World]:
    """Everything up, and people signed in. `folder` keeps the logs."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="evoweb-runtime-"))
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(UpstreamProcess())
        upstream = Upstream(process.base_url, process.key)
        stack.callback(upstream.close)
        variables: dict[str, str] = {}
        wire = None
        if kind == "postgresql":
            postgres = stack.enter_context(PostgresProcess())
            wire = stack.enter_context(ValkeyProcess())
            variables = on_servers(postgres.url, wire.url)
        nodes = [_node(folder / str(number), process, variables) for number in range(NODES[kind])]
        here = World(kind, folder, nodes, Database(nodes[0].database), upstream, wire)
        stack.callback(_stop_all, nodes)
        here.start_all()
        here.sessions = _sign_in(here)
        yield here


def _node(folder: Path, upstream: UpstreamProcess, variables: dict[str, str]) -> EvowebProcess:
    return for_many(
        folder,
        upstream,
        EVOWEB_DRAIN_SECONDS="3",
        # One that is ended by SIGABRT says where each of its threads was.
        PYTHONFAULTHANDLER="1",
        **variables,
    )


def _start(node: EvowebProcess) -> None:
    if not node.is_running:
        node.start()


def _stop_all(nodes: Sequence[EvowebProcess]) -> None:
    for node in nodes:
        if node.is_running:
            # Nothing is to be learnt from the end of the world.
            node.kill()


def _sign_in(here: World) -> list[str]:
    done = here.run("-m", "tests.chaos.cast", str(PEOPLE))
    assert done.returncode == 0, done.stderr
    keys: list[str] = json.loads(done.stdout)
    return keys
