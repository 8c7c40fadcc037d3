"""One `serve` process owns a database, or several share it: never both.

Whoever owns it knows that whatever an earlier one left open is dead.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

# Any fixed number; PostgreSQL keeps advisory locks by number within one database.
_ADVISORY_LOCK = 0x65766F77
_PREPARING = _ADVISORY_LOCK + 1


class AlreadyServed(Exception):
    """Another `serve` process works on this database."""


class Ownership:
    """Holds the database for this process, from entering to the process's end.

    On SQLite it is a locked file beside the database, on PostgreSQL an advisory lock of a
    connection kept for it. The kernel and the server release both when the process dies.
    Where `is_shared`, others may hold it too, if they share it as well.
    """

    def __init__(self, *, is_shared: bool = False) -> None:
        self.is_shared = is_shared
        self._handle: int | None = None
        self._connection: BaseDatabaseWrapper | None = None

    def __enter__(self) -> Self:
        try:
            if connection.vendor == "sqlite":
                # A file that is no database gets no lock beside it.
                connection.ensure_connection()
                self._lock_file(Path(f"{settings.DATABASES['default']['NAME']}.lock"))
            else:
                self._connection = _lasting_connection()
                self._lock_database(self._connection)
        except BaseException:
            self._let_go()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._let_go()

    def _let_go(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
        if self._connection is not None:
            self._connection.close()

    def confirm(self) -> None:
        """See that the database is still ours; from any thread, one at a time.

        PostgreSQL forgets the lock with the connection, be it lost by a restart or on the way: then
        it is taken again. Raises AlreadyServed when somebody else was faster.
        """
        if self._connection is not None and not self._connection.is_usable():
            self._connection.close()
            self._lock_database(self._connection)

    def _lock_file(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyServed from None

    def _lock_database(self, lasting: BaseDatabaseWrapper) -> None:
        with lasting.cursor() as cursor:
            take = "pg_try_advisory_lock_shared" if self.is_shared else "pg_try_advisory_lock"
            cursor.execute(f"SELECT {take}(%s)", [_ADVISORY_LOCK])  # noqa: S608 (one of two names)
            if cursor.fetchone() != (True,):
                raise AlreadyServed


def _lasting_connection() -> BaseDatabaseWrapper:
    """A connection outside the pool, which closes its own after a while, for all threads."""
    database = settings.DATABASES["default"]
    options = {key: value for key, value in database["OPTIONS"].items() if key != "pool"}
    lasting = ConnectionHandler({"default": {**database, "OPTIONS": options}})["default"]
    lasting.inc_thread_sharing()
    return lasting


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """For what a start prepares: processes that share the database do it one after the other."""
    if connection.vendor == "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_PREPARING])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_PREPARING])
