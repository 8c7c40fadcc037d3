"""`manage.py prove`: the page that says whether what has to be true is true."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from chat.models import Completion
from chat.queries.invariants import INVARIANTS
from tests.evoweb_process import EvowebProcess, send
from tests.factories import make_conversation, make_turn, make_user
from tests.upstream.process import Upstream


@pytest.mark.django_db
def test_every_promise_has_its_line_and_all_hold() -> None:
    make_turn(make_conversation(make_user("ana")))
    page = io.StringIO()

    call_command("prove", stdout=page)

    counts, *lines, last = page.getvalue().splitlines()
    assert counts == "people: 1, conversations: 1, messages: 2, ledger rows: 1"
    assert last == f"All {len(INVARIANTS)} hold."
    assert [line.split(maxsplit=2) for line in lines] == [
        ["holds", "0", invariant.sentence] for invariant in INVARIANTS
    ]


@pytest.mark.django_db
def test_what_does_not_hold_is_named_with_examples_and_fails_the_command() -> None:
    conversation = make_conversation(make_user("ana"))
    first = make_turn(conversation).reply
    for _ in range(5):
        conversation.refresh_from_db()
        make_turn(conversation)
    Completion.objects.all().delete()
    page = io.StringIO()

    with pytest.raises(CommandError, match=f"1 of {len(INVARIANTS)} do not hold"):
        call_command("prove", stdout=page)

    (line,) = [line for line in page.getvalue().splitlines() if line.startswith("DOES NOT HOLD")]
    assert line.split()[3] == "6"
    assert f"Every reply has a row in the ledger. (message {first.pk}, " in line
    assert line.endswith(", …)")


@pytest.mark.django_db
def test_a_database_without_tables_is_said_in_one_line() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE chat_completion RENAME TO chat_elsewhere")

    with pytest.raises(CommandError, match=r"start `manage\.py serve` once"):
        call_command("prove", stdout=io.StringIO())


def test_it_looks_at_a_running_evoweb_in_the_middle_of_an_answer(
    own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    with own_evoweb.session() as browser:
        send(browser, "Count")
        upstream.wait_until_held()

        proof = own_evoweb.manage("prove")
        upstream.release()

    assert (proof.returncode, proof.stderr) == (0, "")
    assert proof.stdout.startswith("people: 1, conversations: 1, messages: 2, ledger rows: 1\n")
