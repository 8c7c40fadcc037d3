"""The databases of the cases: each case begins with a copy of the same one.

A database is known by its name, as the settings have it: on SQLite that is its file.
"""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from django.db import connections
from psycopg import sql

from tests.environment import on_postgresql
from tests.postgres import administer, fresh_database


def use(name: str) -> None:
    """Before the first connection of this process."""
    connections.settings["default"]["NAME"] = name


def new_name(folder: Path) -> str:
    return f"case_{uuid.uuid4().hex}" if on_postgresql else str(folder / "evoweb.sqlite3")


def create(name: str) -> None:
    """An empty one."""
    if on_postgresql:
        fresh_database(on_postgresql, name)


def copy(name: str, *, to: str) -> None:
    if on_postgresql:
        fresh_database(on_postgresql, to, like=name)
    else:
        shutil.copy(name, to)


def remove(name: str) -> None:
    if on_postgresql:
        statement = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        administer(on_postgresql, statement)
    else:
        Path(name).unlink()
