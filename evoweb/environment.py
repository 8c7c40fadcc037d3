"""What the operator says, read from environment variables in one place and checked at once.

Every bad value is named together with what would be right; nothing is guessed and nothing is
read anywhere else.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import dj_database_url
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from chat.completions.client import normalise_base_url, normalise_key

ROOT = Path(__file__).resolve().parent.parent
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_FORMATS = ("line", "json")
SHORTEST_PASSWORD = 12
# Seconds: whatever goes over Redis is not worth waiting for it.
REDIS_PATIENCE = {"socket_connect_timeout": 1.0, "socket_timeout": 2.0}
SQLITE = "django.db.backends.sqlite3"
SHORTEST_TOKEN = 16
DEMONSTRATION_MODEL = "SmolLM2-135M-Instruct"

_HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})*")

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
    host = reader.value("HOST", "127.0.0.1", _host) or "127.0.0.1"
    port = reader.value("PORT", "8000", _port) or 8000
    database = reader.value("DATABASE_URL", f"sqlite:///{data_dir / 'evoweb.sqlite3'}", _database)
    environment = Environment(
        data_dir=data_dir,
        database=database or {},
        redis_url=reader.value("REDIS_URL", "", _redis) or "",
        secret_key=_secret_key(reader, database, data_dir),
        host=host,
        port=port,
        public_url=reader.value("PUBLIC_URL", f"http://127.0.0.1:{port}", _public_url) or "",
        trusted_proxies=reader.value("TRUSTED_PROXIES", "0", _count) or 0,
        email=reader.value("EMAIL_URL", "console:", _email) or {},
        time_zone=reader.value("TIME_ZONE", "UTC", _time_zone) or "UTC",
        log_level=reader.value("LOG_LEVEL", "INFO", _log_level) or "INFO",
        log_format=reader.value("LOG_FORMAT", "line", _log_format) or "line",
        metrics_token=reader.value("EVOWEB_METRICS_TOKEN", "", _token) or "",
        drain_seconds=reader.value("EVOWEB_DRAIN_SECONDS", "8", _seconds) or 0.0,
        reads_on=reader.value("EVOWEB_ON_STOP", "cut", _on_stop) == "read-on",
        max_replies=reader.value("EVOWEB_MAX_REPLIES", "300", _limit) or 0,
        max_replies_per_user=reader.value("EVOWEB_MAX_REPLIES_PER_USER", "20", _limit) or 0,
        messages_per_minute=reader.value("EVOWEB_MESSAGES_PER_MINUTE", "0", _rate) or 0,
        api_key=reader.value("EVOLINK_API_KEY", "", _key) or "",
        base_url=reader.value("EVOLINK_BASE_URL", "https://api.evolink.ai/v1", _base_url) or "",
        models=reader.value("EVOLINK_MODELS", "Gemini-3.0-pro", _models) or (),
        credits_per_usd=reader.value("EVOWEB_CREDITS_PER_USD", "72", _exchange) or Decimal(72),
        meter_alarm=reader.value(
            "EVOWEB_METER_ALARM", "10", _decimal("a share in percent, such as 10")
        )
        or Decimal(0),
        balance_low=reader.value("EVOWEB_BALANCE_LOW", "", _balance),
        admin_email=reader.value("EVOWEB_ADMIN_EMAIL", "", _address) or "",
        admin_password=reader.value("EVOWEB_ADMIN_PASSWORD", "", _new_password) or "",
        has_inherited_listener=_has_inherited_listener(variables, reader.problems),
        notify_socket=_notify_socket(variables, reader.problems),
    )
    if environment.redis_url and database and database["ENGINE"] == SQLITE:
        reader.problems.append(
            "REDIS_URL is for several processes, and these need PostgreSQL: set DATABASE_URL to "
            "one, or leave out REDIS_URL"
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


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ValueError("give a port from 1 to 65535")
    return int(text)


def _host(text: str) -> str:
    try:
        socket.getaddrinfo(text, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ValueError("give an address of this machine, such as 127.0.0.1 or 0.0.0.0") from None
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > 10:
        raise ValueError("give how many proxies stand in front, from 0 to 10")
    return int(text)


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise ValueError("give a number from 1 to 100000")
    return int(text)


def _rate(text: str) -> int:
    if not text.isdecimal() or int(text) > 100_000:
        raise ValueError("give a number of messages, or 0 for no limit")
    return int(text)


def _decimal(hint: str) -> Callable[[str], Decimal]:
    """For numbers in plain digits, without an exponent or infinity."""

    def parse(text: str) -> Decimal:
        if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text):
            raise ValueError(f"give {hint}")
        return Decimal(text)

    return parse


def _exchange(text: str) -> Decimal:
    hint = "how many of the upstream's credits are 1 USD, such as 72"
    rate = _decimal(hint)(text)
    if not rate:
        raise ValueError(f"give {hint}")
    return rate


def _balance(text: str) -> Decimal | None:
    return _decimal("a number of the upstream's credits, such as 500")(text) if text else None


def _on_stop(text: str) -> str:
    if text not in ("cut", "read-on"):
        raise ValueError("give cut or read-on")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise ValueError("give seconds, from 0 to 3600")
    return seconds


def _time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError("give a time zone's name, such as Europe/Madrid") from None
    return text


def _log_level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"give one of {', '.join(LOG_LEVELS)}")
    return text.upper()


def _log_format(text: str) -> str:
    if text.lower() not in LOG_FORMATS:
        raise ValueError(f"give one of {', '.join(LOG_FORMATS)}")
    return text.lower()


def _token(text: str) -> str:
    if text and (len(text) < SHORTEST_TOKEN or not re.fullmatch(r"[\x21-\x7e]+", text)):
        raise ValueError(
            f"give at least {SHORTEST_TOKEN} letters, digits and signs of ASCII, without blanks"
        )
    return text


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 (a bad port raises only when it is asked for)
    except ValueError:
        raise ValueError("give a whole address, such as https://chat.example.org") from None
    return parts


def _http_url(text: str) -> str:
    parts = _split(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("give an address that begins with https:// or http://")
    return text.rstrip("/")


def _public_url(text: str) -> str:
    """As browsers write a page's origin: in lower case, without the port that goes by itself."""
    parts = _split(_http_url(text))
    host = parts.hostname or ""
    is_plain = not (parts.path or parts.query or parts.fragment or parts.username)
    if not is_plain or not (_HOST_NAME.fullmatch(host) or _is_address(host)):
        raise ValueError("give only scheme, host and port, such as https://chat.example.org")
    host = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _models(text: str) -> tuple[str, ...]:
    models = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not models or any(len(name) > 200 for name in models):
        raise ValueError("give model names with commas between, the first is the default")
    return models


