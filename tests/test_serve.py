"""`manage.py serve` as a process: how it comes, how it goes, and what survives a kill."""

from __future__ import annotations

import csv
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from pytest_django import Settings

from chat.management.commands import serve
from chat.management.commands.serve import Told
from evoweb.leaving import LAST_SECONDS
from tests.conftest import MISSING_SECONDS, evoweb_on
from tests.evoweb_process import ROOT, EvowebProcess, environment, free_port, send
from tests.postgres import PostgresProcess
from tests.sockets import handshake, left, text_of, watch
from tests.upstream.process import Upstream, UpstreamProcess
from tests.waiting import eventually


def test_ctrl_c_ends_it_cleanly_and_at_once_when_nothing_runs(own_evoweb: EvowebProcess) -> None:
    own_evoweb.signal(signal.SIGINT)

    assert own_evoweb.wait(seconds=5) == 0
    assert own_evoweb.output.rstrip().endswith("evoweb has ended.")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_start_ends_it_and_the_next_start_is_whole(
    tmp_path: Path, upstream_process: UpstreamProcess, number: signal.Signals
) -> None:
    evoweb = evoweb_on(tmp_path / "evoweb", upstream_process)
    evoweb.launch()
    # Said before the server is even imported.
    eventually(lambda: evoweb.output, lambda output: "evoweb is at" in output, seconds=30)

    evoweb.signal(number)
    status = evoweb.wait()
    said = evoweb.output
    with evoweb, evoweb.session() as browser:
        page = browser.get("/")

    assert status == 0
    assert "Traceback" not in said
    assert page.status_code == 200


