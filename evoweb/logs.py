"""How a record of the log is written: a line for people, or one JSON object for programs.

Records may bring `extra={"fields": …}`, which only the second shows.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

# Whoever has one of these addresses can set a password, or read what is shared. Django names the
# address of a request that failed, and Daphne that of one which took too long.
_SECRET_PATH = re.compile(r"(/welcome/|/password/reset/key/|(?:/|%2F)s(?:/|%2F))[^/%\s\"'\\]+")
# With it PostgreSQL shows the row that it refused, texts and all.
_DETAIL = re.compile(r"DETAIL: .*?(?=\n\nThe above |\n\nDuring handling |\Z)", re.DOTALL)


class _Formatter(logging.Formatter):
    def formatException(self, exc_info: Any) -> str:  # noqa: N802 (the library's name)
        return _DETAIL.sub("DETAIL: [left out]", super().formatException(exc_info))


class LineFormatter(_Formatter):
    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def format(self, record: logging.LogRecord) -> str:
        return _without_secrets(super().format(record))


class JsonFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return _without_secrets(json.dumps(entry, default=str))


def _without_secrets(words: str) -> str:
    return _SECRET_PATH.sub(r"\1[secret]", words)
