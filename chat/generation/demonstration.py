"""The small model that answers when the operator has given no key: a child process of ours."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

logger = logging.getLogger(__name__)

START_SECONDS = 60.0
SECRETS = {
    *("SECRET_KEY", "DATABASE_URL", "EMAIL_URL"),
    *("EVOWEB_ADMIN_EMAIL", "EVOWEB_ADMIN_PASSWORD"),
}


class DemonstrationModel:
    """Starts the model's server, watches it, and ends it.

    The child reads its key from a pipe and ends when that pipe closes, which the kernel does
    whatever way this process dies.
    """

    def __init__(self, *, manage: Path, model: str, log: Path) -> None:
        self.key = secrets.token_urlsafe(24)
        self._port = _free_port()
        self.base_url = f"http://127.0.0.1:{self._port}/v1"
        self._log = log
        self._command = [
            *(sys.executable, str(manage), "local_model"),
            *("--port", str(self._port), "--name", model),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        # The last line that the child said before it failed; empty while all is well.
        self.problem = ""
        self._settled = asyncio.Event()

    def start(self) -> None:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own command)
                self._command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=_environment(),
                # Ctrl-C goes to the whole terminal; this child ends only when its parent says so.
                start_new_session=True,
            )
        pipe = self._process.stdin
        if pipe is None:
            raise RuntimeError("A child started with a pipe has one.")
        pipe.write(self.key.encode() + b"\n")
        pipe.flush()

    async def settled(self) -> None:
        """Wait until the child answers, or is known not to."""
        await self._settled.wait()

    async def watch(self) -> None:
        """Notice when the child fails to start or ends before it was told to."""
        try:
            if await self._has_come_up():
                logger.info("The demonstration model answers at %s", self.base_url)
                self._settled.set()
                while not self._has_ended():  # noqa: ASYNC110 (a process sets no event)
                    await asyncio.sleep(2)
            self._report()
        finally:
            self._settled.set()

    async def _has_come_up(self) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while not await loop.run_in_executor(None, self._answers):
            if self._has_ended() or loop.time() > deadline:
                return False
            await asyncio.sleep(0.2)
        return True

    def stop(self) -> None:
        """End the child within a few seconds, kindly first."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _report(self) -> None:
        if self._process is None:
            return
        lines = self._log.read_text(errors="replace").strip().splitlines()
        last = lines[-1].removeprefix("CommandError: ") if lines else "It ended without a word."
        self.problem = last[:300]
        logger.error("The demonstration model is not running: %s", self.problem)

    def _answers(self) -> bool:
        try:
            # Never by a proxy: it is on this machine.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{self._port}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _environment() -> dict[str, str]:
    """Ours without what the child needs not know; settings want a secret, and it signs nothing."""
    kept = {name: value for name, value in os.environ.items() if name not in SECRETS}
    return {**kept, "SECRET_KEY": secrets.token_urlsafe(50)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