def test_static_files_are_collected_when_they_are_others_although_older(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BASE_DIR, settings.STATIC_ROOT = tmp_path, tmp_path / "collected"
    for folder in ("static", "requirements", "collected"):
        (tmp_path / folder).mkdir()
    for name in ("requirements/run.txt", "static/one.js"):
        (tmp_path / name).touch()
    collected: list[str] = []
    monkeypatch.setattr(serve, "call_command", lambda name, **_: collected.append(name))

    serve._collect_static_files()
    serve._collect_static_files()
    assert len(collected) == 1

    (tmp_path / "static/another.js").touch()
    os.utime(tmp_path / "static/another.js", (0, 0))
    serve._collect_static_files()
    assert len(collected) == 2


def test_a_signal_during_an_import_ends_the_start_when_that_is_over() -> None:
    """Raised within one it may be swallowed, by a weak reference that is just forgotten, say."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    imported: list[str] = []

    def start(told: Told) -> None:
        with told.uninterrupted():
            signal.raise_signal(signal.SIGTERM)
            imported.append("the server")
        imported.append("what must not follow")

    try:
        with pytest.raises(SystemExit):
            start(Told())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert imported == ["the server"]


def test_while_draining_it_takes_no_sends_and_lets_running_replies_end(
    own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    with own_evoweb.session() as browser:
        conversation = str(send(browser, "Count").url)
        upstream.wait_until_held()

        own_evoweb.signal(signal.SIGTERM)
        eventually(own_evoweb.health, lambda status: status == 503)
        refused = send(browser, "Another", to="/")
        page = browser.get(conversation)
        upstream.release()
        status = own_evoweb.wait()
    own_evoweb.start()
    with own_evoweb.session() as browser:
        after = browser.get(conversation).text

    assert (refused.status_code, page.status_code, status) == (503, 200, 0)
    assert "Another" in refused.text
    assert reply_state(after) == "complete"
    assert "One two" in after


def test_a_second_signal_does_not_wait_for_running_replies(
    own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    with own_evoweb.session() as browser:
        conversation = str(send(browser, "Count").url)
        eventually(lambda: browser.get(conversation).text, lambda page: "One" in page)

        own_evoweb.signal(signal.SIGTERM)
        eventually(own_evoweb.health, lambda status: status == 503)
        own_evoweb.signal(signal.SIGTERM)
        own_evoweb.wait(seconds=5)
    own_evoweb.start()
    with own_evoweb.session() as browser:
        after = browser.get(conversation).text

    assert reply_state(after) == "interrupted"
    assert "One" in after


def test_a_client_that_stalls_in_its_request_does_not_hold_up_the_end(
    own_evoweb: EvowebProcess,
) -> None:
    with socket.create_connection(("127.0.0.1", own_evoweb.port)) as stalled:
        stalled.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf of")
        own_evoweb.health()

        own_evoweb.signal(signal.SIGTERM)
        status = own_evoweb.wait(seconds=LAST_SECONDS + 5)

    assert status == 0
    assert own_evoweb.output.rstrip().endswith("evoweb has ended.")


def test_the_page_without_script_ends_properly_with_the_reply(
    own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    with own_evoweb.session() as browser:
        conversation = send(browser, "Count").url.path
        upstream.wait_until_held()
        with browser.stream("GET", f"{conversation}live/") as page:
            texts = page.iter_text()
            shown = next(texts)
            while "One" not in shown:
                shown += next(texts)
            own_evoweb.signal(signal.SIGTERM)
            eventually(own_evoweb.health, lambda status: status == 503)
            upstream.release()
            shown += "".join(texts)
        status = own_evoweb.wait()

    assert "One two" in shown
    assert shown.rstrip().endswith("</html>")
    assert status == 0


def test_sockets_are_told_to_come_back(own_evoweb: EvowebProcess, upstream: Upstream) -> None:
    with own_evoweb.session() as browser:
        page = send(browser, "Hello")
        with watch(own_evoweb, browser, page.text) as socket_:
            own_evoweb.signal(signal.SIGTERM)
            left(socket_)

    assert socket_.close_code == 1012


def test_it_ends_although_a_socket_does_not_close_and_a_request_still_runs(
    sqlite_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    with sqlite_evoweb.session() as browser, ExitStack() as stack:
        page = send(browser, "Hello")
        eventually(lambda: reply_state(browser.get(page.url).text), lambda now: now == "complete")
        deaf = stack.enter_context(socket.create_connection(("127.0.0.1", sqlite_evoweb.port)))
        deaf.sendall(handshake(sqlite_evoweb, browser, page.text))
        assert deaf.recv(100).startswith(b"HTTP/1.1 101")
        database = sqlite3.connect(sqlite_evoweb.folder / "evoweb.sqlite3", isolation_level=None)
        stack.enter_context(closing(database)).execute("BEGIN IMMEDIATE")
        threads = stack.enter_context(ThreadPoolExecutor(1))
        renaming = threads.submit(browser.post, f"{page.url.path}title/", data={"title": "Other"})
        # Until it waits for the database.
        time.sleep(1)

        sqlite_evoweb.signal(signal.SIGTERM)
        # The frame that closes the socket, which this reader leaves unanswered.
        while b"\x88" not in deaf.recv(65536):
            pass
        time.sleep(1)
        database.rollback()
        status = sqlite_evoweb.wait()
        renaming.exception()

    assert status == 0
    assert sqlite_evoweb.output.rstrip().endswith("evoweb has ended.")


def test_after_kill_9_everything_a_socket_had_received_is_stored(
    own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    upstream.stamps(rate=200, count=2000)
    with own_evoweb.session() as browser:
        page = send(browser, "Stream")
        with watch(own_evoweb, browser, page.text) as socket_:
            received = ""
            while received.count(";") < 100:
                received += text_of(str(socket_.recv(timeout=10)))
            own_evoweb.kill()
            received += "".join(text_of(str(frame)) for frame in left(socket_))
    own_evoweb.start()
    with own_evoweb.session() as browser:
        after = eventually(
            lambda: browser.get(str(page.url)).text,
            lambda text: reply_state(text) == "interrupted",
            seconds=MISSING_SECONDS,
        )
        usage = browser.get("/usage/days.csv").text

    stored = re.search(
        r'id="message-\d+-text" class="message__text prose"[^>]*>(.*?)</div>', after, re.S
    )
    assert stored is not None
    assert "".join(received.split()) in "".join(re.sub(r"<[^>]+>", "", stored[1]).split())
    # One closed row, estimated, because the upstream never came to its figures.
    headers, row = csv.reader(usage.splitlines())
    figures = dict(zip(headers, row, strict=True))
    assert figures["completions"] == figures["completions_estimated"] == "1"
    assert figures["completions_without_figures"] == "0"


def test_kill_9_leaves_no_process_behind(tmp_path: Path) -> None:
    evoweb = EvowebProcess(tmp_path / "evoweb")
    evoweb.start()
    children = evoweb.children

    evoweb.kill()

    assert len(children) == 1
    eventually(
        lambda: [pid for pid in children if Path(f"/proc/{pid}").exists()], lambda left: not left
    )


def test_with_a_key_nothing_local_is_started(own_evoweb: EvowebProcess) -> None:
    assert own_evoweb.children == []


def test_what_it_writes_is_nobody_elses_to_read(sqlite_evoweb: EvowebProcess) -> None:
    # The log is ours, and what every browser gets may be read here too.
    found = [path for path in sqlite_evoweb.folder.iterdir() if path.name != "serve.log"]

    assert "evoweb.sqlite3" in [path.name for path in found]
    assert [path.name for path in found if path.stat().st_mode & 0o077] == []


def test_no_header_changes_where_its_pages_are(own_evoweb: EvowebProcess) -> None:
    elsewhere = {"Daphne-Root-Path": "/elsewhere", "Root-Path": "/elsewhere"}

    answer = httpx.get(own_evoweb.url, headers=elsewhere, trust_env=False)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/login/?next=/")


def test_files_are_what_they_say_they_are(own_evoweb: EvowebProcess) -> None:
    with own_evoweb.session() as browser:
        file = re.search(r"/static/js/joined-page\.[0-9a-f]+\.js", browser.get("/").text)
        assert file is not None
        answer = browser.get(file[0])

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"].startswith("text/javascript")


def test_a_second_start_keeps_what_the_first_one_made(own_evoweb: EvowebProcess) -> None:
    own_evoweb.stop()
    own_evoweb.start()

    with own_evoweb.session() as browser:
        assert browser.get("/").status_code == 200


def test_without_users_it_prints_a_link_that_makes_the_administrator_once(
    tmp_path: Path, upstream_process: UpstreamProcess
) -> None:
    bare = {"EVOWEB_ADMIN_EMAIL": "", "EVOWEB_ADMIN_PASSWORD": ""}
    with evoweb_on(tmp_path / "evoweb", upstream_process, **bare) as evoweb:
        link = re.search(r"http://\S+/welcome/\S+", evoweb.output)
        assert link is not None
        with httpx.Client(trust_env=False, follow_redirects=True) as browser:
            browser.get(link[0])
            made = browser.post(
                link[0],
                data={
                    "email": "zoe@example.org",
                    "display_name": "Zoe",
                    "password": "a long enough password",
                    "csrfmiddlewaretoken": browser.cookies["csrftoken"],
                },
            )
        again = httpx.get(link[0], trust_env=False)

    assert (made.status_code, made.url.path) == (200, "/")
    assert again.status_code in (404, 410)


# What keeps it from starting, each in one clear line


def refused_start(folder: Path, **variables: str) -> tuple[int, str]:
    """The exit status and the words of a `serve` that cannot start."""
    result = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=environment(EVOWEB_DATA_DIR=str(folder), **{"PORT": str(free_port()), **variables}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return result.returncode, result.stderr.strip()


def test_bad_settings_are_all_named_in_one_message(tmp_path: Path) -> None:
    status, words = refused_start(
        tmp_path,
        PORT="eighty",
        TIME_ZONE="Mars/Olympus",
        DATABASE_URL="mysql://x",
        LOG_LEVEL="LOUD",
    )

    assert status == 2
    for name in ("PORT", "TIME_ZONE", "DATABASE_URL", "LOG_LEVEL"):
        assert name in words
    assert "Traceback" not in words


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, words = refused_start(tmp_path, PORT=str(port))

    assert status == 1
    assert words.count("\n") == 0
    assert f"Port {port}" in words


def test_an_unusable_data_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    status, words = refused_start(tmp_path / "file" / "data")

    assert status == 2
    assert "EVOWEB_DATA_DIR" in words


def test_a_database_that_cannot_be_reached_is_said(tmp_path: Path) -> None:
    status, words = refused_start(
        tmp_path,
        DATABASE_URL=f"postgresql://evoweb:secret@127.0.0.1:{free_port()}/evoweb",
        SECRET_KEY="x" * 50,
    )

    assert status == 1
    assert words.count("\n") == 0
    assert "DATABASE_URL" in words
    assert "secret" not in words


def test_a_second_process_on_the_same_sqlite_is_refused(sqlite_evoweb: EvowebProcess) -> None:
    status, words = refused_start(sqlite_evoweb.folder)

    assert (status, words.count("\n")) == (1, 0)
    assert "Another evoweb is running" in words


def test_on_postgresql_it_serves_and_refuses_a_second_process(
    tmp_path: Path, upstream: Upstream, upstream_process: UpstreamProcess
) -> None:
    with PostgresProcess() as postgres:
        on_postgres = {"DATABASE_URL": postgres.url, "SECRET_KEY": "x" * 50}
        with evoweb_on(tmp_path / "evoweb", upstream_process, **on_postgres) as evoweb:
            upstream.says("Good morning")
            with evoweb.session() as browser:
                conversation = str(send(browser, "Hello").url)
                eventually(
                    lambda: browser.get(conversation).text,
                    lambda page: reply_state(page) == "complete" and "Good morning" in page,
                )
            status, words = refused_start(tmp_path / "second", **on_postgres)

    assert status == 1
    assert "Another evoweb is running" in words


def reply_state(page: str) -> str:
    found = re.findall(r'data-role="assistant" data-state="(\w+)"', page)
    return found[-1] if found else ""
