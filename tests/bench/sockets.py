"""What sockets weigh: those that wait, and those that nobody reads while much is sent to them."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import httpx

from tests.bench import watching
from tests.bench.people import Person, Talk, begin_talks, prompt, signed_in
from tests.bench.site import Site
from tests.bench.table import Lost, Row
from tests.upstream.process import Upstream

PATIENCE = 30.0
# Small, so that the kernel does not keep for the server what nobody reads.
RECEIVE_BUFFER = 16 * 1024

LINE = "A line of an answer that is long, though not that long, and has no end in sight."
PIECE = f"{LINE}\n\n" * 250
PIECES = 190
REPLY_MB = len(PIECE) * PIECES / 1e6


def measure_idle(site: Site, *, count: int) -> list[Row]:
    with signed_in(site) as (person, client):
        talk = begin_talks(site, client, 1)[0]
        # The first ones make threads and caches that later ones use.
        with _watched(person, [talk] * 20):
            before = site.memory()
            with _watched(person, [talk] * count):
                time.sleep(1)
                grown = site.memory() - before
    return [Row("memory of an idle socket", grown / count * 1024, "kB", 60)]


def measure_unread(site: Site, upstream: Upstream, *, silent: int, replies: int) -> list[Row]:
    """The peak with sockets that never read, less the peak without them."""
    upstream.says(*[PIECE] * PIECES, delay=0.004, match="At length", times=0)
    with signed_in(site) as (person, client):
        talks = begin_talks(site, client, 3)
        # Once for the memory that a first time needs, which is then there for the others.
        _peak(site, person, client, talks[0], replies=replies, silent=0)
        without = _peak(site, person, client, talks[1], replies=replies, silent=0)
        beside = _peak(site, person, client, talks[2], replies=replies, silent=silent)
    upstream.reset()
    name = f"memory of a socket that never reads {replies * REPLY_MB:.0f} MB"
    return [Row(name, max(0.0, beside - without) / silent, "MB", 2, 2)]


def _peak(
    site: Site,
    person: Person,
    client: httpx.Client,
    talk: Talk,
    *,
    replies: int,
    silent: int,
) -> float:
    """The most memory while the same prompt is answered again and again."""
    site.forget_peak()
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(watching.reading(watching.answers, person, talk, LINE))
        reader.ready(PATIENCE)
        for _ in range(silent):
            stack.enter_context(_silent_socket(person, talk))
        client.post(talk.messages, data=prompt("At length"))
        for _ in range(replies):
            reply_id, lines = reader.result(PATIENCE)
            if lines < PIECES * 250:
                raise Lost("an answer did not arrive whole")
            client.post(f"{talk.messages}{reply_id}/try-again/")
        reader.result(PATIENCE)
        return site.peak_memory()


@contextlib.contextmanager
def _watched(person: Person, talks: list[Talk]) -> Iterator[None]:
    with watching.reading(watching.idle, person, talks) as reader:
        reader.ready(PATIENCE)
        yield
        reader.tell()


@contextlib.contextmanager
def _silent_socket(person: Person, talk: Talk) -> Iterator[None]:
    """A socket that is opened as a browser opens it, and then forgotten."""
    url = httpx.URL(talk.lookout)
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        silent.connect((url.host, url.port))
        cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
        lines = (
            f"GET {talk.socket} HTTP/1.1",
            f"Host: {url.host}:{url.port}",
            f"Origin: {talk.lookout}",
            f"Cookie: {cookies}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
        )
        silent.sendall("\r\n".join((*lines, "", "")).encode())
        if not silent.recv(12).endswith(b"101"):
            raise Lost("a socket was refused")
        yield
