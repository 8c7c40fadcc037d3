"""The pool of connections is watched where there is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.db import connection

from chat.models import User
from tests.metrics import Added, names, present

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_the_pool_holds_and_lends_is_shown() -> None:
    connection.close()
    since, lent_before = Added(), _lent()

    User.objects.count()
    lent = _lent()
    connection.close()

    # Others may have one too, who are no concern of this test.
    assert lent - lent_before == 1
    assert _lent() == lent_before
    assert present("evoweb_database_pool_max") == 16
    assert present("evoweb_database_pool_waiting") == 0
    assert since.to("evoweb_database_pool_requests_total") == 1


def test_the_page_for_operators_names_every_figure_of_the_pool() -> None:
    text = Path("docs/operating.md").read_text()
    shown = {name for name in names() if "_pool_" in name}

    assert shown == set(re.findall(r"^\| `(evoweb_database_pool_\w+)`", text, re.MULTILINE))
    assert len(shown) == 8


def _lent() -> float:
    return present("evoweb_database_pool_size") - present("evoweb_database_pool_available")
