"""Taking a constraint away, so that a test can make what it forbids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection
from django.db.models import CheckConstraint, UniqueConstraint


@contextmanager
def without_constraint(name: str) -> Iterator[None]:
    """In here, and for a uniqueness until the transaction is rolled back, it is not looked at."""
    table, constraint = _found(name)
    with connection.cursor() as cursor:
        # PostgreSQL changes no table with checks that still wait.
        connection.check_constraints()
        if isinstance(constraint, UniqueConstraint):
            cursor.execute(f'DROP INDEX "{name}"')
            yield
        elif connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            try:
                yield
            finally:
                cursor.execute("PRAGMA ignore_check_constraints = OFF")
        else:
            cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"')
            yield


def _found(name: str) -> tuple[str, UniqueConstraint | CheckConstraint]:
    return next(
        (model._meta.db_table, constraint)
        for model in apps.get_app_config("chat").get_models()
        for constraint in model._meta.constraints
        if constraint.name == name and isinstance(constraint, UniqueConstraint | CheckConstraint)
    )
