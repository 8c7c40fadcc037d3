"""The rest of a reply that ended too early: what is reserved for it, and where it joins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.domain import processes, replies, turns
from chat.domain.ledger import Receipt
from chat.domain.replies import Outcome
from chat.domain.seam import FEWEST, REACH, Seam, end_of
from chat.domain.turns import NothingToContinue, NotTheLast, ReplyRunning
from chat.enums import CompletionState, Fault, MessageState
from chat.models import Completion, Conversation, JournalPiece, Message, User
from chat.queries import thread
from tests.domain.conftest import at_once
from tests.factories import begin_turn, make_conversation, make_turn

ENDED_EARLY = [MessageState.STOPPED, MessageState.INTERRUPTED]


def interrupted(conversation: Conversation, text: str = "Once upon a time") -> Message:
    reply = make_turn(conversation, "A story", text, state=MessageState.INTERRUPTED).reply
    Message.objects.filter(pk=reply.pk).update(reasoning="Hm", error=Fault.RESTARTED)
    reply.refresh_from_db()
    return reply


def go_on(conversation: Conversation, reply: Message) -> Message:
    return turns.go_on(conversation=conversation, reply=reply, author=conversation.owner).reply


@pytest.mark.parametrize("state", ENDED_EARLY)
def test_what_is_there_goes_back_into_the_journal_and_a_row_is_opened(
    conversation: Conversation, state: MessageState
) -> None:
    reply = interrupted(conversation)
    Message.objects.filter(pk=reply.pk).update(state=state)

    go_on(conversation, reply)

    reply.refresh_from_db()
    conversation.refresh_from_db()
    assert (reply.state, reply.text, reply.error) == (MessageState.WAITING, "", "")
    assert reply.revision == conversation.revision
    assert thread.journalled([reply.pk]) == {reply.pk: ("Once upon a time", "Hm")}
    row = reply.completions.open().get()
    assert row.continues_at == len("Once upon a time") + len("Hm")
    assert thread.entries(conversation)[-1].message.text == "Once upon a time"


def test_the_rest_is_asked_for_by_a_person_after_what_is_there(conversation: Conversation) -> None:
    reply = go_on(conversation, interrupted(conversation))
    claim = processes.join("a process")

    work = replies.start(reply.pk, claim)

    assert work is not None
    roles = [message.role for message in work.request.messages]
    assert roles == ["user", "assistant", "user"]
    assert work.request.messages[1].content == "Once upon a time"
    assert str(work.request.messages[2].content).endswith("\n\nOnce upon a time")
    assert (work.begun, work.thought, work.position) == ("Once upon a time", "Hm", 1)
    assert replies.start(reply.pk, claim) == work


def test_a_whole_reply_is_not_continued(conversation: Conversation) -> None:
    reply = make_turn(conversation).reply

    with pytest.raises(NothingToContinue):
        go_on(conversation, reply)

    assert Completion.objects.count() == 1


def test_a_reply_that_was_cut_by_its_limit_is_continued(conversation: Conversation) -> None:
    reply = make_turn(conversation).reply
    Message.objects.filter(pk=reply.pk).update(finish_reason="length")

    assert go_on(conversation, reply).is_running


def test_without_text_there_is_nothing_to_go_on_from(conversation: Conversation) -> None:
    reply = interrupted(conversation, " \n")

    with pytest.raises(NothingToContinue):
        go_on(conversation, reply)


def test_only_the_last_reply_is_continued(conversation: Conversation) -> None:
    first = interrupted(conversation)
    make_turn(conversation)

    with pytest.raises(NotTheLast):
        go_on(conversation, first)


def test_a_reply_that_runs_is_not_continued(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply

    with pytest.raises(ReplyRunning):
        go_on(conversation, reply)


def test_of_many_who_go_on_at_once_one_does(
    transactional_db: None, conversation: Conversation, ana: User
) -> None:
    reply = interrupted(conversation)

    def deed() -> Message:
        mine = Conversation.objects.get(pk=conversation.pk)
        return go_on(mine, Message.objects.get(pk=reply.pk))

    outcomes = at_once(deed)

    refused = [outcome for outcome in outcomes if isinstance(outcome, ReplyRunning)]
    assert len(refused) == len(outcomes) - 1
    assert reply.completions.open().count() == 1
    assert JournalPiece.objects.count() == 1


def test_a_kill_before_anything_more_came_leaves_what_was_there(
    conversation: Conversation,
) -> None:
    reply, claim = go_on(conversation, interrupted(conversation)), processes.join("a process")
    replies.start(reply.pk, claim)

    assert replies.abandon(reply.pk, claim)

    reply.refresh_from_db()
    row = reply.completions.latest("pk")
    assert (reply.state, reply.text, reply.reasoning) == (
        MessageState.INTERRUPTED,
        "Once upon a time",
        "Hm",
    )
    assert (row.state, row.estimated_output, row.estimated_output_low) == (
        CompletionState.ESTIMATED,
        0,
        0,
    )


def test_who_ran_it_before_closes_nothing_of_the_rest(conversation: Conversation) -> None:
    earlier, later = processes.join("frozen"), processes.join("its successor")
    reply = begin_turn(conversation).reply
    work = replies.start(reply.pk, earlier)
    assert work is not None
    piece = JournalPiece(message=reply, number=0, text="Once")
    replies.write_pieces([piece], claim=earlier)
    replies.abandon(reply.pk, earlier)
    reply.refresh_from_db()
    conversation.refresh_from_db()
    go_on(conversation, reply)
    replies.start(reply.pk, later)

    next_attempt = replies.attempt_again(work, Receipt(), claim=earlier)
    sealed = replies.finish(
        reply_id=reply.pk,
        claim=earlier,
        completion_id=work.completion_id,
        outcome=Outcome(state=MessageState.COMPLETE, text="Once and for all", reasoning=""),
        receipt=Receipt(),
    )

    assert (next_attempt, sealed) == (None, False)
    assert reply.completions.open().count() == 1
    assert Message.objects.get(pk=reply.pk).is_running


def test_another_conversation_is_no_matter(conversation: Conversation, ana: User) -> None:
    other = interrupted(make_conversation(ana))
    reply = interrupted(conversation)

    go_on(conversation, reply)

    assert Message.objects.get(pk=other.pk).state == MessageState.INTERRUPTED


# The seam


def joined(begun: str, *pieces: str) -> str:
    seam = Seam(begun)
    return begun + "".join(seam.take(piece) for piece in pieces) + seam.rest()


BEGUN = "It was a dark and stormy night; the rain fell in tor"


@pytest.mark.parametrize(
    "pieces",
    [
        ["rents"],
        ["the rain fell in torrents"],
        ["the rain ", "fell in ", "tor", "rents"],
        ["\n\nthe rain fell in torrents"],
        [BEGUN + "rents"],
        ["stormy night; the rain fell in tor", "rents"],
    ],
)
def test_what_is_repeated_of_the_end_is_taken_out(pieces: list[str]) -> None:
    assert joined(BEGUN, *pieces) == BEGUN + "rents"


@pytest.mark.parametrize(
    "rest", ["", " the", "in tor", " \n", "torrents", " a dark and stormy day"]
)
def test_what_is_no_repetition_of_the_end_stays(rest: str) -> None:
    assert joined(BEGUN, rest) == BEGUN + rest


def test_a_fresh_reply_has_no_seam() -> None:
    assert joined("", "One", " two") == "One two"


@given(
    begun=st.text(min_size=1, max_size=REACH),
    repeated=st.integers(FEWEST, 100),
    rest=st.text(max_size=40),
    cuts=st.lists(st.integers(0, 200), max_size=5),
)
def test_wherever_the_rest_is_cut_it_joins_alike(
    begun: str, repeated: int, rest: str, cuts: list[int]
) -> None:
    said = begun[-repeated:] + rest
    places = sorted({0, len(said), *(cut for cut in cuts if cut < len(said))})
    pieces = [said[start:end] for start, end in zip(places, places[1:], strict=False)]

    assert joined(begun, *pieces) == joined(begun, said)


@given(st.text(max_size=500))
def test_the_end_that_is_to_be_repeated_is_an_end(text: str) -> None:
    assert text.endswith(end_of(text))
    assert len(end_of(text)) >= min(len(text), FEWEST)
