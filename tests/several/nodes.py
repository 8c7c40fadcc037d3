"""`make run NODES=2`: several processes and a small proxy, on PostgreSQL and Valkey out of wheels.

To look at and to try out: kill one, freeze one, restart one. Its data is forgotten at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path

from tests.evoweb_process import ROOT, environment, free_port
from tests.postgres import PostgresProcess
from tests.valkey import ValkeyProcess

CHUNK = 64 * 1024
LEAVING_SECONDS = 30.0


class Proxy:
    """Hands each connection to the next process that takes it, and knows nothing of its words."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = itertools.cycle(ports)
        self._count = len(ports)

    async def serve(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._connect, host, port)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for port in itertools.islice(self._ports, self._count):
            with contextlib.suppress(OSError):
                node_reader, node_writer = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(_pump(reader, node_writer), _pump(node_reader, writer))
                return
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def _start(number: int, variables: dict[str, str]) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", "serve"),
        cwd=ROOT,
        env=environment() | variables,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # Ctrl-C is told to it by us, once.
        start_new_session=True,
    )
    print(f"[{number}] process {process.pid} at 127.0.0.1:{variables['PORT']}", flush=True)
    return process


async def _print(number: int, process: asyncio.subprocess.Process) -> None:
    """Its words, marked with its number, until it ends."""
    assert process.stdout is not None
    async for line in process.stdout:
        print(f"[{number}] {line.decode(errors='replace')}", end="", flush=True)
    print(f"[{number}] process {process.pid} has ended ({await process.wait()})", flush=True)


async def _run(count: int, shared: dict[str, str], folder: Path) -> None:
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
    ports = [free_port() for _ in range(count)]
    told = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("EVOWEB_", "EVOLINK_")) and name != "EVOWEB_DATA_DIR"
    }
    proxy = await Proxy(ports).serve(host, port)
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    processes = [
        await _start(
            number,
            told
            | shared
            | {
                "HOST": "127.0.0.1",
                "PORT": str(each),
                "PUBLIC_URL": os.environ.get("PUBLIC_URL", f"http://127.0.0.1:{port}"),
                "EVOWEB_DATA_DIR": str(folder / str(number)),
            },
        )
        for number, each in enumerate(ports, 1)
    ]
    printing = [asyncio.create_task(_print(*each)) for each in enumerate(processes, 1)]
    async with proxy:
        await over.wait()
        for process in processes:
            # One that was killed meanwhile is not there any more.
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        await asyncio.wait(printing, timeout=LEAVING_SECONDS)


def main() -> None:
    count = int(sys.argv[1])
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="evoweb-runtime-"))
    with (
        PostgresProcess() as postgres,
        ValkeyProcess() as valkey,
        tempfile.TemporaryDirectory(prefix="evoweb-nodes-") as folder,
    ):
        shared = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "SECRET_KEY": secrets.token_urlsafe(50),
        }
        asyncio.run(_run(count, shared, Path(folder)))


if __name__ == "__main__":
    main()
