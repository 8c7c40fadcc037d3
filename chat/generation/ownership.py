"""One `serve` process owns a database: whatever an earlier one left open is dead."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import connection
from django.db.utils import ConnectionHandler

# Any fixed number; PostgreSQL keeps advisory locks by number within one database.
_ADVISORY_LOCK = 0x65766F77


class AlreadyServed(Exception):
    """Another `serve` process works on this database."""


class Ownership:
    """Holds the database for this process, from entering to the process's end.

    On SQLite it is a locked file beside the database, on PostgreSQL an advisory lock of a
    connection kept for it. The kernel and the server release both when the process dies.
    """

    def __init__(self) -> None:
        self._handle: int | None = None
        self._connections: ConnectionHandler | None = None

    def __enter__(self) -> Self:
        if connection.vendor == "sqlite":
            self._lock_file(Path(f"{settings.DATABASES['default']['NAME']}.lock"))
        else:
            self._lock_database()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            os.close(self._handle)
        if self._connections is not None:
            self._connections["default"].close()

    def _lock_file(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyServed from None

    def _lock_database(self) -> None:
        database = settings.DATABASES["default"]
        options = {key: value for key, value in database["OPTIONS"].items() if key != "pool"}
        self._connections = ConnectionHandler({"default": {**database, "OPTIONS": options}})
        with self._connections["default"].cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_ADVISORY_LOCK])
            if cursor.fetchone() != (True,):
                raise AlreadyServed
