"""Backup and restore by PostgreSQL's own programs, by somebody who is no administrator there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import evoweb_on
from tests.environment import on_postgresql
from tests.evoweb_process import EvowebProcess, send
from tests.postgres import path_with_programs, programs
from tests.test_serve import reply_state
from tests.upstream.process import Upstream, UpstreamProcess
from tests.waiting import eventually

PASSWORD = "only-for-keeper"


@pytest.fixture
def keeper(administrator: psycopg.Connection) -> Iterator[list[str]]:
    """A role with a password, and the addresses of two databases of its own."""
    names = ["keeper_first", "keeper_second"]
    administrator.execute(f"CREATE ROLE keeper LOGIN PASSWORD '{PASSWORD}'")
    for name in names:
        administrator.execute(f"CREATE DATABASE {name} OWNER keeper")
    host = on_postgresql.partition("?")[2]
    yield [f"postgresql://keeper:{PASSWORD}@/{name}?{host}" for name in names]
    for name in names:
        administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
    administrator.execute("DROP ROLE keeper")


@pytest.fixture
def first(keeper: list[str], upstream_process: UpstreamProcess, tmp_path: Path) -> EvowebProcess:
    return evoweb_of(keeper[0], tmp_path / "first", upstream_process)


@pytest.fixture
def second(keeper: list[str], upstream_process: UpstreamProcess, tmp_path: Path) -> EvowebProcess:
    return evoweb_of(keeper[1], tmp_path / "second", upstream_process)


def evoweb_of(
    url: str, folder: Path, upstream_process: UpstreamProcess, path: str = ""
) -> EvowebProcess:
    path = path or path_with_programs()
    return evoweb_on(folder, upstream_process, DATABASE_URL=url, SECRET_KEY="x" * 50, PATH=path)


def test_what_a_running_evoweb_has_comes_back_elsewhere_and_what_ran_is_interrupted(
    first: EvowebProcess, second: EvowebProcess, upstream: Upstream, tmp_path: Path
) -> None:
    file = str(tmp_path / "monday.evoweb")
    upstream.holds_after(1, "One", " two")
    with first, first.session() as browser:
        page = str(send(browser, "Count").url)
        eventually(lambda: browser.get(page).text, lambda text: "One" in text)
        backup = first.manage("backup", file)
        upstream.release()
    restore = second.manage("restore", file)
    with second, second.session() as browser:
        after = browser.get(page.replace(first.url, second.url)).text
        proof = second.manage("prove")

    assert (backup.returncode, backup.stderr) == (0, "")
    assert (restore.returncode, restore.stderr) == (0, "")
    assert Path(file).stat().st_mode & 0o777 == 0o600
    assert reply_state(after) == "interrupted"
    assert "One" in after
    assert " two" not in after
    assert (proof.returncode, proof.stderr) == (0, "")


def test_what_came_later_is_replaced_tables_of_a_newer_evoweb_too(
    first: EvowebProcess, keeper: list[str], upstream: Upstream, tmp_path: Path
) -> None:
    file = str(tmp_path / "monday.evoweb")
    with first, first.session() as browser:
        before = send(browser, "Before").url
        first.manage("backup", file)
        after = send(browser, "After").url
    with psycopg.connect(keeper[0]) as session:
        session.execute("CREATE TABLE chat_newer (message_id bigint REFERENCES chat_message (id))")
        session.execute("CREATE TABLE of_somebody_else (text text)")

    refused = first.manage("restore", file)
    restored = first.manage("restore", file, "--replace", typed="replace\n")

    with psycopg.connect(keeper[0]) as session:
        tables = session.execute(
            "SELECT to_regclass('chat_newer'), to_regclass('of_somebody_else')"
        ).fetchone()
        sessions = session.execute("SELECT count(*) FROM django_session").fetchone()
    with first:
        del first.cookies
        with first.session() as browser:
            found = [browser.get(url).status_code for url in (before, after)]
    assert "has 1 people and 2 conversations" in refused.stderr
    assert (restored.returncode, restored.stderr) == (0, "")
    assert tables == (None, "of_somebody_else")
    assert sessions == (0,)
    assert found == [200, 404]


def test_a_restore_that_fails_changes_nothing(
    first: EvowebProcess, upstream: Upstream, tmp_path: Path
) -> None:
    file = str(tmp_path / "monday.evoweb")
    with first, first.session() as browser:
        first.manage("backup", file)
        page = send(browser, "After").url
    # Nothing can be made there any more, which shows when all is dropped already.
    of_administrator = on_postgresql.replace("/postgres?", "/keeper_first?")
    with psycopg.connect(of_administrator) as session:
        session.execute("ALTER SCHEMA public OWNER TO postgres")

    failed = first.manage("restore", file, "--replace", "--no-input")

    with first, first.session() as browser:
        kept = browser.get(page)
    assert kept.status_code == 200
    assert failed.returncode == 1
    assert "psql could not do it" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_running_evoweb_is_not_restored_into(first: EvowebProcess, tmp_path: Path) -> None:
    file = str(tmp_path / "monday.evoweb")
    with first:
        first.manage("backup", file)

        refused = first.manage("restore", file, "--replace", "--no-input")

    assert refused.returncode == 1
    assert "evoweb is running on this database" in refused.stderr


def test_the_password_stands_on_no_command_line(
    keeper: list[str], upstream_process: UpstreamProcess, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    spies = tmp_path / "spies"
    spies.mkdir()
    for name in ("pg_dump", "pg_restore", "psql"):
        spy(
            spies / name, f'echo "{name} $* [$PGPASSWORD]" >> {seen}; exec {programs() / name} "$@"'
        )
    evoweb = evoweb_of(
        keeper[0], tmp_path / "first", upstream_process, f"{spies}:{os.environ['PATH']}"
    )
    with evoweb:
        evoweb.manage("backup", str(tmp_path / "monday.evoweb"))
    evoweb.manage("restore", str(tmp_path / "monday.evoweb"), "--replace", "--no-input")

    lines = [line for line in seen.read_text().splitlines() if "--version" not in line]

    assert [line.split()[0] for line in lines] == ["pg_dump", "pg_restore", "psql"]
    assert [line.count(PASSWORD) for line in lines] == [1, 1, 1]
    assert [line.endswith(f"[{PASSWORD}]") for line in lines] == [True, True, True]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'pg_dump (PostgreSQL) 9.6.24'", "pg_dump 9 is too old for PostgreSQL"),
        ("echo 'pg_dump (PostgreSQL) 99.0'; exit 3", "pg_dump could not do it"),
        ("", "pg_dump is not there"),
    ],
    ids=["too old", "failing", "missing"],
)
def test_a_program_that_will_not_do_is_said_in_one_line(
    keeper: list[str],
    upstream_process: UpstreamProcess,
    tmp_path: Path,
    script: str,
    words: str,
) -> None:
    with evoweb_of(keeper[0], tmp_path / "first", upstream_process):
        pass
    path = tmp_path / "path"
    path.mkdir()
    spy(path / ("pg_dump" if script else "other"), script)
    evoweb = evoweb_of(keeper[0], tmp_path / "first", upstream_process, str(path))

    refused = evoweb.manage("backup", str(tmp_path / "monday.evoweb"))

    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert words in refused.stderr
    assert not (tmp_path / "monday.evoweb").exists()


def spy(path: Path, script: str) -> None:
    path.write_text(f"#!{shutil.which('sh')}\n{script}\n")
    path.chmod(0o755)
