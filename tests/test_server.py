"""The server waits for slow readers, forgets those that left, and outlives what breaks."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from evoweb.bodies import LARGEST_BODY, LARGEST_WITH_FILES
from tests.small_server import PIECE, PIECE_SIZE, SmallServer, small_server
from tests.waiting import eventually

SILENT = 10
# For each of them: some 20 MB.
PIECES = 20_000_000 // PIECE_SIZE
MOST_MEMORY = 2.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallServer]:
    with small_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def server(running: SmallServer) -> SmallServer:
    """Nobody but the test itself is connected, and nothing was said before it."""
    eventually(lambda: running.counts, lambda counts: counts["connections"] <= 1)
    return running


def test_a_reading_socket_gets_everything(server: SmallServer) -> None:
    assert read_socket(server, f"/pieces?count={PIECES}") == [PIECE] * PIECES


def test_a_message_may_be_longer_than_what_is_taken_from_browsers(server: SmallServer) -> None:
    assert read_socket(server, "/long?count=60") == [PIECE * 60]


def test_a_reading_client_gets_the_whole_streamed_body(server: SmallServer) -> None:
    body = httpx.get(f"{server.url}/pieces?count={PIECES}", trust_env=False).text

    assert body == PIECE * PIECES


@pytest.mark.parametrize("kind", ["socket", "body"])
def test_who_never_reads_costs_little_and_hinders_nobody(server: SmallServer, kind: str) -> None:
    read_socket(server, "/pieces?count=100")
    before = memory_in_mb(server)

    with silent(server, kind, SILENT):
        eventually(lambda: server.counts["running"], lambda running: running == SILENT)
        settle(server)
        each = (memory_in_mb(server) - before) / SILENT
        stuck = server.counts["running"]
        others = read_socket(server, f"/pieces?count={PIECES}")
        page = httpx.get(f"{server.url}/hello", trust_env=False).text

    assert each <= MOST_MEMORY
    assert stuck == SILENT
    assert (len(others), page) == (PIECES, "hello")


@pytest.mark.parametrize("kind", ["socket", "body"])
def test_applications_of_clients_that_left_go_on_to_their_end(
    server: SmallServer, kind: str
) -> None:
    before = server.counts

    with silent(server, kind, SILENT):
        eventually(lambda: server.counts["running"], lambda running: running == SILENT)
        settle(server)
    after = eventually(lambda: server.counts, lambda counts: counts["running"] == 0, seconds=5)

    assert after["ended"] - before["ended"] == SILENT
    assert after["cancelled"] == before["cancelled"]
    assert "Exception" not in server.output


def test_a_socket_that_is_closed_while_much_is_sent_to_it_is_no_error(server: SmallServer) -> None:
    with open_socket(server, f"/pieces?count={PIECES}") as reader:
        assert reader.recv() == PIECE
    eventually(lambda: server.counts["running"], lambda running: running == 0, seconds=5)

    assert "Exception" not in server.output


def test_the_first_word_to_a_socket_that_was_lost_is_no_error(server: SmallServer) -> None:
    before = server.counts["ended"]

    with open_socket(server, "/late") as reader:
        eventually(lambda: server.counts["running"], lambda running: running == 1)
        reader.socket.shutdown(socket.SHUT_RDWR)
        ended = eventually(lambda: server.counts, lambda counts: counts["running"] == 0)["ended"]

    assert ended == before + 1
    assert "Exception" not in server.output


def test_a_connection_serves_on_after_a_streamed_body(server: SmallServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    sizes, ports = [], set()
    for path in ("/pieces?count=50", "/hello", "/pieces?count=60", "/pieces?count=0", "/hello"):
        connection.request("GET", path)
        sizes.append(len(connection.getresponse().read()))
        ports.add(connection.sock.getsockname()[1])
    connection.close()

    assert sizes == [50 * PIECE_SIZE, 5, 60 * PIECE_SIZE, 0, 5]
    assert len(ports) == 1


def test_many_idle_connections_are_kept_and_cost_little(server: SmallServer) -> None:
    before = memory_in_mb(server)
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(
                contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10))
            )
            for _ in range(300)
        ]
        first = [hello(connection) for connection in connections]
        grown = memory_in_mb(server) - before
        ports = [connection.sock.getsockname()[1] for connection in connections]
        second = [hello(connection) for connection in connections]
        same = [connection.sock.getsockname()[1] for connection in connections]

    assert first == second == ["hello"] * 300
    assert ports == same
    assert grown / 300 < 0.06


def test_an_application_that_fails_in_a_body_ends_its_connection_and_nothing_else(
    tmp_path: Path,
) -> None:
    with small_server(tmp_path) as server:
        for _ in range(2):
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.get(f"{server.url}/broken", trust_env=False)
        counts = eventually(lambda: server.counts, lambda counts: counts["connections"] <= 1)

        assert counts["connections"] == 1
        assert server.output.count("made to fail in the middle of a body") >= 2


def hello(connection: http.client.HTTPConnection) -> str:
    connection.request("GET", "/hello")
    return connection.getresponse().read().decode()


def memory_in_mb(server: SmallServer) -> float:
    status = Path(f"/proc/{server.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def settle(server: SmallServer) -> None:
    """Wait until nothing more goes out."""
    before = -1
    while (now := server.counts["sent"]) != before:
        before = now
        time.sleep(0.3)


def open_socket(server: SmallServer, path: str):  # type: ignore[no-untyped-def]
    return connect(
        server.url.replace("http", "ws") + path,
        compression=None,
        max_size=None,
        proxy=None,
        legacy=True,
    )


def read_socket(server: SmallServer, path: str) -> list[str]:
    messages = []
    with open_socket(server, path) as reader, contextlib.suppress(ConnectionClosed):
        while True:
            messages.append(str(reader.recv(timeout=10)))
    return messages


@contextlib.contextmanager
def silent(server: SmallServer, kind: str, count: int) -> Iterator[None]:
    """Clients that ask for 20 MB each and then read nothing."""
    upgrade = (
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    )
    lines = (
        f"GET /pieces?count={PIECES} HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        *(upgrade if kind == "socket" else ()),
    )
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(socket.socket())
            # Small, so that the kernel does not take for them what they do not read.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
            client.connect(("127.0.0.1", server.port))
            client.sendall("\r\n".join((*lines, "", "")).encode())
        yield


# Bodies of requests


def refused_status(server: SmallServer, head: str, pieces: Iterator[bytes]) -> bytes:
    """What comes to a request that is written for as long as the server lets it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(f"POST /hello HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            for piece in pieces:
                connection.sendall(piece)
        return connection.recv(100)


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(server: SmallServer) -> None:
    before = memory_in_mb(server)

    head = f"Content-Length: {100 * LARGEST_BODY}"
    answer = refused_status(server, head, repeat(b"x" * 2**16, 20))

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert memory_in_mb(server) - before < 20


def test_a_body_that_does_not_say_how_large_it_is_is_refused_once_it_is(
    server: SmallServer,
) -> None:
    before = memory_in_mb(server)
    chunk = b"10000\r\n" + b"x" * 2**16 + b"\r\n"

    answer = refused_status(server, "Transfer-Encoding: chunked", repeat(chunk, 2000))

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert memory_in_mb(server) - before < 20


def test_a_form_with_files_may_be_larger_and_no_other(server: SmallServer) -> None:
    path, size = f"{server.url}/hello", LARGEST_BODY + 1
    files = {"Content-Type": "multipart/form-data; boundary=x"}

    taken = httpx.post(path, content=b"x" * size, headers=files, trust_env=False)
    head = f"Content-Length: {LARGEST_WITH_FILES + 1}\r\nContent-Type: {files['Content-Type']}"
    refused = refused_status(server, head, repeat(b"x" * 2**16, 20))
    other = refused_status(server, f"Content-Length: {size}", repeat(b"x" * 2**16, 20))

    assert taken.status_code == 200
    assert refused.startswith(b"HTTP/1.1 413 ")
    assert other.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_is_as_large_as_may_be_is_taken(server: SmallServer) -> None:
    answer = httpx.post(f"{server.url}/hello", content=b"x" * LARGEST_BODY, trust_env=False)

    assert (answer.status_code, answer.text) == (200, "hello")
    assert httpx.get(f"{server.url}/hello", trust_env=False).text == "hello"
