"""Words of ours that stand in the SQL itself instead of being passed beside it.

SQLite uses a partial index only where it can see, before any value is known, that the query asks
for nothing outside it.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Value
from django.db.models.sql.compiler import SQLCompiler


class Literal(Value):
    """A stored word of an enum: never what somebody typed."""

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[str | int, ...]]:
        assert str(self.value).isalpha()
        return f"'{self.value}'", ()


def literals(words: Iterable[str]) -> list[Literal]:
    return [Literal(str(word)) for word in words]
