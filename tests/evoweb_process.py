"""A real `manage.py serve` in a process of its own, with a data folder of its own."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx

from tests.plain_http import WITHOUT_TLS
from tests.upstream.process import UpstreamProcess

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
# Variables of evoweb's that do not begin with its name.
OWN = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "TIME_ZONE", "PUBLIC_URL", "LOG_FORMAT")

EMAIL = "ana@example.org"
PASSWORD = "a long enough password"  # noqa: S105


# Passes descriptor argv[1] on as systemd does, to the command in argv[2:].
AS_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


class EvowebProcess:
    """Start it with what differs from the defaults: `EvowebProcess(folder, EVOLINK_API_KEY=…)`."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self._listener: socket.socket | None = None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.variables = {
            "EVOWEB_DATA_DIR": str(folder),
            "PORT": str(self.port),
            "EVOWEB_ADMIN_EMAIL": EMAIL,
            "EVOWEB_ADMIN_PASSWORD": PASSWORD,
            # One request for each answer, unless it is titles that are tested.
            "EVOWEB_TITLES": "off",
            **variables,
        }
        self._log = folder / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def pass_on(self, listener: socket.socket) -> None:
        """From its next start on, give it this socket as systemd gives those it listens on."""
        self._listener = listener
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        # In links; it is not bound.
        self.variables["PORT"] = str(self.port)

    def start(self) -> None:
        """Raises AssertionError with what it said when it does not come up."""
        self.launch()
        self.wait_until_up()

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.health() != 200:
            assert self.is_running, f"evoweb ended:\n{self.output}"
            assert time.monotonic() < deadline, f"evoweb is not up:\n{self.output}"
            time.sleep(0.05)

    def launch(self) -> None:
        """Start it without waiting for anything."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "manage.py", "serve"]
        passed = []
        if self._listener is not None:
            passed.append(self._listener.fileno())
            command = [sys.executable, "-c", AS_SYSTEMD, str(passed[0]), *command]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(**self.variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=passed,
            )

    def manage(
        self, *words: str, typed: str = "", seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Another command on the same data, to its end."""
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=environment(**self.variables),
            input=typed,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def stop(self) -> int:
        """SIGTERM, and wait. Gives the exit status."""
        if self.is_running:
            self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """kill -9: nothing is saved, nothing is said."""
        self.signal(signal.SIGKILL)
        self.wait()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = PATIENCE) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    def health(self) -> int:
        """The status of /healthz, 0 while nothing answers."""
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.get(f"{self.url}/healthz", trust_env=False, verify=WITHOUT_TLS)
            return answer.status_code
        return 0

    @property
    def database(self) -> Path | str:
        """The file of its SQLite, or the address of its PostgreSQL."""
        return self.variables.get("DATABASE_URL") or self.folder / "evoweb.sqlite3"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def children(self) -> list[int]:
        """The ids of the processes that it started."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [int(pid) for path in tasks for pid in path.read_text().split()]

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @contextlib.contextmanager
    def session(self) -> Iterator[httpx.Client]:
        """A signed-in person's browser without a page: cookies, and the CSRF token as a header."""
        with self._client(cookies=self.cookies) as client:
            client.headers["X-CSRFToken"] = self.cookies["csrftoken"]
            yield client

    @functools.cached_property
    def cookies(self) -> httpx.Cookies:
        """Of a person who has signed in: once for all, because attempts are counted."""
        with self._client() as client:
            client.get("/accounts/login/")
            token = client.cookies["csrftoken"]
            form = {"login": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": token}
            answer = client.post("/accounts/login/", data=form)
            assert answer.status_code == 302, answer.text
            return client.cookies

    def _client(self, **options: Any) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, trust_env=False, timeout=10, verify=WITHOUT_TLS, **options
        )


def for_many(folder: Path, upstream: UpstreamProcess, **variables: str) -> EvowebProcess:
    """One that is measured, or tried: a single person stands for many."""
    return EvowebProcess(
        folder,
        EVOLINK_MODELS="Gemini-3.0-pro",
        EVOWEB_MAX_REPLIES_PER_USER="1000",
        # A developer may have set it for their own.
        TRUSTED_PROXIES="",
        **upstream.variables,
        **variables,
    )


def on_servers(database_url: str, redis_url: str) -> dict[str, str]:
    """The variables of processes that share these."""
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "SECRET_KEY": "x" * 50}


def send(client: httpx.Client, text: str, to: str = "/") -> httpx.Response:
    """Send a prompt as a plain form does: a new conversation, or `to` one's messages address."""
    data = {"text": text, "send_key": str(uuid.uuid4())}
    return client.post(to, data=data, follow_redirects=True)


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without evoweb's own variables, and with these."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not re.match(f"EVOWEB_|EVOLINK_|DJANGO_|({'|'.join(OWN)})$", name)
    }
    return {**kept, **variables}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
