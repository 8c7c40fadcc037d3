"""Somebody signed in, as the measurements need them: sends, and the sockets of conversations."""

from __future__ import annotations

import html
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from websockets import Origin
from websockets.asyncio.client import connect

from tests.evoweb_process import EvowebProcess
from tests.waiting import eventually

# A browser keeps about so many connections to one server.
CONNECTIONS = 6

_SOCKET = re.compile(r'hx-ws:connect="([^"]+)"')
_STATE = re.compile(r'data-role="assistant" data-state="(\w+)"')


@dataclass(frozen=True, slots=True)
class Person:
    """Enough of a session to hand it to another process."""

    url: str
    cookies: dict[str, str]

    @property
    def headers(self) -> dict[str, str]:
        """Those of a send that htmx makes."""
        return {"X-CSRFToken": self.cookies["csrftoken"], "HX-Request": "true"}

    def socket(self, address: str) -> connect:
        """Connects without compression, as Daphne offers none, and reads as fast as it can."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return connect(
            self.url.replace("http", "ws") + address,
            origin=Origin(self.url),
            additional_headers={"Cookie": cookies},
            compression=None,
            ping_interval=None,
            max_size=None,
            max_queue=None,
            proxy=None,
            open_timeout=30,
        )


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation: where its prompts are sent, and where its answers are watched."""

    path: str
    socket: str

    @property
    def messages(self) -> str:
        return f"{self.path}messages/"


@contextmanager
def signed_in(evoweb: EvowebProcess) -> Iterator[tuple[Person, httpx.Client]]:
    with evoweb.session() as browser:
        person = Person(evoweb.url, dict(browser.cookies))
        limits = httpx.Limits(max_connections=CONNECTIONS)
        with httpx.Client(
            base_url=person.url,
            cookies=person.cookies,
            headers={"X-CSRFToken": person.cookies["csrftoken"]},
            limits=limits,
            timeout=30,
            trust_env=False,
        ) as client:
            yield person, client


def prompt(text: str) -> dict[str, str]:
    return {"text": text, "send_key": str(uuid.uuid4())}


def begin_talks(client: httpx.Client, count: int) -> list[Talk]:
    """Conversations that have one short answer already, so that their sockets can be opened."""
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        paths = list(threads.map(lambda _: _begin(client), range(count)))
        return list(threads.map(lambda path: _talk(client, path), paths))


def send_to_all(client: httpx.Client, talks: list[Talk], text: str) -> None:
    """One prompt to each, over a few connections at a time."""

    def send(talk: Talk) -> None:
        answer = client.post(talk.messages, data=prompt(text), headers={"HX-Request": "true"})
        assert answer.status_code == 200, answer.text

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(send, talks))


def complete_page(client: httpx.Client, path: str) -> str:
    """A conversation's page, once its last reply is complete."""
    return eventually(
        lambda: client.get(path).text,
        lambda page: _STATE.findall(page)[-1:] == ["complete"],
        seconds=60,
    )


def _begin(client: httpx.Client) -> str:
    return client.post("/", data=prompt("Good morning")).headers["location"]


def _talk(client: httpx.Client, path: str) -> Talk:
    page = complete_page(client, path)
    address = _SOCKET.search(page)
    assert address is not None, page
    return Talk(path, html.unescape(address[1]))
