"""What the operator says, read from environment variables in one place and checked at once.

Every bad value is named together with what would be right; nothing is guessed and nothing is
read anywhere else.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar
from urllib.parse import urlsplit

from evoweb import values

ROOT = Path(__file__).resolve().parent.parent
# Seconds: whatever goes over Redis is not worth waiting for it.
REDIS_PATIENCE = {"socket_connect_timeout": 1.0, "socket_timeout": 2.0}
DEMONSTRATION_MODEL = "SmolLM2-135M-Instruct"

T = TypeVar("T")


class BadEnvironment(Exception):
    """Some values cannot be used. The message names each and says what would be right."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("evoweb cannot start with these settings:\n  " + "\n  ".join(problems))


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings of the README's table, parsed. Times are in seconds."""

    data_dir: Path
    database: dict[str, Any]
    redis_url: str
    secret_key: str
    host: str
    port: int
    public_url: str
    trusted_proxies: int
    email: dict[str, Any]
    time_zone: str
    log_level: str
    log_format: str
    metrics_token: str
    drain_seconds: float
    reads_on: bool
    max_replies: int
    max_replies_per_user: int
    messages_per_minute: int
    api_key: str
    base_url: str
    models: tuple[str, ...]
    # Where pictures are, how many pixels they may have a side, and which models take them, where
    # that is otherwise than known.
    files_dir: Path
    picture_side: int
    picture_models: dict[str, bool]
    # Tokens that a model can read and write together, where evoweb would not know or know better.
    context_windows: dict[str, int]
    picture_links: bool
    makes_titles: bool
    # What the upstream's meter is held against the ledger by.
    credits_per_usd: Decimal
    meter_alarm: Decimal
    balance_low: Decimal | None
    admin_email: str
    admin_password: str
    # From systemd: whether it listens for this process, and where it wants to be told.
    has_inherited_listener: bool
    notify_socket: str

    @property
    def is_demonstration(self) -> bool:
        """Without a key, a small model on this machine answers."""
        return not self.api_key

    @property
    def public_host(self) -> str:
        """As a Host header names it: an IPv6 address stands in brackets."""
        host = urlsplit(self.public_url).hostname or ""
        return f"[{host}]" if ":" in host else host

    @property
    def is_secure(self) -> bool:
        return self.public_url.startswith("https://")


def read(variables: Mapping[str, str]) -> Environment:
    """Raises BadEnvironment with every problem there is, not only the first."""
    reader = _Reader(variables)
    data_dir = reader.value("EVOWEB_DATA_DIR", "var", lambda text: (ROOT / text).resolve())
    data_dir = data_dir or ROOT / "var"
    host = reader.value("HOST", "127.0.0.1", values.host) or "127.0.0.1"
    port = reader.value("PORT", "8000", values.port) or 8000
    database = reader.value(
        "DATABASE_URL", f"sqlite:///{data_dir / 'evoweb.sqlite3'}", values.database
    )
    environment = Environment(
        data_dir=data_dir,
        database=database or {},
        redis_url=reader.value("REDIS_URL", "", values.redis) or "",
        secret_key=_secret_key(reader, database, data_dir),
        host=host,
        port=port,
        public_url=reader.value("PUBLIC_URL", f"http://127.0.0.1:{port}", values.public_url) or "",
        trusted_proxies=reader.value("TRUSTED_PROXIES", "0", values.count) or 0,
        email=reader.value("EMAIL_URL", "console:", values.email) or {},
        time_zone=reader.value("TIME_ZONE", "UTC", values.time_zone) or "UTC",
        log_level=reader.value("LOG_LEVEL", "INFO", values.log_level) or "INFO",
        log_format=reader.value("LOG_FORMAT", "line", values.log_format) or "line",
        metrics_token=reader.value("EVOWEB_METRICS_TOKEN", "", values.token) or "",
        drain_seconds=reader.value("EVOWEB_DRAIN_SECONDS", "8", values.seconds) or 0.0,
        reads_on=reader.value("EVOWEB_ON_STOP", "cut", values.on_stop) == "read-on",
        max_replies=reader.value("EVOWEB_MAX_REPLIES", "300", values.limit) or 0,
        max_replies_per_user=reader.value("EVOWEB_MAX_REPLIES_PER_USER", "20", values.limit) or 0,
        messages_per_minute=reader.value("EVOWEB_MESSAGES_PER_MINUTE", "0", values.rate) or 0,
        api_key=reader.value("EVOLINK_API_KEY", "", values.key) or "",
        base_url=reader.value("EVOLINK_BASE_URL", "https://api.evolink.ai/v1", values.base_url)
        or "",
        models=reader.value("EVOLINK_MODELS", "Gemini-3.0-pro", values.models) or (),
        files_dir=reader.value(
            "EVOWEB_FILES_DIR", str(data_dir / "files"), lambda text: (ROOT / text).resolve()
        )
        or data_dir / "files",
        picture_side=reader.value("EVOWEB_PICTURE_SIDE", "2048", values.side) or 2048,
        picture_links=reader.value("EVOWEB_PICTURES_AS", "data", values.pictures_as) == "link",
        picture_models=reader.value("EVOLINK_PICTURE_MODELS", "", values.picture_models) or {},
        context_windows=reader.value("EVOWEB_CONTEXT_WINDOWS", "", values.windows) or {},
        makes_titles=reader.value("EVOWEB_TITLES", "on", values.on_off) or False,
        credits_per_usd=reader.value("EVOWEB_CREDITS_PER_USD", "72", values.exchange)
        or Decimal(72),
        meter_alarm=reader.value("EVOWEB_METER_ALARM", "10", values.percent) or Decimal(0),
        balance_low=reader.value("EVOWEB_BALANCE_LOW", "", values.balance),
        admin_email=reader.value("EVOWEB_ADMIN_EMAIL", "", values.address) or "",
        admin_password=reader.value("EVOWEB_ADMIN_PASSWORD", "", values.new_password) or "",
        has_inherited_listener=_has_inherited_listener(variables, reader.problems),
        notify_socket=_notify_socket(variables, reader.problems),
    )
    if environment.redis_url and database and database["ENGINE"] == values.SQLITE:
        reader.problems.append(
            "REDIS_URL is for several processes, and these need PostgreSQL: set DATABASE_URL to "
            "one, or leave out REDIS_URL"
        )
    if environment.picture_links and not environment.is_secure:
        reader.problems.append(
            "EVOWEB_PICTURES_AS is 'link': the model's service fetches pictures from PUBLIC_URL, "
            "which has to begin with https://"
        )
    if bool(environment.admin_email) != bool(environment.admin_password):
        reader.problems.append(
            "EVOWEB_ADMIN_EMAIL and EVOWEB_ADMIN_PASSWORD belong together: set both or neither"
        )
    if reader.problems:
        raise BadEnvironment(reader.problems)
    return environment


