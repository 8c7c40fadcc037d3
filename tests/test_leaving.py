"""A server that is told to end: what becomes of whatever is under way in each moment of it."""

from __future__ import annotations

import contextlib
import signal
import socket
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from evoweb.leaving import LAST_SECONDS, QUIET_SECONDS
from tests.small_server import PIECE_SIZE, SmallServer, small_server
from tests.test_server import open_socket
from tests.waiting import eventually

# What a busy machine may take beside what is waited for.
LEEWAY = 5.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SmallServer]:
    with small_server(tmp_path) as server:
        yield server


@pytest.mark.parametrize("body", [b"", b"x" * 1000], ids=["without a body", "with one"])
def test_a_request_in_work_is_answered_and_told_that_it_was_the_last(
    server: SmallServer, body: bytes
) -> None:
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(
            httpx.request, "POST", f"{server.url}/held", content=body, trust_env=False
        )
        eventually(lambda: server.counts["running"], lambda running: running == 1)
        server.leave()
        answer = held.result(10)

    assert (answer.text, answer.headers["Connection"]) == ("held", "close")
    assert server.process.wait(LEEWAY) == 0


def test_an_answer_that_is_half_written_comes_whole(server: SmallServer) -> None:
    with connected(server) as client:
        client.sendall(request("/pieces?count=200"))
        read = client.recv(1000)
        server.leave()
        read += rest_of(client)

    assert read.endswith(b"\r\n0\r\n\r\n")
    assert len(read) > 200 * PIECE_SIZE


def test_requests_that_were_sent_one_behind_the_other_are_all_answered(
    server: SmallServer,
) -> None:
    with connected(server) as client:
        client.sendall(request("/held") + request("/hello") + request("/hello"))
        eventually(lambda: server.counts["running"], lambda running: running == 1)
        server.leave()
        read = rest_of(client)

    assert read.count(b"HTTP/1.1 200 OK") == 3
    assert read.lower().count(b"connection: close") == 1
    assert read.endswith(b"hello")


def test_a_connection_that_was_just_made_still_has_its_answer(server: SmallServer) -> None:
    with connected(server) as client:
        server.leave()
        client.sendall(request("/hello"))
        read = rest_of(client)

    assert read.startswith(b"HTTP/1.1 200 OK")


def test_a_kept_connection_on_which_nothing_is_asked_is_closed(server: SmallServer) -> None:
    with connected(server) as client:
        client.sendall(request("/hello"))
        assert client.recv(1000).endswith(b"hello")
        began = time.monotonic()
        server.leave()
        read = rest_of(client)
        status = server.process.wait(LEEWAY)

    assert (read, status) == (b"", 0)
    assert time.monotonic() - began < QUIET_SECONDS + LEEWAY / 2


def test_a_second_signal_does_not_wait_for_those_who_ask_nothing(server: SmallServer) -> None:
    with connected(server) as client:
        server.leave()
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        rest_of(client)
        took = time.monotonic() - began

    assert took < QUIET_SECONDS
    assert server.process.wait(LEEWAY) == 0


@pytest.mark.parametrize(
    "beginning",
    [
        b"POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf of",
        b"POST /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf",
        b"GET /hello HTTP/1.1\r\nHo",
        b"GET /hel",
    ],
    ids=["body", "chunk", "header", "line"],
)
def test_a_client_that_stalls_in_its_request_does_not_hold_up_the_end(
    server: SmallServer, beginning: bytes
) -> None:
    with connected(server) as client:
        client.sendall(beginning)
        eventually(lambda: server.counts["connections"], lambda now: now >= 1)
        server.leave()
        status = server.process.wait(LAST_SECONDS + LEEWAY)

    assert status == 0


def test_sockets_are_closed_as_by_a_restart(server: SmallServer) -> None:
    with open_socket(server, "/open") as reader:
        reader.send("here")
        assert reader.recv(timeout=5) == "here"
        server.leave()
        with pytest.raises(ConnectionClosed):
            reader.recv(timeout=5)

    assert reader.close_code == 1012
    assert server.process.wait(LEEWAY) == 0


# With a listening socket that somebody keeps


def test_whoever_comes_between_two_processes_waits_for_the_next(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        first = stack.enter_context(small_server(tmp_path, listener))
        first.leave()
        first.process.wait(LEEWAY)
        client = stack.enter_context(connected(first))
        client.sendall(request("/hello", "Connection: close"))
        stack.enter_context(small_server(tmp_path, listener))
        read = rest_of(client)

    assert read.endswith(b"hello")


def test_a_unix_socket_is_served_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "evoweb.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(128)
        with small_server(tmp_path, listener) as server:
            transport = httpx.HTTPTransport(uds=str(path))
            with httpx.Client(transport=transport, base_url="http://evoweb") as client:
                body = client.get("/pieces?count=100").content
            server.leave()
            status = server.process.wait(LEEWAY)

    assert (len(body), status) == (100 * PIECE_SIZE, 0)
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@contextlib.contextmanager
def connected(server: SmallServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as client:
        yield client


def request(path: str, *headers: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: x", *headers, "", "")).encode()


def rest_of(client: socket.socket) -> bytes:
    """Everything until the other side closes."""
    read = b""
    while piece := client.recv(2**16):
        read += piece
    return read
