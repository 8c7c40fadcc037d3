"""What each setting may be: a function makes its text a value, or raises a ValueError that says
what would be right. None of them reads anything but that text and this machine."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import dj_database_url
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from chat.completions.client import normalise_base_url, normalise_key

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_FORMATS = ("line", "json")
SHORTEST_PASSWORD = 12
SHORTEST_TOKEN = 16
SQLITE = "django.db.backends.sqlite3"

_HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})*")


def port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ValueError("give a port from 1 to 65535")
    return int(text)


def host(text: str) -> str:
    try:
        socket.getaddrinfo(text, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ValueError("give an address of this machine, such as 127.0.0.1 or 0.0.0.0") from None
    return text


def count(text: str) -> int:
    if not text.isdecimal() or int(text) > 10:
        raise ValueError("give how many proxies stand in front, from 0 to 10")
    return int(text)


def limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise ValueError("give a number from 1 to 100000")
    return int(text)


def rate(text: str) -> int:
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


def percent(text: str) -> Decimal:
    return _decimal("a share in percent, such as 10")(text)


def exchange(text: str) -> Decimal:
    hint = "how many of the upstream's credits are 1 USD, such as 72"
    rate = _decimal(hint)(text)
    if not rate:
        raise ValueError(f"give {hint}")
    return rate


def balance(text: str) -> Decimal | None:
    return _decimal("a number of the upstream's credits, such as 500")(text) if text else None


def on_stop(text: str) -> str:
    if text not in ("cut", "read-on"):
        raise ValueError("give cut or read-on")
    return text


def pictures_as(text: str) -> str:
    if text not in ("data", "link"):
        raise ValueError("give data or link")
    return text


def seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise ValueError("give seconds, from 0 to 3600")
    return seconds


def time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError("give a time zone's name, such as Europe/Madrid") from None
    return text


def log_level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"give one of {', '.join(LOG_LEVELS)}")
    return text.upper()


def log_format(text: str) -> str:
    if text.lower() not in LOG_FORMATS:
        raise ValueError(f"give one of {', '.join(LOG_FORMATS)}")
    return text.lower()


def token(text: str) -> str:
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


def public_url(text: str) -> str:
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


def models(text: str) -> tuple[str, ...]:
    models = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not models or any(len(name) > 200 for name in models):
        raise ValueError("give model names with commas between, the first is the default")
    return models


def picture_models(text: str) -> dict[str, bool]:
    """`llava,-gemini-x`: what takes pictures, and with a minus what takes none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if any(len(name) > 200 or name == "-" for name in names):
        raise ValueError("give model names with commas between, one that takes none with a minus")
    return {name.removeprefix("-"): not name.startswith("-") for name in names}


def side(text: str) -> int:
    if not text.isdecimal() or not 512 <= int(text) <= 4096:
        raise ValueError("give pixels, from 512 to 4096")
    return int(text)


def windows(text: str) -> dict[str, int]:
    found = dict(part.rpartition("=")[::2] for part in map(str.strip, text.split(",")) if part)
    if not all(
        name.strip() and re.fullmatch("[0-9]{4,9}", size.strip()) for name, size in found.items()
    ):
        raise ValueError("give tokens by model with commas between, such as my-model=128000")
    return {name.strip(): int(size) for name, size in found.items()}


def on_off(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError("give on or off")
    return text == "on"


def address(text: str) -> str:
    try:
        if text:
            validate_email(text)
    except ValidationError:
        raise ValueError("give an e-mail address, such as ana@example.org") from None
    return text.lower()


def new_password(text: str) -> str:
    if text and len(text) < SHORTEST_PASSWORD:
        raise ValueError(f"give at least {SHORTEST_PASSWORD} characters")
    return text


def database(text: str) -> dict[str, Any]:
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


def redis(text: str) -> str:
    parts = _split(text) if text else None
    is_host = parts and parts.scheme in ("redis", "rediss") and parts.hostname
    if text and not (is_host or (parts and parts.scheme == "unix" and parts.path)):
        raise ValueError("give redis://user:password@host:6379/0, rediss://… or unix:///socket")
    return text


def email(text: str) -> dict[str, Any]:
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


def key(text: str) -> str:
    try:
        return normalise_key(text)
    except ValueError:
        raise ValueError("give the key alone, as the upstream's page shows it") from None


def base_url(text: str) -> str:
    try:
        return normalise_base_url(text)
    except ValueError:
        raise ValueError(
            "give the address of the API, such as https://api.evolink.ai/v1, without user, "
            "password or query"
        ) from None
