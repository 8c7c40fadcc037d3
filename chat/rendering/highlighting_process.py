"""The process in which code is read (`highlighter`), as seen from the one that asks."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Seconds. It limits its own time by that of the processor; this is for one that is stopped.
HANGS = 10.0
# It reads what models write, and needs no secrets for that.
ENVIRONMENT = {"PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
Run = tuple[str, str]


class Died(Exception):
    """It ended before it answered."""

    def __init__(self, *, took_too_long: bool) -> None:
        super().__init__()
        self.took_too_long = took_too_long


class HighlightingProcess:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None
        self._using = threading.RLock()

    @property
    def is_up(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        with self._using:
            if self._process is not None:
                return
            line, theirs = Pipe()
            with theirs:
                # With this process ends the line to it, and with that the other.
                process = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-m", "chat.rendering.highlighter", str(theirs.fileno())],
                    cwd=ROOT,
                    env={name: value for name, value in os.environ.items() if name in ENVIRONMENT},
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                )
            # If it has died already, what is asked of it will say so.
            with contextlib.suppress(OSError, EOFError):
                if line.poll(HANGS):
                    line.recv_bytes()
            self._line, self._process = line, process

    def runs(self, language: str, code: str) -> list[Run]:
        """Raises Died."""
        with self._using:
            self.start()
            assert self._line is not None
            try:
                self._line.send_bytes(json.dumps((language, code)).encode())
                if not self._line.poll(HANGS):
                    raise TimeoutError
                return [(kind, words) for kind, words in json.loads(self._line.recv_bytes())]
            except (OSError, EOFError, ValueError) as fault:
                raise Died(took_too_long=self.end() == -signal.SIGPROF) from fault

    def end(self) -> int | None:
        """How it ended, by itself or now."""
        with self._using:
            process, self._process = self._process, None
            line, self._line = self._line, None
            if line is not None:
                line.close()
            if process is None:
                return None
            try:
                # Whoever has hung up is about to be gone.
                return process.wait(0.5)
            except subprocess.TimeoutExpired:
                process.kill()
                return process.wait()