class _Reader:
    """Reads one variable after the other and keeps what is wrong with them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.problems: list[str] = []

    def text(self, name: str, default: str) -> str:
        return self._variables.get(name, "").strip() or default

    def value(self, name: str, default: str, parse: Callable[[str], T]) -> T | None:
        text = self.text(name, default)
        try:
            return parse(text)
        except ValueError as problem:
            self.problems.append(f"{name} is {_shown(name, text)}: {problem}")
            return None


# systemd's own variables, which nobody else sets


def _has_inherited_listener(variables: Mapping[str, str], problems: list[str]) -> bool:
    if variables.get("LISTEN_PID") != str(os.getpid()):
        # Whatever is there was meant for a process that started this one.
        return False
    sockets = variables.get("LISTEN_FDS", "")
    if sockets not in ("", "0", "1"):
        problems.append(
            f"LISTEN_FDS is {sockets!r}: give one socket, with one ListenStream= in evoweb.socket"
        )
    return sockets == "1"


def _notify_socket(variables: Mapping[str, str], problems: list[str]) -> str:
    address = variables.get("NOTIFY_SOCKET", "")
    if address and not address.startswith(("/", "@")):
        problems.append(f"NOTIFY_SOCKET is {address!r}: give a path, or @ and a name")
    return address


def _shown(name: str, text: str) -> str:
    """A bad value as it may stand in a log: addresses can hold a password."""
    secret = name.endswith(("_KEY", "_PASSWORD", "_TOKEN")) or (
        name.endswith("_URL") and "@" in text
    )
    return "not usable" if secret else repr(text)


def _secret_key(reader: _Reader, database: Mapping[str, Any] | None, data_dir: Path) -> str:
    """The given key; on SQLite, where there is one process, else one made and kept beside it."""
    key = reader.text("SECRET_KEY", "")
    if key and len(key) < 32:
        reader.problems.append("SECRET_KEY is too short: give at least 32 random characters")
    if key or database is None:
        return key
    if database["ENGINE"] != values.SQLITE:
        reader.problems.append(
            "SECRET_KEY is missing: with PostgreSQL give one of at least 32 random characters, "
            "the same for every process"
        )
        return ""
    try:
        return _kept_secret(data_dir / "secret-key")
    except OSError as problem:
        reader.problems.append(
            f"EVOWEB_DATA_DIR is {str(data_dir)!r}: it cannot be written ({problem.strerror})"
        )
        return ""


def _kept_secret(path: Path) -> str:
    """Read the key in `path`, making it first if need be, readable by this user alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Linked into its place when it is whole: a start that is killed here leaves no empty key.
        with NamedTemporaryFile("w", dir=path.parent, prefix=path.name) as file:
            file.write(secrets.token_urlsafe(50))
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text().strip()
