"""What an earlier release has left is found again by this one: every text and every figure."""

from __future__ import annotations

import csv
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import ON_SQLITE, evoweb_on
from tests.evoweb_process import EvowebProcess
from tests.postgres import PostgresProcess, path_with_programs
from tests.test_serve import reply_state
from tests.upstream.process import UpstreamProcess

DUMPS = sorted(Path(__file__).parent.glob("*.sql"))
TABLES = ("chat_user", "chat_conversation", "chat_message", "chat_completion")
RUNNING = ("waiting", "streaming")
# What the first start may write where a reply was left running; and who looks signs in.
ENDINGS = {
    "chat_user": {"last_login"},
    "chat_conversation": {"revision", "active_at"},
    "chat_message": {"state", "text", "reasoning", "error", "finished_at", "revision"},
    "chat_completion": {"state", "error", "http_status", "finished_at"}
    | {
        f"estimated_{part}{bound}"
        for part in ("prompt", "output")
        for bound in ("", "_low", "_high")
    },
}
STATES = {
    "Capitals 🏛": "complete",
    "Try twice": "complete",
    "Refuse this": "failed",
    "Break off": "interrupted",
    "Stop me": "stopped",
    "Waiting when the lights went out": "interrupted",
    "Streaming when the lights went out": "interrupted",
}
# A deleted conversation would be due to be removed for good.
JUST_DELETED = "UPDATE chat_conversation SET deleted_at = {} WHERE deleted_at IS NOT NULL"

Rows = dict[Any, dict[str, Any]]


class Upgraded:
    """This evoweb, running on what an earlier release has left, and what was there before."""

    def __init__(self, evoweb: EvowebProcess, connect: Callable[[], Any]) -> None:
        self.evoweb = evoweb
        self._connect = connect
        self.before = {table: self.rows(table) for table in TABLES}
        self.pieces = self.rows("chat_journalpiece")

    def rows(self, table: str) -> Rows:
        with self._connect() as session:
            found = session.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608 (our own)
            names = [column[0] for column in found.description]
            rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        return {row["id"]: row for row in rows}

    @property
    def running(self) -> Rows:
        """Replies that were running when it was left."""
        messages = self.before["chat_message"]
        return {key: row for key, row in messages.items() if row["state"] in RUNNING}

    def conversation(self, title: str) -> str:
        rows = self.rows("chat_conversation")
        (key,) = [key for key, row in rows.items() if row["title"] == title]
        return f"/c/{uuid.UUID(str(key))}/"


@pytest.fixture(scope="module", params=DUMPS, ids=[path.stem for path in DUMPS])
def upgraded(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    upstream_process: UpstreamProcess,
) -> Iterator[Upgraded]:
    folder = tmp_path_factory.mktemp("evoweb")
    with loaded(request.param, folder, upstream_process) as old, old.evoweb:
        yield old


def loaded(dump: Path, folder: Path, upstream: UpstreamProcess) -> AbstractContextManager[Upgraded]:
    """The database of a dump, on which no evoweb has run since."""
    load = on_postgresql if dump.stem.endswith(".postgresql") else on_sqlite
    return load(dump.read_text(), folder, upstream)


@contextmanager
def on_sqlite(dump: str, folder: Path, upstream: UpstreamProcess) -> Iterator[Upgraded]:
    path = folder / "evoweb.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(dump)
        with database:
            database.execute(JUST_DELETED.format("datetime('now')"))
    yield Upgraded(evoweb_on(folder, upstream, **ON_SQLITE), lambda: closing(sqlite3.connect(path)))


@contextmanager
def on_postgresql(dump: str, folder: Path, upstream: UpstreamProcess) -> Iterator[Upgraded]:
    with PostgresProcess() as postgres:
        url = postgres.url
        with psycopg.connect(url) as session:
            session.execute(dump.encode())
        with psycopg.connect(url) as session:
            session.execute(JUST_DELETED.format("now()").encode())
        variables = {"DATABASE_URL": url, "SECRET_KEY": "x" * 50, "PATH": path_with_programs()}
        evoweb = evoweb_on(folder, upstream, **variables)
        yield Upgraded(evoweb, lambda: psycopg.connect(url))


def test_there_is_something_to_lose(upgraded: Upgraded) -> None:
    messages, ledger = upgraded.before["chat_message"], upgraded.before["chat_completion"]

    assert {row["state"] for row in messages.values()} == {
        *("waiting", "streaming", "complete", "stopped", "interrupted", "failed")
    }
    assert {row["state"] for row in ledger.values()} == {"open", "final", "estimated", "failed"}
    assert len(upgraded.before["chat_user"]) == 2
    assert len(upgraded.pieces) == 2


