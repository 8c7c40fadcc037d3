"""evoweb's server around an application made for its tests, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import uvloop

from tests.plain_http import WITHOUT_TLS

ROOT = Path(__file__).resolve().parent.parent

# One message or chunk. Not ASCII alone, so that its bytes are not its characters.
PIECE = "Añil, " * 8_000
PIECE_SIZE = len(PIECE.encode())


class SmallApplication:
    """Sends as many pieces as it is asked for, and counts those that `send` took."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(sent=0, running=0, ended=0, cancelled=0)
        self.server: Any = None
        self.released = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        match scope["type"], scope["path"]:
            case "http", "/counts":
                counts = {**self.counts, "connections": len(self.server.connections)}
                await _answer(send, json.dumps(counts).encode())
            case "http", "/hello":
                await _answer(send, b"hello")
            case "http", "/held":
                self.counts["running"] += 1
                await self.released.wait()
                await _answer(send, b"held")
            case "http", "/pieces":
                await self._counted(self._chunks(scope, send))
            case "http", "/broken":
                await self._chunks({"query_string": b"count=1&broken=1"}, send)
            case "websocket", "/pieces":
                await receive()
                await send({"type": "websocket.accept"})
                await self._counted(self._messages(scope, send))
            case "websocket", "/open":
                await receive()
                await send({"type": "websocket.accept"})
                while (message := await receive())["type"] == "websocket.receive":
                    await send({"type": "websocket.send", "text": message["text"]})
            case "websocket", "/late":
                await receive()
                await send({"type": "websocket.accept"})
                await self._counted(self._late(receive, send))
            case "websocket", "/long":
                await receive()
                await send({"type": "websocket.accept"})
                await send({"type": "websocket.send", "text": PIECE * _count(scope)})
                await send({"type": "websocket.close"})

    async def _counted(self, sending: Any) -> None:
        self.counts["running"] += 1
        try:
            await sending
            self.counts["ended"] += 1
        except asyncio.CancelledError:
            self.counts["cancelled"] += 1
            raise
        finally:
            self.counts["running"] -= 1

    async def _messages(self, scope: Any, send: Any) -> None:
        for _ in range(_count(scope)):
            await send({"type": "websocket.send", "text": PIECE})
            self.counts["sent"] += 1
        await send({"type": "websocket.close"})

    async def _late(self, receive: Any, send: Any) -> None:
        """Its first word comes when nobody is there any more."""
        while (await receive())["type"] != "websocket.disconnect":
            pass
        await send({"type": "websocket.send", "text": PIECE})

    async def _chunks(self, scope: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(_count(scope)):
            body = PIECE.encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})
            self.counts["sent"] += 1
        if b"broken" in scope["query_string"]:
            raise ValueError("made to fail in the middle of a body")
        await send({"type": "http.response.body", "body": b""})


def _count(scope: Any) -> int:
    return int(parse_qs(scope["query_string"].decode())["count"][0])


async def _answer(send: Any, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _say(state: str) -> None:
    # Whoever only ends it has closed the pipe.
    with contextlib.suppress(BrokenPipeError):
        print(state, flush=True)


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    from evoweb.leaving import QUIET_SECONDS  # noqa: PLC0415 (the loop above)
    from evoweb.server import Server  # noqa: PLC0415

    application = SmallApplication()

    async def nothing() -> None:
        """There is nothing to start or to drain."""

    async def release() -> None:
        """What was held until the draining goes on once silent connections are closed."""
        delay = QUIET_SECONDS + 0.5
        asyncio.get_running_loop().call_later(delay, application.released.set)

    listener = socket.socket(fileno=int(sys.argv[1]))
    application.server = Server(
        application,
        listener=listener,
        start=nothing,
        drain=release,
        stop_now=lambda: None,
        was_told=lambda: False,
        notify=_say,
    )
    application.server.run()


@dataclass(frozen=True, slots=True)
class SmallServer:
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def counts(self) -> dict[str, int]:
        return dict(httpx.get(f"{self.url}/counts", trust_env=False, verify=WITHOUT_TLS).json())

    @property
    def output(self) -> str:
        return self.log.read_text()

    def leave(self) -> None:
        """SIGTERM, and wait until it is heard."""
        self.process.terminate()
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"STOPPING=1\n"


@contextlib.contextmanager
def small_server(folder: Path, listener: socket.socket | None = None) -> Iterator[SmallServer]:
    """It listens on this socket, or on one of its own."""
    own = socket.create_server(("127.0.0.1", 0), backlog=1024) if listener is None else None
    used = listener or own
    assert used is not None
    log = folder / "server.log"
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [sys.executable, "-m", "tests.small_server", str(used.fileno())],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=output,
            pass_fds=[used.fileno()],
        ) as process,
    ):
        port = used.getsockname()[1] if used.family == socket.AF_INET else 0
        if own is not None:
            own.close()
        assert process.stdout is not None
        assert process.stdout.readline() == b"READY=1\n"
        try:
            yield SmallServer(port, process, log)
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
