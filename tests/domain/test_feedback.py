"""What people think of answers: said, changed, taken back, and what of it stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chat.domain import accounts, conversations, feedback
from chat.enums import Verdict, Why
from chat.models import Conversation, Feedback, Message
from tests.factories import begin_turn, make_turn

pytestmark = pytest.mark.django_db
WORDS = "About the xylophonist it is wrong"


@pytest.fixture
def reply(conversation: Conversation) -> Message:
    return make_turn(conversation).reply


def bad_with_words(reply: Message, *, may_be_read: bool = True) -> Feedback:
    given = feedback.give(user=reply.conversation.owner, reply=reply, verdict=Verdict.BAD)
    feedback.explain(given, reasons=[Why.WRONG], text=WORDS, may_be_read=may_be_read)
    given.refresh_from_db()
    return given


def test_there_is_one_a_person_and_reply_and_it_names_the_model_that_was_asked(
    conversation: Conversation, reply: Message
) -> None:
    conversation.model = "another since"
    conversation.save()

    for verdict in (Verdict.GOOD, Verdict.BAD, Verdict.BAD):
        feedback.give(user=conversation.owner, reply=reply, verdict=verdict)

    given = Feedback.objects.get()
    asked = reply.completions.get().model_asked
    assert (given.verdict, given.model, given.message) == (Verdict.BAD, asked, reply)


def test_another_verdict_takes_its_reasons_along_and_leaves_the_words(reply: Message) -> None:
    given = bad_with_words(reply)

    feedback.give(user=given.user, reply=reply, verdict=Verdict.BAD)
    assert Feedback.objects.get().reasons == [Why.WRONG]
    feedback.give(user=given.user, reply=reply, verdict=Verdict.GOOD)

    changed = Feedback.objects.get()
    assert (changed.verdict, changed.reasons, changed.text) == (Verdict.GOOD, [], WORDS)


def test_reasons_are_those_of_the_verdict_and_nothing_is_read_where_there_are_no_words(
    reply: Message,
) -> None:
    given = feedback.give(user=reply.conversation.owner, reply=reply, verdict=Verdict.GOOD)

    feedback.explain(given, reasons=[Why.WRONG, Why.CLEAR, "x"], text="", may_be_read=True)

    given.refresh_from_db()
    assert (given.reasons, given.may_be_read) == ([Why.CLEAR], False)


def test_what_is_taken_back_is_gone(reply: Message) -> None:
    given = bad_with_words(reply)

    feedback.take_back(user=given.user, reply=reply)

    assert not Feedback.objects.exists()


@pytest.mark.parametrize("may_be_read", [True, False])
def test_words_are_read_by_others_only_where_their_author_lets_them(
    reply: Message, may_be_read: bool
) -> None:
    given = bad_with_words(reply, may_be_read=may_be_read)

    assert list(Feedback.objects.readable()) == ([given] if may_be_read else [])


def test_of_a_deleted_chat_nobody_reads_words_and_at_its_end_they_go(reply: Message) -> None:
    given = bad_with_words(reply)

    conversations.delete(reply.conversation)
    assert not Feedback.objects.readable().exists()
    conversations.restore(reply.conversation)
    assert Feedback.objects.readable().exists()
    conversations.delete(reply.conversation)
    Conversation.objects.update(deleted_at=timezone.now() - timedelta(days=8))
    conversations.purge()

    given.refresh_from_db()
    assert not Message.objects.exists()
    assert (given.message, given.text, given.may_be_read) == (None, "", False)
    assert (given.verdict, given.reasons) == (Verdict.BAD, [Why.WRONG])


def test_of_whoever_is_erased_the_verdict_stays_and_the_words_go(reply: Message) -> None:
    given = bad_with_words(reply)
    # What still runs keeps the chat for a moment, and not the words.
    begin_turn(reply.conversation)

    accounts.erase(user=given.user)

    given.refresh_from_db()
    assert (given.verdict, given.text, given.may_be_read) == (Verdict.BAD, "", False)
