"""The whole database into one file and back, with the means of its own engine."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from django.db import connection

# Pages of a step. Between steps Python gets a word in, such as Ctrl-C.
_STEP = 1000
# What was true only of that moment. Sessions that were ended since would be open again, and
# processes that are long gone would count as living for a while.
_PASSING = ("django_session", "chat_process")
# The roles of one place are not those of another.
_WITHOUT_RIGHTS = ("--no-owner", "--no-privileges")
# What libpq reads from its environment; nothing of it may stand on a command line, where every
# user of the machine could read it.
_LIBPQ = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "options": "PGOPTIONS",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
}


class CopyFailed(Exception):
    """The database could not be copied. The message is for people, and the data is as it was."""


def copy_out(path: Path) -> None:
    """Copy the database as it is in the `snapshot` that is open, and has been read from.

    Writers go on meanwhile. Raises CopyFailed.
    """
    if connection.vendor == "sqlite":
        _sqlite_out(path)
    else:
        _postgresql_out(path)


def copy_in(path: Path) -> None:
    """Put a copy in the place of all that evoweb has in the database: wholly, or not at all.

    Nobody is signed in after it. Raises CopyFailed.
    """
    if connection.vendor == "sqlite":
        _sqlite_in(path)
    else:
        _postgresql_in(path)


def _sqlite_out(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as copy:
            # Read in the open transaction. Without one every write of somebody else would make the
            # backup begin again, and under a running evoweb it would never end.
            connection.connection.backup(copy, pages=_STEP)
            copy.execute("PRAGMA journal_mode=DELETE")
            (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as problem:
        raise CopyFailed(f"The database could not be copied ({problem}).") from problem
    if verdict != "ok":
        raise CopyFailed(f"The database is damaged: {verdict}. Go back to an earlier backup.")


def _sqlite_in(path: Path) -> None:
    connection.ensure_connection()
    try:
        with closing(sqlite3.connect(path)) as copy:
            known = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            with copy:
                for table in _PASSING:
                    if (table,) in known:
                        copy.execute(f"DELETE FROM {table}")  # noqa: S608 (our own words)
            # In one step, which is one transaction of the database: a kill changes nothing.
            copy.backup(connection.connection)
    except sqlite3.Error as problem:
        raise CopyFailed(f"The database could not be put in place ({problem}).") from problem


def _postgresql_out(path: Path) -> None:
    program = _program("pg_dump")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot(), current_setting('server_version_num')::int")
        moment, version = cursor.fetchone()
    if (ours := _version(program)) < (theirs := version // 10000):
        raise CopyFailed(
            f"pg_dump {ours} is too old for PostgreSQL {theirs}: install PostgreSQL's client "
            f"programs, version {theirs} or newer, and put them first in PATH."
        )
    # What is around it is compressed.
    words = ("--format=custom", "--compress=0", f"--snapshot={moment}", f"--file={path}")
    _run(program, *words, *_WITHOUT_RIGHTS)


def _postgresql_in(path: Path) -> None:
    """The dump as a script for `psql`, because `pg_restore` by itself would leave the tables of a
    newer evoweb, or take them away in a transaction of their own."""
    before, script, after = (path.with_name(f"{name}.sql") for name in ("before", "dump", "after"))
    _run(_program("pg_restore"), f"--file={script}", *_WITHOUT_RIGHTS, str(path))
    drops = [f'DROP TABLE "{table}" CASCADE;' for table in _tables()]
    # Whoever is still reading must not keep this waiting for ever.
    before.write_text("\n".join(["SET lock_timeout = '10s';", *drops]))
    # The dump takes away the path in which names are looked for.
    after.write_text("RESET search_path;\n" + "".join(map(_emptying, _PASSING)))
    connection.close()
    words = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction")
    _run(_program("psql"), *words, *(f"--file={part}" for part in (before, script, after)))


def _emptying(table: str) -> str:
    """An older evoweb does not have every table."""
    delete = f"DELETE FROM {table};"  # noqa: S608 (our own words)
    return f"DO $$ BEGIN IF to_regclass('{table}') IS NOT NULL THEN {delete} END IF; END $$;\n"


def _tables() -> list[str]:
    """What evoweb has there, and a newer one may have: tables of apps whose migrations ran."""
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        if "django_migrations" not in names:
            return []
        cursor.execute("SELECT DISTINCT app FROM django_migrations")
        prefixes = ("django_", *(f"{app}_" for (app,) in cursor.fetchall()))
    return [name for name in names if name.startswith(prefixes)]


def _program(name: str) -> str:
    if (program := shutil.which(name)) is None:
        raise CopyFailed(f"{name} is not there: install PostgreSQL's client programs.")
    return program


def _version(program: str) -> int:
    words = subprocess.run(  # noqa: S603 (the program that PATH names)
        [program, "--version"], capture_output=True, text=True, check=False
    )
    found = re.search(r"\) (\d+)", words.stdout)
    return int(found[1]) if found else 0


def _run(program: str, *words: str) -> None:
    result = subprocess.run(  # noqa: S603 (nothing in it was typed by anybody)
        [program, *words],
        env={**os.environ, **_libpq()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        # Only a line that says what is wrong: others may quote what people wrote.
        lines = result.stderr.strip().splitlines() or ["no reason given"]
        said = next((line for line in lines if "error:" in line.lower()), lines[0])
        raise CopyFailed(f"{Path(program).name} could not do it: {said}")


def _libpq() -> dict[str, str]:
    given = connection.get_connection_params()
    return {name: str(given[key]) for key, name in _LIBPQ.items() if given.get(key)}
