"""Looks into a database from beside evoweb, whichever it is."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import psycopg


def rows(at: Path | str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """At the file of a SQLite, or the address of a PostgreSQL. `sql` has %s for values."""
    if isinstance(at, Path):
        with contextlib.closing(sqlite3.connect(at, timeout=10)) as session:
            return session.execute(sql.replace("%s", "?"), values).fetchall()
    with psycopg.connect(at, autocommit=True) as session:
        return session.execute(sql.encode(), values).fetchall()
