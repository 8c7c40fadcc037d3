"""What is looked for with every send and every few seconds is found by an index of its own, however
much there is beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import QuerySet

from chat.domain import replies
from chat.models import Completion, Message, User
from tests.factories import make_conversation, make_turn, make_user

pytestmark = pytest.mark.django_db

LOOKS: dict[str, tuple[Callable[[User], QuerySet], str]] = {
    "replies that run": (lambda _: Message.objects.running(), "message_running"),
    "those of one person": (
        lambda ana: Message.objects.running().filter(parent__author=ana),
        "message_running",
    ),
    "those that nobody has claimed": (
        lambda _: Message.objects.running().filter(claim=None),
        "message_running",
    ),
    "attempts that are open": (
        lambda _: Completion.objects.open(),
        "completion_one_open_a_reply",
    ),
}


@pytest.mark.parametrize("name", LOOKS)
def test_it_is_found_by_the_index_made_for_it(name: str) -> None:
    ana = make_user("ana")
    for _ in range(20):
        make_turn(make_conversation(ana))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # So small a table is read as a whole otherwise.
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("ANALYZE chat_message, chat_completion")
    look, index = LOOKS[name]

    plan = look(ana).explain()

    assert index in plan


def test_what_runs_is_told_from_what_ended() -> None:
    conversation = make_conversation(make_user("ana"))
    make_turn(conversation)

    assert not Message.objects.running().exists()
    assert not Completion.objects.open().exists()
    assert replies.unstarted(before=conversation.created_at) == []