@pytest.mark.parametrize("table", TABLES)
def test_every_row_is_as_it_was_but_for_the_end_of_what_ran(upgraded: Upgraded, table: str) -> None:
    before, after = upgraded.before[table], upgraded.rows(table)

    changed = {
        (key, name)
        for key, row in before.items()
        for name, value in row.items()
        if after[key][name] != value
        and not (name in ENDINGS[table] and is_touched(upgraded, table, row))
    }
    assert list(after) == list(before)
    assert changed == set()


def is_touched(upgraded: Upgraded, table: str, row: dict[str, Any]) -> bool:
    reply = {"chat_message": "id", "chat_completion": "message_id", "chat_conversation": "head_id"}
    return table == "chat_user" or row[reply[table]] in upgraded.running


def test_what_ran_is_interrupted_with_what_was_shown_and_reckoned(upgraded: Upgraded) -> None:
    messages, ledger = upgraded.rows("chat_message"), upgraded.rows("chat_completion")

    shown = {
        key: "".join(row["text"] for row in upgraded.pieces.values() if row["message_id"] == key)
        for key in upgraded.running
    }
    assert sorted(shown.values()) == ["", "Written before "]
    assert {key: messages[key]["text"] for key in shown} == shown
    assert {messages[key]["state"] for key in shown} == {"interrupted"}
    assert [row["state"] for row in ledger.values() if row["message_id"] in shown] == [
        "estimated",
        "estimated",
    ]
    assert upgraded.rows("chat_journalpiece") == {}


def test_what_has_to_be_true_is_true(upgraded: Upgraded) -> None:
    proof = upgraded.evoweb.manage("prove")

    assert (proof.returncode, proof.stderr) == (0, "")


def test_people_sign_in_and_find_their_conversations(upgraded: Upgraded) -> None:
    with upgraded.evoweb.session() as browser:
        pages = {title: browser.get(upgraded.conversation(title)).text for title in STATES}
        deleted = browser.get(upgraded.conversation("Delete me"))

    assert {title: reply_state(page) for title, page in pages.items()} == STATES
    assert "Toledo" in pages["Capitals 🏛"]
    assert "Written before" in pages["Streaming when the lights went out"]
    assert deleted.status_code == 404


def test_the_usage_pages_have_every_attempt_and_every_token(upgraded: Upgraded) -> None:
    rows = upgraded.rows("chat_completion").values()
    day = str(next(iter(rows))["started_at"])[:10]
    with upgraded.evoweb.session() as browser:
        sheet = browser.get(f"/usage/days.csv?start={day}&end={day}").text

    headers, *lines = csv.reader(sheet.splitlines())
    figures = [dict(zip(headers, line, strict=True)) for line in lines]
    tokens = [
        row["estimated_prompt"] if row["state"] == "estimated" else row["prompt_tokens"]
        for row in rows
    ]
    assert sum(int(line["completions"]) for line in figures) == len(rows)
    assert sum(int(line["prompt_tokens"] or 0) for line in figures) == sum(
        count for count in tokens if count
    )


@pytest.mark.parametrize("dump", DUMPS, ids=[path.stem for path in DUMPS])
def test_after_an_upgrade_the_way_back_is_a_backup_from_before_its_first_start(
    dump: Path, tmp_path: Path, upstream_process: UpstreamProcess
) -> None:
    file = str(tmp_path / "before.evoweb")
    with loaded(dump, tmp_path, upstream_process) as old:
        migrations = old.rows("django_migrations")
        backup = old.evoweb.manage("backup", file)
        old.evoweb.start()
        old.evoweb.stop()
        restore = old.evoweb.manage("restore", file, "--replace", "--no-input")

        assert (backup.returncode, backup.stderr) == (0, "")
        assert (restore.returncode, restore.stderr) == (0, "")
        assert old.rows("django_migrations") == migrations
        assert old.rows("chat_journalpiece") == old.pieces
        assert {table: old.rows(table) for table in TABLES} == old.before


def test_what_was_used_before_is_added_up(upgraded: Upgraded) -> None:
    def closed_and_counted(grain: str) -> tuple[int, int]:
        ledger, totals = upgraded.rows("chat_completion"), upgraded.rows("chat_total")
        return (
            sum(row["state"] != "open" for row in ledger.values()),
            sum(row["completions"] for row in totals.values() if row["grain"] == grain),
        )

    for grain in ("hour", "day", "month"):
        closed, counted = closed_and_counted(grain)
        assert counted == closed > 0
