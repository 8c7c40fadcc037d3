"""The runner's writes: each conditional on its claim, and each ledger row closed once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.completions.events import Usage
from chat.domain import conversations, ledger, processes, replies, turns
from chat.domain.ledger import Receipt
from chat.domain.parameters import Parameters
from chat.domain.replies import Outcome, Standing, StoppedReplyOpen
from chat.enums import CompletionState, Fault, MessageState
from chat.models import Completion, Conversation, JournalPiece, Message, Process
from chat.models.message import MessageQuerySet
from tests.factories import begin_turn, make_conversation, make_turn

OURS, THEIRS = uuid.uuid4(), uuid.uuid4()
OVERLOADED = Receipt(error="overloaded", http_status=503)
# The second locks the row on PostgreSQL.
TAKES_CONVERSATION = (
    'UPDATE "chat_conversation"',
    'SELECT "chat_conversation"."id" AS "pk" FROM "chat_conversation" INNER JOIN "chat_message"',
)
USAGE = Usage(prompt_tokens=3, completion_tokens=5, total_tokens=8, raw={"total_tokens": 8})


@pytest.fixture(autouse=True)
def living_processes(db: None) -> None:
    for claim in (OURS, THEIRS):
        Process.objects.create(pk=claim, name="a process")


def outcome(text: str = "Done") -> Outcome:
    return Outcome(state=MessageState.COMPLETE, text=text, reasoning="")


def piece(reply: Message, number: int, text: str) -> JournalPiece:
    return JournalPiece(message=reply, number=number, text=text)


def test_a_reply_is_claimed_once(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply

    work = replies.start(reply.pk, OURS)

    assert work is not None
    assert work.request.messages[-1].content == "A question"
    assert replies.start(reply.pk, THEIRS) is None


def test_a_stopped_reply_that_is_sealed_meanwhile_keeps_nobody_from_the_next(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = begin_turn(conversation).reply

    def find_it_stopped(*_: object, **__: object) -> int:
        monkeypatch.undo()
        return 0

    # As if there had been one while the claim was made, and not any more.
    monkeypatch.setattr(MessageQuerySet, "update", find_it_stopped)
    with pytest.raises(StoppedReplyOpen):
        replies.start(reply.pk, OURS, after_stopped=True)

    assert replies.start(reply.pk, OURS, after_stopped=True) is not None


def test_a_reply_is_marked_as_being_written_after_its_first_text_is_shown(
    conversation: Conversation,
) -> None:
    reply = begin_turn(conversation).reply
    replies.start(reply.pk, OURS)

    standing = replies.write_pieces([piece(reply, 0, "One")], claim=OURS)

    reply.refresh_from_db()
    assert (standing, reply.state) == (Standing(), MessageState.WAITING)
    revision = reply.revision

    replies.write_pieces([], claim=OURS, running=[reply.pk], begun=[reply.pk])

    reply.refresh_from_db()
    assert reply.state == MessageState.STREAMING
    assert reply.completions.get().first_token_at is not None
    # Nothing that a page would have to be sent.
    assert reply.revision == revision


def test_a_reply_that_is_lost_is_not_marked_as_being_written(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply
    replies.start(reply.pk, OURS)
    Message.objects.filter(pk=reply.pk).update(claim=THEIRS)

    replies.write_pieces([], claim=OURS, running=[reply.pk], begun=[reply.pk])

    reply.refresh_from_db()
    assert reply.state == MessageState.WAITING
    assert reply.completions.get().first_token_at is None


def test_a_process_that_lost_its_claim_writes_nothing(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply
    replies.start(reply.pk, OURS)
    Message.objects.filter(pk=reply.pk).update(claim=THEIRS)

    standing = replies.write_pieces([piece(reply, 0, "One")], claim=OURS)
    sealed = replies.finish(
        reply_id=reply.pk,
        claim=OURS,
        completion_id=reply.completions.get().pk,
        outcome=outcome(),
        receipt=Receipt(),
    )

    reply.refresh_from_db()
    assert (standing.lost, sealed) == (frozenset([reply.pk]), False)
    assert (reply.state, reply.text) == (MessageState.WAITING, "")
    assert not JournalPiece.objects.exists()
    # What its attempt cost is known to nobody else.
    assert reply.completions.get().state == CompletionState.FAILED


def test_losing_one_reply_loses_no_other(conversation: Conversation) -> None:
    lost, kept = (
        begin_turn(shown).reply for shown in (conversation, make_conversation(conversation.owner))
    )
    for reply in (lost, kept):
        replies.start(reply.pk, OURS)
    Message.objects.filter(pk=lost.pk).update(claim=THEIRS)

    standing = replies.write_pieces([piece(lost, 0, "One"), piece(kept, 0, "One")], claim=OURS)

    assert standing.lost == {lost.pk}
    assert list(JournalPiece.objects.values_list("message", "text")) == [(kept.pk, "One")]


def test_a_sealed_reply_takes_no_more_text(conversation: Conversation) -> None:
    reply = make_turn(conversation, reply="Done").reply
    Message.objects.filter(pk=reply.pk).update(claim=OURS)

    standing = replies.write_pieces([piece(reply, 0, " more")], claim=OURS)

    reply.refresh_from_db()
    assert standing.lost == {reply.pk}
    assert (reply.text, reply.state) == ("Done", MessageState.COMPLETE)


def test_sealing_what_is_sealed_changes_nothing(conversation: Conversation) -> None:
    reply = make_turn(conversation, reply="Done").reply

    assert not replies.abandon(reply.pk, OURS)

    reply.refresh_from_db()
    assert (reply.text, reply.state) == ("Done", MessageState.COMPLETE)


def test_finishing_joins_text_figures_and_state_and_empties_the_journal(
    conversation: Conversation,
) -> None:
    reply = begin_turn(conversation).reply
    replies.start(reply.pk, OURS)
    replies.write_pieces([piece(reply, 0, "Do")], claim=OURS)

    sealed = replies.finish(
        reply_id=reply.pk,
        claim=OURS,
        completion_id=reply.completions.get().pk,
        outcome=outcome("Done"),
        receipt=Receipt(usage=USAGE, is_whole=True, http_status=200),
    )

    reply.refresh_from_db()
    row = reply.completions.get()
    assert sealed is True
    assert (reply.state, reply.text) == (MessageState.COMPLETE, "Done")
    assert (row.state, row.prompt_tokens, row.output) == (CompletionState.FINAL, 3, 5)
    assert not JournalPiece.objects.exists()


def test_a_ledger_row_closes_once(conversation: Conversation) -> None:
    row = begin_turn(conversation).reply.completions.get()

    first = ledger.close_row(row.pk, Receipt(usage=USAGE, is_whole=True))
    second = ledger.close_row(row.pk, Receipt(error="broken"))

    row.refresh_from_db()
    assert (first, second) == (True, False)
    assert (row.state, row.error) == (CompletionState.FINAL, "")


def test_figures_of_an_answer_that_broke_off_are_the_least_that_it_took(
    conversation: Conversation,
) -> None:
    row = begin_turn(conversation).reply.completions.get()

    ledger.close_row(
        row.pk, Receipt(usage=USAGE, may_be_billed=True, http_status=200, output_characters=4)
    )

    row.refresh_from_db()
    assert row.state == CompletionState.ESTIMATED
    assert (row.estimated_prompt_low, row.estimated_prompt_high) == (3, 3)
    assert row.estimated_output_low == 5
    assert row.estimated_output_high is not None
    assert row.estimated_output_high > 5


@pytest.mark.parametrize("output", [0, None])
def test_figures_that_leave_out_what_came_are_no_final_ones(
    conversation: Conversation, output: int | None
) -> None:
    row = begin_turn(conversation).reply.completions.get()
    usage = Usage(prompt_tokens=10, completion_tokens=output, total_tokens=10, raw={"x": 1})

    ledger.close_row(
        row.pk,
        Receipt(usage=usage, is_whole=True, may_be_billed=True, output_characters=40),
    )

    row.refresh_from_db()
    assert (row.state, row.prompt, row.output) == (CompletionState.ESTIMATED, 10, 10)
    assert (row.completion_tokens, row.usage) == (output, {"x": 1})


def test_an_answer_without_a_word_may_well_have_cost_none(conversation: Conversation) -> None:
    row = begin_turn(conversation).reply.completions.get()
    usage = Usage(prompt_tokens=10, completion_tokens=0, total_tokens=10)

    ledger.close_row(row.pk, Receipt(usage=usage, is_whole=True, may_be_billed=True))

    row.refresh_from_db()
    assert (row.state, row.output) == (CompletionState.FINAL, 0)


@pytest.mark.parametrize(
    ("model", "limit", "most"),
    [
        ("Gemini-3.0-pro", None, 400 + 32_768),
        ("Gemini-3.0-pro", 1000, 1000),
        ("deepseek-v4-pro", None, 384_000),
        ("kimi-k3", None, 131_072),
        ("kimi-k3", 500_000, 500_000),
        ("doubao-seed-2.0-pro", None, 4_096),
        ("MiniMax-M2.5", 10_000, 2_048),
        ("never-heard-of", None, 400 + 32_768),
    ],
)
def test_how_much_may_have_been_thought_unseen_depends_on_the_model(
    conversation: Conversation, model: str, limit: int | None, most: int
) -> None:
    row = begin_turn(conversation).reply.completions.get()

    ledger.close_row(
        row.pk,
        Receipt(model=model, max_tokens=limit, may_be_billed=True, output_characters=400),
    )

    row.refresh_from_db()
    assert row.estimated_output_high == most


def test_an_attempt_that_was_never_made_costs_nothing(conversation: Conversation) -> None:
    row = begin_turn(conversation).reply.completions.get()

    ledger.close_row(row.pk, Receipt(error="unreachable"))

    row.refresh_from_db()
    assert (row.state, row.prompt, row.output) == (CompletionState.FAILED, None, None)


def test_what_a_dead_process_left_is_sealed_with_what_was_shown(
    conversation: Conversation,
) -> None:
    reply = begin_turn(conversation).reply
    replies.start(reply.pk, OURS)
    replies.write_pieces([piece(reply, 0, "One"), piece(reply, 1, " two")], claim=OURS)

    replies.abandon(reply.pk, OURS)

    reply.refresh_from_db()
    row = reply.completions.get()
    assert (reply.state, reply.text) == (MessageState.INTERRUPTED, "One two")
    assert reply.error == Fault.RESTARTED
    assert row.state == CompletionState.ESTIMATED
    assert not JournalPiece.objects.exists()


def test_what_was_told_to_stop_and_left_is_stopped(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply
    replies.start(reply.pk, OURS)
    turns.request_stop(reply)

    replies.abandon(reply.pk, OURS)

    reply.refresh_from_db()
    assert (reply.state, reply.error) == (MessageState.STOPPED, "")


def test_what_nobody_had_begun_to_ask_is_not_billed(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply

    replies.abandon(reply.pk, None)

    assert reply.completions.get().state == CompletionState.FAILED


def test_replies_that_no_process_claimed_wait_to_be_started(conversation: Conversation) -> None:
    make_turn(conversation)
    reserved = begin_turn(conversation).reply

    def found(age: float = 0) -> list[int]:
        before = timezone.now() - timedelta(seconds=age)
        return [reply.pk for reply in replies.unstarted(before=before)]

    assert (found(), found(age=60)) == ([reserved.pk], [])
    replies.start(reserved.pk, OURS)
    assert found() == []


def test_replies_of_processes_that_are_gone_are_left_behind(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply
    replies.start(reply.pk, THEIRS)

    assert replies.left_behind(OURS) == []
    # Of its own ones a process knows by itself which run.
    assert replies.left_behind(THEIRS) == [reply]
    processes.leave(THEIRS)
    assert replies.left_behind(OURS) == [reply]


def test_what_was_left_is_sealed_only_for_the_process_that_left_it(
    conversation: Conversation,
) -> None:
    reply = begin_turn(conversation).reply
    replies.start(reply.pk, OURS)

    assert not replies.abandon(reply.pk, THEIRS)

    assert reply.completions.get().state == CompletionState.OPEN
    assert Message.objects.get(pk=reply.pk).is_running


def test_a_process_that_was_judged_writes_nothing(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply
    replies.start(reply.pk, OURS)
    processes.leave(OURS)

    standing = replies.write_pieces([piece(reply, 0, "One")], claim=OURS)

    assert standing.lost == {reply.pk}
    assert not JournalPiece.objects.exists()
    assert Message.objects.get(pk=reply.pk).state == MessageState.WAITING


def test_a_process_that_was_judged_starts_nothing(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply
    processes.leave(OURS)

    assert replies.start(reply.pk, OURS) is None
    assert replies.start(reply.pk, THEIRS) is not None


def test_with_each_commit_it_is_seen_which_replies_are_told_to_stop(
    conversation: Conversation,
) -> None:
    writing, waiting = (
        begin_turn(shown).reply for shown in (conversation, make_conversation(conversation.owner))
    )
    for reply in (writing, waiting):
        replies.start(reply.pk, OURS)
    turns.request_stop(waiting)

    standing = replies.write_pieces(
        [piece(writing, 0, "One")], claim=OURS, running=[writing.pk, waiting.pk]
    )

    assert standing == Standing(stopped=frozenset([waiting.pk]))


def test_the_next_attempt_has_a_row_of_its_own(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply
    first = replies.start(reply.pk, OURS)
    assert first is not None

    second = replies.attempt_again(first, OVERLOADED, claim=OURS)

    rows = Completion.objects.filter(message=reply).order_by("pk")
    assert [(row.state, row.error) for row in rows] == [
        (CompletionState.FAILED, "overloaded"),
        (CompletionState.OPEN, ""),
    ]
    assert second == replace(first, completion_id=rows[1].pk)


# Done again, because the word that it was done was lost


def test_a_claim_may_be_made_again_by_its_owner(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply

    first, second = replies.start(reply.pk, OURS), replies.start(reply.pk, OURS)

    assert first is not None
    assert second == first
    assert replies.start(reply.pk, THEIRS) is None


def test_the_next_attempt_is_opened_once(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply
    first = replies.start(reply.pk, OURS)
    assert first is not None

    opened = [replies.attempt_again(first, OVERLOADED, claim=OURS) for _ in range(2)]

    assert reply.completions.count() == 2
    assert opened == [replace(first, completion_id=reply.completions.open().get().pk)] * 2


def test_there_is_no_next_attempt_at_a_reply_that_was_judged(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply
    first = replies.start(reply.pk, OURS)
    assert first is not None
    replies.abandon(reply.pk, OURS)

    assert replies.attempt_again(first, OVERLOADED, claim=OURS) is None
    assert reply.completions.count() == 1


def test_a_piece_is_written_once(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply
    replies.start(reply.pk, OURS)

    for text in ("One", "another"):
        replies.write_pieces([piece(reply, 0, text)], claim=OURS)

    assert [kept.text for kept in JournalPiece.objects.all()] == ["One"]


def test_rows_that_were_forgotten_are_closed_and_those_of_running_replies_are_not(
    conversation: Conversation,
) -> None:
    ended, running = make_turn(conversation).reply, begin_turn(conversation).reply
    closed = ended.completions.get().pk
    Completion.objects.filter(pk=ledger.open_next(closed).pk).update(message=None)
    ledger.open_next(closed)

    assert ledger.close_forgotten() == 2

    assert list(Completion.objects.open()) == [running.completions.get()]
    assert ledger.close_forgotten() == 0


def test_a_reply_is_asked_of_the_model_for_which_it_was_reserved(
    conversation: Conversation,
) -> None:
    """Its budgets hold what that one may cost, and its row names it."""
    reply = begin_turn(conversation).reply
    conversations.configure(
        conversation, model="gemini-2.5-pro", system_prompt="", parameters=Parameters()
    )

    work = replies.start(reply.pk, OURS)

    assert work is not None
    assert work.request.model == reply.completions.get().model_asked == "Gemini-3.0-pro"


@pytest.mark.parametrize(
    "deed",
    [
        lambda reply: turns.request_stop(reply),
        lambda reply: conversations.delete(reply.conversation),
        lambda reply: replies.abandon(reply.pk, OURS),
    ],
    ids=["stop", "delete", "seal"],
)
def test_every_deed_takes_the_conversation_before_its_messages(
    conversation: Conversation, deed: Callable[[Message], object]
) -> None:
    """As a send does: in the other order two of them could wait for each other."""
    reply = begin_turn(conversation).reply
    replies.start(reply.pk, OURS)

    with CaptureQueriesContext(connection) as captured:
        deed(reply)

    statements = [query["sql"] for query in captured]
    takes = [sql.startswith(TAKES_CONVERSATION) for sql in statements]
    changes = [sql.startswith('UPDATE "chat_message"') for sql in statements]
    assert takes.index(True) < changes.index(True)
