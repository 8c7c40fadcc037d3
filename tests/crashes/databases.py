"""The databases of the cases: each case begins with a copy of the same one.

A database is known by its name, as the settings have it: on SQLite that is its file.
"""

from __future__ import annotations

import shutil
import time
import uuid
from pathlib import Path

import psycopg
from django.db import connections
from psycopg import sql

from tests.environment import on_postgresql

PATIENCE = 10.0


def use(name: str) -> None:
    """Before the first connection of this process."""
    connections.settings["default"]["NAME"] = name


def new_name(folder: Path) -> str:
    return f"case_{uuid.uuid4().hex}" if on_postgresql else str(folder / "evoweb.sqlite3")


def create(name: str) -> None:
    """An empty one."""
    if on_postgresql:
        _administer("CREATE DATABASE {}", name)


def copy(name: str, *, to: str) -> None:
    if on_postgresql:
        _administer("CREATE DATABASE {} TEMPLATE {}", to, name)
    else:
        shutil.copy(name, to)


def remove(name: str) -> None:
    if on_postgresql:
        _administer("DROP DATABASE {} WITH (FORCE)", name)
    else:
        Path(name).unlink()


def _administer(statement: str, *names: str) -> None:
    """As soon as the sessions of processes that have ended are gone, which takes a moment."""
    words = sql.SQL(statement).format(*map(sql.Identifier, names))
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with psycopg.connect(on_postgresql, autocommit=True) as server:
                server.execute(words)
                return
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
