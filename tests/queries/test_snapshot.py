"""Reads of one moment, which nobody has to wait for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, connections

from chat.models import User
from chat.queries.snapshot import snapshot
from tests.factories import make_user


def in_another_thread(name: str) -> User:
    def make() -> User:
        try:
            return make_user(name)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(make).result(5)


@pytest.mark.django_db(transaction=True)
def test_what_is_written_meanwhile_is_written_and_not_seen() -> None:
    make_user("ana")

    with snapshot():
        before = User.objects.count()
        ben = in_another_thread("ben")
        meanwhile = User.objects.count()
    after = list(User.objects.order_by("pk").values_list("email", flat=True))

    assert (before, meanwhile) == (1, 1)
    assert after == ["ana@example.org", ben.email]


@pytest.mark.django_db(transaction=True)
def test_a_read_that_fails_leaves_the_connection_as_it_was() -> None:
    with pytest.raises(DatabaseError), snapshot(), connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")

    assert make_user("ana").pk


@pytest.mark.django_db
def test_within_a_transaction_it_sees_what_that_wrote() -> None:
    make_user("ana")

    with snapshot():
        assert User.objects.count() == 1
