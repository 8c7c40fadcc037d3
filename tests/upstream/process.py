"""The test upstream as a process, and the pleasant way to script it. Synchronous on purpose.

In an async test, wait in a thread (`await asyncio.to_thread(upstream.wait_until_client_left)`)
where what is waited for happens on the test's own loop.
"""

import base64
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec

from tests.plain_http import WITHOUT_TLS
from tests.upstream.records import Record
from tests.upstream.scripts import Piece, Script
from tests.upstream.server import KEY

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 15.0

_listing = msgspec.json.Decoder(dict[str, Any])


class UpstreamProcess:
    """`with UpstreamProcess() as process: …`; it also ends when this process does."""

    def __init__(self, *, key: str = KEY, port: int = 0) -> None:
        self.key = key
        self.base_url = ""
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def variables(self) -> dict[str, str]:
        """By which an evoweb finds it."""
        return {"EVOLINK_API_KEY": self.key, "EVOLINK_BASE_URL": self.base_url}

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.upstream"]
        self._process = subprocess.Popen(
            [*command, "--port", str(self._port), "--key", self.key],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        first_line = self._process.stdout.readline()
        self.base_url = json.loads(first_line)["base_url"]

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


class Upstream:
    """Tells a running test upstream what to answer next, and asks it what it saw."""

    def __init__(self, base_url: str, key: str = KEY) -> None:
        self.base_url = base_url
        self.key = key
        self._http = httpx.Client(
            base_url=base_url, trust_env=False, timeout=PATIENCE, verify=WITHOUT_TLS
        )

    def close(self) -> None:
        self._http.close()

    # What it answers next

    def script(self, **fields: Any) -> None:
        """Queue one script; the fields are those of `tests.upstream.scripts.Script`."""
        self.queue([fields])

    def queue(self, scripts: Iterable[dict[str, Any]]) -> None:
        """Queue several scripts at once."""
        content = msgspec.json.encode(msgspec.convert([*scripts], list[Script]))
        answer = self._http.post("/control/scripts", content=content)
        assert answer.status_code == 200, answer.text

    def says(self, *pieces: str | dict[str, Any], **fields: Any) -> None:
        """Answer with these pieces, and bill what `prompt_tokens` and `completion_tokens` say."""
        self.script(pieces=list(pieces), **fields)

    def thinks_then_says(self, thought: str, *pieces: str, **fields: Any) -> None:
        self.script(pieces=[{"reasoning": thought}, *pieces], **fields)

    def holds_after(self, count: int, *pieces: str | dict[str, Any], **fields: Any) -> None:
        """Send `count` pieces and wait; every later step waits to be released."""
        self.script(pieces=list(pieces), hold_after=count, **fields)

    def stamps(self, *, rate: float, count: int, **fields: Any) -> None:
        """Send `count` pieces, each the time at which it was written."""
        self.script(stamp=True, rate=rate, count=count, **fields)

    def fails(self, status: int, body: Any = None, **fields: Any) -> None:
        """Answer with this status; `body` is JSON, text or bytes, or EvoLink's shape if None."""
        if body is None:
            body = {"error": {"code": status, "message": "made to fail", "type": "test_error"}}
        if isinstance(body, bytes):
            content = {"body_base64": base64.b64encode(body).decode()}
        else:
            content = {"body": body if isinstance(body, str) else json.dumps(body)}
        self.script(status=status, **content, **fields)

    def shows_page(self, html: str, *, status: int = 502) -> None:
        self.fails(status, html, headers={"Content-Type": "text/html"})

    def breaks_after(
        self, *pieces: str | dict[str, Any], how: str = "reset", **fields: Any
    ) -> None:
        """Send the pieces, then let the connection die: `reset`, or `close` without an end."""
        self.script(pieces=[*pieces, {"die": how}], **fields)

    def hangs_after(self, *pieces: str | dict[str, Any], **fields: Any) -> None:
        """Send the pieces, then nothing for ever; with no pieces not even a status line."""
        self.script(pieces=[*pieces, {"hang": True}], **fields)

    def sends_bytes(self, data: bytes, **fields: Any) -> None:
        """Send a stream of exactly these bytes."""
        raw = base64.b64encode(data).decode()
        ending = {"finish": None, "done": False, "usage_mode": "never", "role_chunk": False}
        self.script(pieces=[{"raw": raw}], **{**ending, **fields})

    def meters(self, body: str, *, status: int | None = 200) -> None:
        """What the meter says from now on; without a status it never says it."""
        order = {"status": status, "body": body}
        self._http.post("/control/meter", json=order).raise_for_status()

    def release(self, count: int | None = None) -> None:
        """Let every held answer go on: for `count` steps, or for good."""
        self._http.post("/control/release", json={"count": count}).raise_for_status()

    def drop_idle_connections(self) -> None:
        """Close the connections that clients keep open between requests."""
        self._http.post("/control/drop-idle").raise_for_status()

    def reset(self) -> None:
        """Forget scripts and requests, and abort what is still running."""
        self._http.post("/control/reset").raise_for_status()

    # What it saw

    @property
    def requests(self) -> list[Record]:
        return msgspec.convert(self._listing()["requests"], list[Record])

    @property
    def last(self) -> Record:
        return self.requests[-1]

    @property
    def scripts_left(self) -> int:
        return int(self._listing()["scripts"])

    @property
    def meter_reads(self) -> int:
        return int(self._listing()["meter_reads"])

    def wait_for_requests(self, count: int = 1) -> list[Record]:
        return self._wait(lambda found: found if len(found) >= count else None)

    def wait_until_held(self, count: int = 1) -> list[Record]:
        return self._wait_for(count, lambda record: record.held)

    def wait_until_client_left(self, count: int = 1) -> list[Record]:
        return self._wait_for(count, lambda record: record.client_left_at is not None)

    def wait_until_over(self, count: int = 1) -> list[Record]:
        return self._wait_for(count, Record.is_over)

    def _listing(self) -> dict[str, Any]:
        return _listing.decode(self._http.get("/control/requests").content)

    def _wait_for(self, count: int, is_so: Callable[[Record], bool]) -> list[Record]:
        def enough(records: list[Record]) -> list[Record] | None:
            found = [record for record in records if is_so(record)]
            return found if len(found) >= count else None

        return self._wait(enough)

    def _wait(self, look: Callable[[list[Record]], list[Record] | None]) -> list[Record]:
        deadline = time.monotonic() + PATIENCE
        while (found := look(self.requests)) is None:
            assert time.monotonic() < deadline, f"the upstream saw only {self.requests}"
            time.sleep(0.005)
        return found


@contextlib.contextmanager
def scripted(process: UpstreamProcess) -> Iterator[Upstream]:
    """The upstream of a process, with nothing scripted and nothing remembered."""
    upstream = Upstream(process.base_url, process.key)
    try:
        upstream.reset()
        yield upstream
        upstream.reset()
    finally:
        upstream.close()


def piece(**fields: Any) -> dict[str, Any]:
    """A piece by its fields, checked here rather than by the server."""
    return dict(msgspec.to_builtins(Piece(**fields)))
