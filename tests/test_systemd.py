"""What systemd passes to `serve`, and what it hears."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from evoweb import systemd
from tests.evoweb_process import AS_SYSTEMD, ROOT, EvowebProcess, environment
from tests.waiting import eventually

FOREIGN = ("LISTEN_", "NOTIFY_SOCKET")


def test_systemd_hears_when_evoweb_serves_and_when_it_leaves(
    tmp_path: Path, own_evoweb: EvowebProcess
) -> None:
    own_evoweb.stop()
    with ExitStack() as stack:
        heard = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(30)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        own_evoweb.pass_on(listener)
        own_evoweb.variables["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        own_evoweb.launch()
        first = heard.recv(100)
        # No waiting: it said that it serves.
        health = httpx.get(f"{own_evoweb.url}/healthz", trust_env=False).status_code
        status = own_evoweb.stop()
        second = heard.recv(100)

    assert (first, second) == (b"READY=1", b"STOPPING=1")
    assert (health, status) == (200, 0)


def test_children_hear_nothing_of_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Without a key it has a child, the demonstration model.
        evoweb = EvowebProcess(tmp_path / "evoweb", NOTIFY_SOCKET=str(tmp_path / "nobody"))
        evoweb.pass_on(listener)
        with evoweb:
            (child,) = evoweb.children
            names = eventually(lambda: variables(child), lambda names: "SECRET_KEY" in names)
            inherited = sockets(child) & {
                f"socket:[{Path(f'/proc/self/fd/{listener.fileno()}').stat().st_ino}]"
            }

    assert [name for name in names if name.startswith(FOREIGN)] == []
    assert inherited == set()


def test_who_cannot_be_told_does_not_keep_it_from_serving(caplog: pytest.LogCaptureFixture) -> None:
    systemd.notify("/nowhere/notify", systemd.READY)
    systemd.notify("", systemd.READY)

    assert [record.getMessage()[:35] for record in caplog.records] == [
        "systemd could not be told READY=1: "
    ]


def datagrams() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def bound() -> socket.socket:
    unused = socket.socket()
    unused.bind(("127.0.0.1", 0))
    return unused


@pytest.mark.parametrize(
    ("make", "problem"), [(datagrams, "it is no stream socket"), (bound, "it does not listen")]
)
def test_a_socket_that_nothing_can_be_accepted_from_is_refused(
    tmp_path: Path, make: Callable[[], socket.socket], problem: str
) -> None:
    with make() as unusable:
        status, words = refused_start(tmp_path, unusable.fileno())

    assert status == 1
    assert problem in words
    assert words.count("\n") == 0


def test_a_file_instead_of_a_socket_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        status, words = refused_start(tmp_path, file.fileno())

    assert (status, words.count("\n")) == (1, 0)
    assert "it is no socket" in words


def refused_start(folder: Path, descriptor: int) -> tuple[int, str]:
    """The exit status and the words of a `serve` to which systemd passes this."""
    result = subprocess.run(
        [sys.executable, "-c", AS_SYSTEMD, str(descriptor), sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=environment(EVOWEB_DATA_DIR=str(folder)),
        pass_fds=[descriptor],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return result.returncode, result.stderr.strip()


def variables(pid: int) -> list[str]:
    lines = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return [line.partition("=")[0] for line in lines]


def sockets(pid: int) -> set[str]:
    return {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
