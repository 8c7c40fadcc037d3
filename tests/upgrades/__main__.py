"""`python -m tests.upgrades v0.1`: make a small database as this release leaves it, after a kill,
and keep it as SQL beside this file. For a release; what is there already is never made again.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx

from tests.evoweb_process import EvowebProcess, send
from tests.postgres import PostgresProcess, programs
from tests.upstream.process import Upstream, UpstreamProcess, scripted
from tests.waiting import eventually

HERE = Path(__file__).parent
STATE = re.compile(r'data-role="assistant" data-state="(\w+)"')


def main(release: str) -> None:
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="evoweb-runtime-"))
    with left_behind() as evoweb:
        keep(f"{release}.sql", dump_of_sqlite(evoweb.folder / "evoweb.sqlite3"))
    with (
        PostgresProcess() as postgres,
        left_behind(DATABASE_URL=postgres.url, SECRET_KEY="x" * 50),
    ):
        keep(f"{release}.postgresql.sql", dump_of_postgresql(postgres.url))


@contextmanager
def left_behind(**variables: str) -> Iterator[EvowebProcess]:
    """An evoweb that was killed in the middle of two answers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        process = stack.enter_context(UpstreamProcess())
        upstream = stack.enter_context(scripted(process))
        evoweb = EvowebProcess(
            folder,
            EVOLINK_MODELS="Gemini-3.0-pro,gemini-2.5-pro",
            **process.variables,
            **variables,
        )
        evoweb.start()
        evoweb.manage("invite", "ben@example.org", "--language", "es")
        with evoweb.session() as browser:
            live(browser, upstream)
            evoweb.kill()
        yield evoweb


def live(browser: httpx.Client, upstream: Upstream) -> None:
    """Every state that a message and a row of the ledger can be in."""
    upstream.says("Madrid", prompt_tokens=1234, completion_tokens=567, hidden_tokens=500)
    page = ended(browser, send(browser, "What is the capital of Spain?"))
    settings = {"model": "gemini-2.5-pro", "system_prompt": "One word.", "temperature": "0.25"}
    browser.post(f"{page.url.path}settings/", data={**settings, "stream": "on"})
    upstream.thinks_then_says("Which one came **later**?", "¡*Toledo*!\n\n```sh\nls 'a' \\\n```\n")
    ended(browser, browser.post(f"{page.url.path}messages/{last(page)}/try-again/"), page)
    browser.post(f"{page.url.path}title/", data={"title": "Capitals 🏛"})

    upstream.fails(503)
    upstream.says("At the second attempt", prompt_tokens=12, completion_tokens=5)
    ended(browser, send(browser, "Try twice"))

    upstream.fails(400)
    ended(browser, send(browser, "Refuse this"))

    upstream.breaks_after("Half of ")
    ended(browser, send(browser, "Break off"))

    upstream.holds_after(1, "Until here", " and no further")
    page = with_text(browser, send(browser, "Stop me"), "Until here")
    browser.post(f"{page.url.path}messages/{last(page)}/stop/")
    ended(browser, page)
    upstream.release()

    upstream.says("Forgotten soon", prompt_tokens=9, completion_tokens=3)
    page = ended(browser, send(browser, "Delete me"))
    browser.post(f"{page.url.path}delete/")

    upstream.reset()
    upstream.hangs_after()
    send(browser, "Waiting when the lights went out")
    upstream.holds_after(1, "Written ", "before ", "the dark")
    page = with_text(browser, send(browser, "Streaming when the lights went out"), "Written")
    upstream.release(1)
    with_text(browser, page, "before")


def ended(
    browser: httpx.Client, answer: httpx.Response, page: httpx.Response | None = None
) -> httpx.Response:
    url = (page or answer).url
    return eventually(
        lambda: browser.get(url),
        lambda now: STATE.findall(now.text)[-1] not in ("waiting", "streaming"),
        seconds=30,
    )


def with_text(browser: httpx.Client, page: httpx.Response, text: str) -> httpx.Response:
    return eventually(lambda: browser.get(page.url), lambda now: text in now.text, seconds=30)


def last(page: httpx.Response) -> str:
    ids: list[str] = re.findall(r'id="message-(\d+)"', page.text)
    return ids[-1]


def dump_of_sqlite(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        with database:
            database.execute("DELETE FROM django_session")
        return "\n".join(database.iterdump())


def dump_of_postgresql(url: str) -> str:
    words = ("--inserts", "--no-owner", "--no-privileges", "--exclude-table-data=django_session")
    result = subprocess.run(
        [programs() / "pg_dump", *words, url], capture_output=True, text=True, check=True
    )
    # What is left is understood by the server alone.
    return "\n".join(line for line in result.stdout.splitlines() if not line.startswith("\\"))


def keep(name: str, dump: str) -> None:
    (HERE / name).write_text(dump + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
