"""Each invariant is broken once, and it alone says so."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.domain import processes, replies, turns
from chat.enums import CompletionState, MessageState, Period, Role, Verdict
from chat.models import (
    Allowance,
    Attachment,
    Budget,
    Completion,
    Conversation,
    Correction,
    Feedback,
    Hold,
    JournalPiece,
    Message,
    Price,
    Process,
    QueuedMessage,
    Revaluation,
)
from chat.queries import invariants
from tests.constraints import without_constraint
from tests.factories import begin_turn, make_conversation, make_turn, uploaded

# A breach makes rows that break one invariant and gives their keys.
Breach = Callable[[Conversation], list[Any]]

LONG_AGO = timedelta(minutes=5)


def changed(row: Message | Completion | Conversation, **fields: object) -> list[Any]:
    rows: QuerySet[Any] = type(row)._base_manager.all()
    assert rows.filter(pk=row.pk).update(**fields) == 1
    return [row.pk]


def another_reply(conversation: Conversation) -> Message:
    """To a prompt that has one already."""
    first = make_turn(conversation)
    conversation.refresh_from_db()
    second = turns.try_again(
        conversation=conversation, reply=first.reply, author=conversation.owner
    )
    replies.abandon(second.reply.pk, None)
    second.reply.refresh_from_db()
    return second.reply


def request_that_begins_elsewhere(conversation: Conversation) -> list[Any]:
    elsewhere = make_turn(make_conversation(conversation.owner))
    return changed(make_turn(conversation).reply, history_from=elsewhere.prompt.pk)


def request_that_begins_with_a_reply(conversation: Conversation) -> list[Any]:
    first = make_turn(conversation)
    return changed(make_turn(conversation).reply, history_from=first.reply.pk)


def reply_to_nothing(conversation: Conversation) -> list[Any]:
    reply = another_reply(conversation)
    with without_constraint("message_prompt_has_author_reply_has_parent"):
        return changed(reply, parent=None)


def picture_that_nobody_counts(conversation: Conversation) -> list[Any]:
    prompt = make_turn(conversation).prompt
    Attachment.objects.filter(pk=uploaded(conversation.owner).pk).update(message=prompt)
    return [prompt.pk]


def reply_to_a_reply(conversation: Conversation) -> list[Any]:
    reply = another_reply(conversation)
    return changed(reply, parent=reply.parent and reply.parent.children.oldest_first()[0])


def prompt_without_reply(conversation: Conversation) -> list[Any]:
    prompt = make_turn(conversation).prompt
    prompt.pk, prompt.send_key = None, None
    prompt.save(force_insert=True)
    return [prompt.pk]


def prompt_without_author(conversation: Conversation) -> list[Any]:
    prompt = make_turn(conversation).prompt
    with without_constraint("message_prompt_has_author_reply_has_parent"):
        return changed(prompt, author=None)


def reply_with_author(conversation: Conversation) -> list[Any]:
    reply = make_turn(conversation).reply
    with without_constraint("message_prompt_has_author_reply_has_parent"):
        return changed(reply, author=conversation.owner)


def prompt_after_a_reply_of_another_conversation(conversation: Conversation) -> list[Any]:
    elsewhere = make_turn(make_conversation(conversation.owner)).reply
    return changed(make_turn(conversation).prompt, parent=elsewhere)


def finished_message_without_end(conversation: Conversation) -> list[Any]:
    reply = make_turn(conversation).reply
    with without_constraint("message_finished_iff_it_has_an_end"):
        return changed(reply, finished_at=None)


def running_message_with_an_end(conversation: Conversation) -> list[Any]:
    reply = begin_turn(conversation).reply
    with without_constraint("message_finished_iff_it_has_an_end"):
        return changed(reply, finished_at=timezone.now())


def two_running_replies(conversation: Conversation) -> list[Any]:
    turn = begin_turn(conversation)
    with without_constraint("message_one_running_reply_a_conversation"):
        second = conversation.messages.create(
            parent=turn.prompt, role=Role.ASSISTANT, state=MessageState.WAITING
        )
    Completion.objects.create(
        user=conversation.owner, conversation=conversation, message=second, model_asked="m"
    )
    return [conversation.pk]


def running_reply_that_nobody_claimed(conversation: Conversation) -> list[Any]:
    reply = begin_turn(conversation).reply
    reply.completions.update(started_at=timezone.now() - LONG_AGO)
    return [reply.pk]


def running_reply_of_a_process_that_is_gone(conversation: Conversation) -> list[Any]:
    return changed(begin_turn(conversation).reply, claim=uuid.uuid4())


def running_reply_of_a_silent_process(conversation: Conversation) -> list[Any]:
    process = processes.join("one")
    Process.objects.update(seen_at=timezone.now() - LONG_AGO)
    return changed(begin_turn(conversation).reply, claim=process)


def queued_and_sent(conversation: Conversation) -> list[Any]:
    prompt = make_turn(conversation).prompt
    message = QueuedMessage.objects.create(
        conversation=conversation,
        author=conversation.owner,
        text=prompt.text,
        send_key=prompt.send_key or uuid.uuid4(),
    )
    return [message.pk]


def message_ahead(conversation: Conversation) -> list[Any]:
    return changed(make_turn(conversation).reply, revision=1000)


def branch_ahead(conversation: Conversation) -> list[Any]:
    return changed(conversation, branch_revision=1000)


def head_of_another(conversation: Conversation) -> list[Any]:
    make_turn(conversation)
    elsewhere = make_turn(make_conversation(conversation.owner)).reply
    return changed(conversation, head=elsewhere)


def messages_without_head(conversation: Conversation) -> list[Any]:
    make_turn(conversation)
    return changed(conversation, head=None)


def piece_of_a_finished_reply(conversation: Conversation) -> list[Any]:
    return [JournalPiece.objects.create(message=make_turn(conversation).reply, number=0).pk]


def pieces_with_a_gap(conversation: Conversation) -> list[Any]:
    reply = begin_turn(conversation).reply
    for number in (0, 1, 3):
        JournalPiece.objects.create(message=reply, number=number, text="word ")
    return [reply.pk]


def pieces_without_a_beginning(conversation: Conversation) -> list[Any]:
    reply = begin_turn(conversation).reply
    JournalPiece.objects.create(message=reply, number=1, text="word ")
    return [reply.pk]


def continued(conversation: Conversation) -> Message:
    reply = make_turn(conversation, state=MessageState.INTERRUPTED).reply
    conversation.refresh_from_db()
    return turns.go_on(conversation=conversation, reply=reply, author=conversation.owner).reply


def continued_reply_whose_beginning_is_gone(conversation: Conversation) -> list[Any]:
    reply = continued(conversation)
    reply.pieces.all().delete()
    return [reply.pk]


def continued_reply_whose_beginning_is_cut(conversation: Conversation) -> list[Any]:
    reply = continued(conversation)
    reply.pieces.update(text="An")
    return [reply.pk]


def reply_without_row(conversation: Conversation) -> list[Any]:
    reply = make_turn(conversation).reply
    reply.completions.all().delete()
    return [reply.pk]


def running_reply_without_open_row(conversation: Conversation) -> list[Any]:
    reply = begin_turn(conversation).reply
    reply.completions.update(state=CompletionState.FAILED, finished_at=timezone.now())
    return [reply.pk]


def open_row_of_a_finished_reply(conversation: Conversation) -> list[Any]:
    row = make_turn(conversation).reply.completions.get()
    return changed(row, state=CompletionState.OPEN, finished_at=None)


def open_row_that_nobody_reads_on_for(conversation: Conversation) -> list[Any]:
    row = read_on(conversation, claim=uuid.uuid4())
    return [row.pk]


def read_on(conversation: Conversation, *, claim: uuid.UUID) -> Completion:
    """The row of a stopped reply, which its process keeps open for the figures."""
    reply = make_turn(conversation, state=MessageState.STOPPED).reply
    changed(reply, claim=claim)
    row = reply.completions.get()
    changed(row, state=CompletionState.OPEN, finished_at=None)
    return row


def open_row_of_no_reply(conversation: Conversation) -> list[Any]:
    user = conversation.owner
    return [Completion.objects.create(user=user, model_asked="m").pk]


def two_open_rows(conversation: Conversation) -> list[Any]:
    row = begin_turn(conversation).reply.completions.get()
    with without_constraint("completion_one_open_a_reply"):
        row.pk = None
        row.save(force_insert=True)
    return [row.message_id]


def closed_row_without_end(conversation: Conversation) -> list[Any]:
    row = make_turn(conversation).reply.completions.get()
    with without_constraint("completion_closed_iff_it_has_an_end"):
        return changed(row, finished_at=None)


def open_row_with_an_end(conversation: Conversation) -> list[Any]:
    row = begin_turn(conversation).reply.completions.get()
    with without_constraint("completion_closed_iff_it_has_an_end"):
        return changed(row, finished_at=timezone.now())


def final_row_without_usage(conversation: Conversation) -> list[Any]:
    row = make_turn(conversation).reply.completions.get()
    with without_constraint("completion_final_has_usage"):
        return changed(row, state=CompletionState.FINAL)


def estimate(**figures: int | None) -> Breach:
    within: dict[str, int | None] = {
        f"estimated_{part}{bound}": value
        for part in ("prompt", "output")
        for bound, value in (("_low", 1), ("", 2), ("_high", 3))
    }

    def breach(conversation: Conversation) -> list[Any]:
        row = make_turn(conversation).reply.completions.get()
        with without_constraint("completion_estimate_lies_in_its_bounds"):
            return changed(row, state=CompletionState.ESTIMATED, **{**within, **figures})

    return breach


def row_of_another_conversation(conversation: Conversation) -> list[Any]:
    row = make_turn(conversation).reply.completions.get()
    return changed(row, conversation=make_conversation(conversation.owner))


def cost_out_of_bounds(conversation: Conversation) -> list[Any]:
    row = make_turn(conversation).reply.completions.get()
    with without_constraint("completion_cost_lies_in_its_bounds"):
        return changed(row, cost=Decimal(3), cost_low=Decimal(1), cost_high=Decimal(2))


def correction(row: Completion, *, model: str = "", low: int = 1, says: int = 1) -> list[Any]:
    model = model or row.model_asked
    price = Price.objects.create(model=model, prompt=Decimal(1), completion=Decimal(1))
    revaluation = Revaluation.objects.create(model=model, reason="Missing", last=row.pk, rows=says)
    made = Correction.objects.create(
        completion=row,
        revaluation=revaluation,
        price=price,
        cost=Decimal(2),
        cost_low=Decimal(low),
        cost_high=Decimal(3),
    )
    return [made.pk]


def correction_of_an_open_row(conversation: Conversation) -> list[Any]:
    return correction(begin_turn(conversation).reply.completions.get())


def correction_by_the_price_of_another_model(conversation: Conversation) -> list[Any]:
    return correction(make_turn(conversation).reply.completions.get(), model="another")


def correction_out_of_bounds(conversation: Conversation) -> list[Any]:
    row = make_turn(conversation).reply.completions.get()
    with without_constraint("correction_lies_in_its_bounds"):
        return correction(row, low=3)


def revaluation_of_other_rows(conversation: Conversation) -> list[Any]:
    correction(make_turn(conversation).reply.completions.get(), says=2)
    return [Revaluation.objects.get().pk]


def hold_of_a_closed_row(conversation: Conversation) -> list[Any]:
    row = make_turn(conversation).reply.completions.get()
    allowance = an_allowance(held=5)
    return [Hold.objects.create(completion=row, allowance=allowance, amount=5).pk]


def allowance_that_holds_too_much(conversation: Conversation) -> list[Any]:
    return [an_allowance(held=5).pk]


def an_allowance(held: int) -> Allowance:
    budget = Budget.objects.create(period=Period.DAY, tokens=10)
    return Allowance.objects.create(budget=budget, start=timezone.now(), held=held)


def row_of_no_conversation(conversation: Conversation) -> list[Any]:
    return changed(make_turn(conversation).reply.completions.get(), conversation=None)


def words_without_their_chat(conversation: Conversation) -> list[Any]:
    make_turn(conversation)
    return [feedback(conversation, text="So good").pk]


def feedback_on_a_prompt(conversation: Conversation) -> list[Any]:
    return [feedback(conversation, message=make_turn(conversation).prompt).pk]


def feedback(conversation: Conversation, **fields: Any) -> Feedback:
    given = {"user": conversation.owner, "model": "m", "verdict": Verdict.GOOD}
    return Feedback.objects.create(**given, **fields)


BREACHES: dict[str, list[Breach]] = {
    "reply_answers_a_prompt": [reply_to_nothing, reply_to_a_reply],
    "prompt_has_a_reply": [prompt_without_reply],
    "prompts_alone_have_authors": [prompt_without_author, reply_with_author],
    "tree_stays_in_its_conversation": [prompt_after_a_reply_of_another_conversation],
    "message_has_its_pictures": [picture_that_nobody_counts],
    "message_finished_iff_it_has_an_end": [
        finished_message_without_end,
        running_message_with_an_end,
    ],
    "one_running_reply_a_conversation": [two_running_replies],
    "running_reply_has_an_owner": [
        running_reply_that_nobody_claimed,
        running_reply_of_a_process_that_is_gone,
        running_reply_of_a_silent_process,
    ],
    "queued_is_not_sent": [queued_and_sent],
    "message_is_not_ahead": [message_ahead],
    "branch_is_not_ahead": [branch_ahead],
    "head_is_its_own": [head_of_another, messages_without_head],
    "request_begins_with_a_prompt": [
        request_that_begins_elsewhere,
        request_that_begins_with_a_reply,
    ],
    "journal_is_of_running_replies": [piece_of_a_finished_reply],
    "journal_has_no_gap": [pieces_with_a_gap, pieces_without_a_beginning],
    "continued_reply_has_its_beginning": [
        continued_reply_whose_beginning_is_gone,
        continued_reply_whose_beginning_is_cut,
    ],
    "reply_is_in_the_ledger": [reply_without_row],
    "running_reply_has_an_open_row": [running_reply_without_open_row],
    "sealed_reply_has_no_open_row": [
        open_row_of_a_finished_reply,
        open_row_that_nobody_reads_on_for,
        open_row_of_no_reply,
    ],
    "one_open_row_a_reply": [two_open_rows],
    "row_closed_iff_it_has_an_end": [closed_row_without_end, open_row_with_an_end],
    "final_row_has_usage": [final_row_without_usage],
    "estimate_lies_in_its_bounds": [
        estimate(estimated_output=4),
        estimate(estimated_output=0),
        estimate(estimated_prompt=4),
        estimate(estimated_prompt=0),
        estimate(estimated_prompt_high=None),
        estimate(estimated_output=None),
    ],
    "row_is_of_its_replys_conversation": [row_of_another_conversation, row_of_no_conversation],
    "cost_lies_in_its_bounds": [cost_out_of_bounds],
    "correction_is_of_a_closed_row": [
        correction_of_an_open_row,
        correction_by_the_price_of_another_model,
    ],
    "corrected_cost_lies_in_its_bounds": [correction_out_of_bounds],
    "revaluation_counts_its_corrections": [revaluation_of_other_rows],
    "hold_is_of_an_open_row": [hold_of_a_closed_row],
    "allowance_holds_what_runs": [allowance_that_holds_too_much],
    "feedback_is_on_an_answer": [words_without_their_chat, feedback_on_a_prompt],
}


def test_every_invariant_is_broken_here() -> None:
    assert list(BREACHES) == [invariant.name for invariant in invariants.INVARIANTS]


@pytest.mark.parametrize(
    ("name", "breach"), [(name, breach) for name, several in BREACHES.items() for breach in several]
)
def test_what_breaks_an_invariant_breaks_no_other(
    conversation: Conversation, name: str, breach: Breach
) -> None:
    make_turn(make_conversation(conversation.owner))

    keys = breach(conversation)

    found = [
        (finding.invariant.name, finding.count, finding.examples) for finding in invariants.broken()
    ]
    assert found == [(name, 1, (str(keys[0]),))]


def test_all_holds_for_turns_in_every_state(conversation: Conversation) -> None:
    for state in (MessageState.COMPLETE, MessageState.FAILED, MessageState.INTERRUPTED):
        make_turn(conversation, state=state)
        conversation.refresh_from_db()
    another_reply(make_conversation(conversation.owner))
    turns.request_stop(begin_turn(conversation).reply)
    conversation.refresh_from_db()
    running = begin_turn(conversation).reply
    JournalPiece.objects.create(message=running, number=0, text="word ")
    JournalPiece.objects.create(message=running, number=1, text="and word")
    elsewhere = begin_turn(make_conversation(conversation.owner)).reply
    replies.start(elsewhere.pk, processes.join("one"))
    read_on(make_conversation(conversation.owner), claim=processes.join("two"))
    long_ago = continued(make_conversation(conversation.owner))
    changed(long_ago, created_at=timezone.now() - LONG_AGO)
    make_turn(gone := make_conversation(conversation.owner))
    gone.delete()
    correction(make_turn(make_conversation(conversation.owner)).reply.completions.get())

    assert invariants.broken() == []


@pytest.mark.parametrize("count", [1, 7])
def test_a_finding_names_all_by_number_and_the_first_few_by_key(
    conversation: Conversation, count: int
) -> None:
    for _ in range(count):
        make_turn(conversation)
        conversation.refresh_from_db()
    replies_ = Message.objects.replies().order_by("pk")
    Completion.objects.all().delete()

    (finding,) = invariants.broken()

    first = tuple(str(key) for key in replies_.values_list("pk", flat=True)[:5])
    assert (finding.count, finding.examples) == (count, first)
    assert f"{count} (message {', '.join(first)})" in str(finding)


@pytest.mark.parametrize("count", [1, 3])
def test_the_queries_are_as_many_however_much_there_is(
    conversation: Conversation, count: int
) -> None:
    for _ in range(count):
        make_turn(conversation)
        conversation.refresh_from_db()

    with CaptureQueriesContext(
        connection,
    ) as queries:
        invariants.findings()

    assert len(queries) == len(invariants.INVARIANTS)