def _address(text: str) -> str:
    try:
        if text:
            validate_email(text)
    except ValidationError:
        raise ValueError("give an e-mail address, such as ana@example.org") from None
    return text.lower()


def _new_password(text: str) -> str:
    if text and len(text) < SHORTEST_PASSWORD:
        raise ValueError(f"give at least {SHORTEST_PASSWORD} characters")
    return text


def _database(text: str) -> dict[str, Any]:
    hint = "give sqlite:////folder/file or postgresql://user:password@host:5432/name"
    try:
        database = dict(dj_database_url.parse(text))
    except (ValueError, KeyError):
        raise ValueError(hint) from None
    if database.get("ENGINE") not in (
        SQLITE,
        "django.db.backends.postgresql",
    ):
        raise ValueError(hint)
    if database["NAME"] in ("", ":memory:"):
        raise ValueError(hint)
    return database


def _redis(text: str) -> str:
    parts = _split(text) if text else None
    is_host = parts and parts.scheme in ("redis", "rediss") and parts.hostname
    if text and not (is_host or (parts and parts.scheme == "unix" and parts.path)):
        raise ValueError("give redis://user:password@host:6379/0, rediss://… or unix:///socket")
    return text


def _email(text: str) -> dict[str, Any]:
    """Django's EMAIL_ settings out of `smtp://user:password@host:587/?from=evoweb@example.org`."""
    parts = _split(text)
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if parts.scheme not in ("smtp", "smtp+tls", "smtps") or not parts.hostname:
        raise ValueError("give smtp+tls://user:password@host:587, smtps://…, smtp://… or console:")
    sender = parse_qs(parts.query).get("from", [unquote(parts.username or "")])[0]
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or {"smtp": 25, "smtp+tls": 587, "smtps": 465}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 20,
        "DEFAULT_FROM_EMAIL": sender or f"evoweb@{parts.hostname}",
    }


def _key(text: str) -> str:
    try:
        return normalise_key(text)
    except ValueError:
        raise ValueError("give the key alone, as the upstream's page shows it") from None


def _base_url(text: str) -> str:
    try:
        return normalise_base_url(text)
    except ValueError:
        raise ValueError(
            "give the address of the API, such as https://api.evolink.ai/v1, without user, "
            "password or query"
        ) from None


def _secret_key(reader: _Reader, database: Mapping[str, Any] | None, data_dir: Path) -> str:
    """The given key; on SQLite, where there is one process, else one made and kept beside it."""
    key = reader.text("SECRET_KEY", "")
    if key and len(key) < 32:
        reader.problems.append("SECRET_KEY is too short: give at least 32 random characters")
    if key or database is None:
        return key
    if database["ENGINE"] != SQLITE:
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
