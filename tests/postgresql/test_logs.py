"""PostgreSQL quotes the row that it refuses; a log must not."""

from __future__ import annotations

import logging

import pytest
from django.db import IntegrityError, transaction

from chat.models import Conversation, Message, User
from evoweb.logs import JsonFormatter, LineFormatter
from tests.factories import make_conversation, make_turn, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def conversation(ana: User) -> Conversation:
    return make_conversation(ana)


@pytest.mark.parametrize("formatter", [LineFormatter(), JsonFormatter()])
def test_a_row_that_was_refused_brings_no_text_into_the_log(
    conversation: Conversation, formatter: logging.Formatter
) -> None:
    reply = make_turn(conversation, reply="Saffron\n\nand crocus").reply
    with pytest.raises(IntegrityError, match="Saffron") as raised, transaction.atomic():
        Message.objects.filter(pk=reply.pk).update(finished_at=None)
    failure = (raised.type, raised.value, raised.tb)

    said = formatter.format(
        logging.LogRecord("chat", logging.ERROR, "test.py", 1, "It failed", (), failure)
    )

    assert "message_finished_iff_it_has_an_end" in said
    assert "The above exception" in said
    assert "affron" not in said
    assert "crocus" not in said
