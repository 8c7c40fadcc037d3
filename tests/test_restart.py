"""A restart under load, with the listening socket kept as systemd keeps it: nothing is lost."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.conftest import copy_of
from tests.evoweb_process import EvowebProcess, send
from tests.plain_http import WITHOUT_TLS
from tests.rows import rows
from tests.sockets import watch
from tests.upstream.process import Upstream, UpstreamProcess
from tests.waiting import eventually

RESTARTS = 2
WATCHERS = 3
SERVICE_RESTART = 1012


@pytest.fixture
def kept_evoweb(
    tmp_path: Path,
    upstream: Upstream,
    upstream_process: UpstreamProcess,
    evoweb_before: EvowebProcess,
) -> Iterator[EvowebProcess]:
    """An evoweb whose listening socket outlives it."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        evoweb = copy_of(evoweb_before, tmp_path / "evoweb", upstream_process)
        evoweb.pass_on(listener)
        with evoweb:
            yield evoweb


class Load:
    """What clients that never pause do, and what became of it."""

    def __init__(self, evoweb: EvowebProcess) -> None:
        self.evoweb = evoweb
        self.pages: Counter[int] = Counter()
        self.sent: list[str] = []
        self.refusals: Counter[int] = Counter()
        self.close_codes: Counter[int | None] = Counter()
        self._watching = 0
        self._is_over = threading.Event()

    def end(self) -> None:
        self._is_over.set()

    def wait_for_more(self) -> None:
        """Wait until everybody watches, and has been answered a few times more."""
        before = Counter(pages=self.pages.total() + 20, sent=len(self.sent) + 4, watching=WATCHERS)
        eventually(self._progress, lambda now: now >= before, seconds=20)

    def _progress(self) -> Counter[str]:
        return Counter(pages=self.pages.total(), sent=len(self.sent), watching=self._watching)

    def get_anew(self) -> None:
        while not self._is_over.is_set():
            with self._browser() as browser:
                self.pages[browser.get("/").status_code] += 1

    def get_again_and_again(self) -> None:
        with self._browser() as browser:
            while not self._is_over.is_set():
                self.pages[browser.get("/").status_code] += 1

    def send(self) -> None:
        """As the page does: what is refused is sent again with the same key."""
        with self._browser() as browser:
            while not self._is_over.is_set():
                text = f"Prompt {uuid.uuid4()}"
                data = {"text": text, "send_key": str(uuid.uuid4())}
                while (answer := browser.post("/", data=data)).status_code != 302:
                    assert text in answer.text
                    self.refusals[answer.status_code] += 1
                self.sent.append(text)

    def watch(self) -> None:
        """As the page does: whenever its socket is closed it opens another."""
        with self._browser() as browser:
            page = browser.get(send(browser, "Watched").url).text
            while not self._is_over.is_set():
                with watch(self.evoweb, browser, page) as socket_:
                    self._watching += 1
                    if self._is_closed_to(socket_):
                        self.close_codes[socket_.close_code] += 1
                    self._watching -= 1

    def _is_closed_to(self, socket_: ClientConnection) -> bool:
        """Read until it is closed, or all is over."""
        while not self._is_over.is_set():
            try:
                socket_.recv(timeout=0.1)
            except TimeoutError:
                continue
            except ConnectionClosed:
                return True
        return False

    def _browser(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.evoweb.url,
            cookies=self.evoweb.cookies,
            headers={"X-CSRFToken": self.evoweb.cookies["csrftoken"]},
            trust_env=False,
            timeout=30,
            verify=WITHOUT_TLS,
        )


def test_restarts_under_load_lose_no_request(kept_evoweb: EvowebProcess) -> None:
    statuses = []
    with load_on(kept_evoweb) as load:
        for _ in range(RESTARTS):
            load.wait_for_more()
            kept_evoweb.signal(signal.SIGTERM)
            statuses.append(kept_evoweb.wait())
            kept_evoweb.launch()
        load.wait_for_more()

    kept_evoweb.stop()
    stored = prompts(kept_evoweb)
    assert statuses == [0] * RESTARTS
    assert load.pages.keys() == {200}
    assert load.refusals.keys() <= {503}
    assert load.close_codes == {SERVICE_RESTART: WATCHERS * RESTARTS}
    assert unfinished(kept_evoweb) == (0, 0)
    assert {text: stored[text] for text in load.sent} == dict.fromkeys(load.sent, 1)


@contextlib.contextmanager
def load_on(evoweb: EvowebProcess) -> Iterator[Load]:
    """Clients at work in the block; none of them may fail."""
    load = Load(evoweb)
    work = [load.get_anew] * 2 + [load.get_again_and_again] * 2 + [load.send] * 2
    with ThreadPoolExecutor(len(work) + WATCHERS) as threads:
        clients = [threads.submit(each) for each in work + [load.watch] * WATCHERS]
        try:
            yield load
        finally:
            load.end()
            failures = [failure for client in clients if (failure := client.exception(30))]
            assert failures == []


def prompts(evoweb: EvowebProcess) -> Counter[str]:
    """How often each prompt is in the database."""
    texts = rows(evoweb.database, "SELECT text FROM chat_message WHERE role = 'user'")
    return Counter(text for (text,) in texts)


def unfinished(evoweb: EvowebProcess) -> tuple[int, int]:
    """How many replies and rows of the ledger were left open."""
    running = "SELECT id FROM chat_message WHERE state IN ('waiting', 'streaming')"
    opened = "SELECT id FROM chat_completion WHERE state = 'open'"
    return len(rows(evoweb.database, running)), len(rows(evoweb.database, opened))
