"""Messages a minute: as many as one person may send, counted by the database over all processes."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from chat.domain import ledger, turns
from chat.domain.ledger import Receipt
from chat.domain.turns import TooFast, Turn
from chat.models import Completion, User
from tests.domain.conftest import at_once
from tests.factories import begin_turn, make_conversation, make_turn, make_user

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = 3


@pytest.fixture
def ana(transactional_db: None) -> User:
    return make_user("ana")


@pytest.fixture(autouse=True)
def _limit(settings: Settings) -> None:
    settings.MESSAGES_PER_MINUTE = LIMIT


def send(user: User, *, seconds_ago: int = 0) -> Turn:
    turn = begin_turn(make_conversation(user))
    shift = timedelta(seconds=seconds_ago)
    Completion.objects.filter(message=turn.reply).update(started_at=F("started_at") - shift)
    return turn


def test_of_many_at_once_as_many_as_may_are_let_through(ana: User) -> None:
    chats = [make_conversation(ana) for _ in range(16)]

    came = at_once(lambda: begin_turn(chats.pop()), times=16)

    assert sum(isinstance(each, Turn) for each in came) == LIMIT
    assert sum(isinstance(each, TooFast) for each in came) == 16 - LIMIT
    assert Completion.objects.count() == LIMIT


def test_the_oldest_of_them_says_when_the_next_may_be_sent(ana: User) -> None:
    for seconds_ago in (70, 50, 20, 10):
        send(ana, seconds_ago=seconds_ago)

    with pytest.raises(TooFast) as refused:
        send(ana)

    left = (refused.value.free_at - timezone.now()).total_seconds()
    assert 5 < left <= 10


def test_a_minute_later_it_may_be_sent_and_others_need_not_wait(ana: User) -> None:
    for _ in range(LIMIT):
        send(ana)
    send(make_user("ben"))
    with pytest.raises(TooFast):
        send(ana)

    Completion.objects.update(started_at=F("started_at") - timedelta(seconds=60))

    send(ana)


def test_another_attempt_at_the_same_reply_is_no_message(ana: User) -> None:
    turn = send(ana)
    for _ in range(LIMIT):
        row = turn.reply.completions.open().get()
        ledger.close_row(row.pk, Receipt(error="overloaded"))
        ledger.open_next(row.pk)

    send(ana)


def test_a_send_that_arrives_again_is_the_turn_that_it_made(ana: User) -> None:
    conversation, key = make_conversation(ana), uuid.uuid4()
    first = turns.begin(conversation=conversation, author=ana, text="A question", send_key=key)
    for _ in range(LIMIT - 1):
        send(ana)

    again = turns.begin(conversation=conversation, author=ana, text="A question", send_key=key)

    assert again.reply == first.reply


def test_trying_again_is_counted_too(ana: User) -> None:
    conversation = make_conversation(ana)
    turn = make_turn(conversation)
    for _ in range(LIMIT - 1):
        send(ana)

    with pytest.raises(TooFast):
        turns.try_again(conversation=conversation, reply=turn.reply, author=ana)


def test_without_a_limit_nobody_waits(ana: User, settings: Settings) -> None:
    settings.MESSAGES_PER_MINUTE = 0

    for _ in range(LIMIT + 1):
        send(ana)
