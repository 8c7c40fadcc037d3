"""Somebody signed in, as the measurements need them: sends, and the sockets of conversations."""

from __future__ import annotations

import html
import itertools
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from websockets import Origin
from websockets.asyncio.client import connect

from tests.bench.site import Site
from tests.waiting import eventually

# A browser keeps about so many connections to one server.
CONNECTIONS = 6

_SOCKET = re.compile(r'hx-ws:connect="([^"]+)"')
_STATE = re.compile(r'data-role="assistant" data-state="(\w+)"')


@dataclass(frozen=True, slots=True)
class Person:
    """Enough of a session to hand it to another process."""

    cookies: dict[str, str]

    @property
    def headers(self) -> dict[str, str]:
        """Those of a send that htmx makes."""
        return {"X-CSRFToken": self.cookies["csrftoken"], "HX-Request": "true"}

    def socket(self, talk: Talk) -> connect:
        """Connects without compression, as Daphne offers none, and reads as fast as it can."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return connect(
            talk.lookout.replace("http", "ws") + talk.socket,
            origin=Origin(talk.lookout),
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
    """A conversation: where its prompts are sent, and by which process its answers are watched."""

    entrance: str
    path: str
    lookout: str
    socket: str

    @property
    def messages(self) -> str:
        return f"{self.entrance}{self.path}messages/"


@contextmanager
def signed_in(site: Site) -> Iterator[tuple[Person, httpx.Client]]:
    with site.nodes[0].session() as browser:
        person = Person(dict(browser.cookies))
        limits = httpx.Limits(max_connections=CONNECTIONS)
        with httpx.Client(
            cookies=person.cookies,
            headers={"X-CSRFToken": person.cookies["csrftoken"]},
            limits=limits,
            timeout=30,
            trust_env=False,
        ) as client:
            yield person, client


def prompt(text: str) -> dict[str, str]:
    return {"text": text, "send_key": str(uuid.uuid4())}


def begin_talks(site: Site, client: httpx.Client, count: int) -> list[Talk]:
    """Conversations that have one short answer already, so that their sockets can be opened."""
    ways = list(itertools.islice(site.ways(), count))
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        paths = list(threads.map(lambda way: _begin(client, way[0]), ways))
        return list(threads.map(lambda way, path: _talk(client, way, path), ways, paths))


def send_to_all(client: httpx.Client, talks: list[Talk], text: str) -> None:
    """One prompt to each, over a few connections at a time."""

    def send(talk: Talk) -> None:
        answer = client.post(talk.messages, data=prompt(text), headers={"HX-Request": "true"})
        assert answer.status_code == 200, answer.text

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(send, talks))


def complete_page(client: httpx.Client, url: str) -> str:
    """A conversation's page, once its last reply is complete."""
    return eventually(
        lambda: client.get(url).text,
        lambda page: _STATE.findall(page)[-1:] == ["complete"],
        seconds=60,
    )


def _begin(client: httpx.Client, entrance: str) -> str:
    return client.post(f"{entrance}/", data=prompt("Good morning")).headers["location"]


def _talk(client: httpx.Client, way: tuple[str, str], path: str) -> Talk:
    entrance, lookout = way
    page = complete_page(client, entrance + path)
    address = _SOCKET.search(page)
    assert address is not None, page
    return Talk(entrance, path, lookout, html.unescape(address[1]))
