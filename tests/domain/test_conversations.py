"""What happens to a conversation as a whole, and what the upstream is told of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from chat.domain import conversations, prompts, replies, turns
from chat.domain.parameters import Parameters
from chat.enums import MessageState
from chat.models import Completion, Conversation, Message
from chat.queries import thread
from tests.factories import begin_turn, make_conversation, make_turn


def sent(conversation: Conversation) -> list[tuple[str, object]]:
    """Role and content of every message that the upstream would get for the last prompt."""
    path = thread.branch(conversation)
    request = prompts.build(conversation, model=conversation.model, path=path[:-1])
    return [(message.role, message.content) for message in request.messages]


def test_the_history_is_the_shown_branch_alone(conversation: Conversation) -> None:
    first = make_turn(conversation, "One?", "Wrong")
    second = turns.try_again(
        conversation=conversation, reply=first.reply, author=conversation.owner
    )
    Message.objects.filter(pk=second.reply.pk).update(
        state=MessageState.COMPLETE, text="Right", finished_at=timezone.now()
    )
    begin_turn(conversation, "Two?")

    assert sent(conversation) == [("user", "One?"), ("assistant", "Right"), ("user", "Two?")]


def test_a_reply_without_text_is_left_out_and_a_part_of_one_is_not(
    conversation: Conversation,
) -> None:
    make_turn(conversation, "One?", "", state=MessageState.FAILED)
    make_turn(conversation, "Two?", "Half an", state=MessageState.INTERRUPTED)
    begin_turn(conversation, "Three?")

    assert sent(conversation) == [
        ("user", "One?"),
        ("user", "Two?"),
        ("assistant", "Half an"),
        ("user", "Three?"),
    ]


def test_the_system_prompt_comes_first_and_parameters_only_when_set(
    conversation: Conversation,
) -> None:
    conversations.configure(
        conversation,
        model="Gemini-3.0-pro",
        system_prompt="Be brief.",
        parameters=Parameters(temperature=0.0, top_k=40),
    )
    begin_turn(conversation, "One?")

    request = prompts.build(
        conversation, model=conversation.model, path=thread.branch(conversation)[:-1]
    )

    assert sent(conversation)[0] == ("system", "Be brief.")
    assert (request.temperature, request.top_k) == (0.0, 40)
    assert (request.max_tokens, request.top_p, request.stream) == (None, None, True)


@pytest.mark.parametrize(
    "parameters",
    [
        Parameters(),
        Parameters(stream=False, max_tokens=1, temperature=0.0, top_p=0.0, top_k=1),
    ],
)
def test_parameters_come_back_as_they_were_stored(
    conversation: Conversation, parameters: Parameters
) -> None:
    conversations.configure(
        conversation, model=conversation.model, system_prompt="", parameters=parameters
    )

    stored = Conversation.objects.get(pk=conversation.pk).parameters

    assert Parameters.from_json(stored) == parameters


def test_deleting_stops_the_reply_and_hides_the_conversation_until_it_is_taken_back(
    conversation: Conversation,
) -> None:
    reply = begin_turn(conversation).reply

    to_stop = conversations.delete(conversation)

    reply.refresh_from_db()
    visible = Conversation.objects.visible_to(conversation.owner)
    assert to_stop == [reply.pk]
    assert reply.stop_requested_at is not None
    assert not visible.exists()
    conversations.restore(conversation)
    assert visible.get() == conversation


def test_what_was_deleted_long_ago_is_purged_and_what_it_cost_stays(
    conversation: Conversation,
) -> None:
    recent = make_conversation(conversation.owner)
    turn = make_turn(conversation)
    row = turn.reply.completions.get()
    conversations.delete(conversation)
    conversations.delete(recent)
    Conversation.objects.filter(pk=conversation.pk).update(
        deleted_at=timezone.now() - timedelta(days=8)
    )

    conversations.purge()

    row.refresh_from_db()
    assert list(Conversation.objects.all()) == [recent]
    assert (row.conversation, row.message, row.user) == (None, None, conversation.owner)


def test_another_branch_is_shown_to_its_end(conversation: Conversation) -> None:
    first = make_turn(conversation, "One?")
    end = make_turn(conversation, "And then?")
    Conversation.objects.filter(pk=conversation.pk).update(head=first.reply)
    conversation.refresh_from_db()
    other = turns.try_again(conversation=conversation, reply=first.reply, author=conversation.owner)

    conversations.show_branch(conversation, through=first.reply)

    assert [message.pk for message in thread.branch(conversation)] == [
        first.prompt.pk,
        first.reply.pk,
        end.prompt.pk,
        end.reply.pk,
    ]
    assert conversation.branch_revision == conversation.revision
    assert other.reply.pk not in [message.pk for message in thread.branch(conversation)]


def test_each_way_at_a_fork_leads_to_where_it_was_left(conversation: Conversation) -> None:
    """A prompt in two versions, and two answers to the first, of which the older one was shown."""
    older = make_turn(conversation, "One?", "Older")
    turns.try_again(conversation=conversation, reply=older.reply, author=conversation.owner)
    replies.abandon(conversation.messages.latest("pk").pk, None)
    conversations.show_branch(conversation, through=older.reply)
    edited = begin_turn(conversation, "Uno?", instead_of=older.prompt)

    seen = []
    for through in (older.prompt, edited.prompt, older.prompt):
        conversations.show_branch(conversation, through=through)
        seen.append(thread.branch(conversation)[-1])

    assert seen == [older.reply, edited.reply, older.reply]


def test_every_change_raises_the_revision(conversation: Conversation) -> None:
    seen = [conversation.revision]
    for change in (
        lambda: conversations.rename(conversation, title="Herons"),
        lambda: begin_turn(conversation),
        lambda: turns.request_stop(conversation.messages.replies().get()),
        lambda: conversations.delete(conversation),
    ):
        change()
        conversation.refresh_from_db()
        seen.append(conversation.revision)

    assert seen == sorted(set(seen))


def test_what_was_deleted_lately_or_still_runs_is_not_purged(conversation: Conversation) -> None:
    begin_turn(conversation)
    conversations.delete(conversation)
    long_ago = timezone.now() - timedelta(days=8)
    Conversation.objects.filter(pk=conversation.pk).update(deleted_at=long_ago)

    conversations.purge()

    assert Conversation.objects.filter(pk=conversation.pk).exists()


def test_nothing_is_purged_that_was_taken_back(conversation: Conversation) -> None:
    conversations.delete(conversation)
    conversations.restore(conversation)

    conversations.purge()

    assert Conversation.objects.visible_to(conversation.owner).get() == conversation


def test_nothing_is_purged_that_is_taken_back_at_that_moment(
    conversation: Conversation,
) -> None:
    conversations.delete(conversation)
    long_ago = timezone.now() - timedelta(days=8)
    Conversation.objects.filter(pk=conversation.pk).update(deleted_at=long_ago)

    def taken_back(execute: Any, sql: str, *rest: Any) -> Any:
        if '"chat_message"."state" IN' in sql:
            conversations.restore(conversation)
        return execute(sql, *rest)

    with connection.execute_wrapper(taken_back):
        conversations.purge()

    assert Conversation.objects.visible_to(conversation.owner).get() == conversation


def test_deleting_twice_is_harmless_and_stops_nothing_twice(conversation: Conversation) -> None:
    reply = begin_turn(conversation).reply
    conversations.delete(conversation)
    reply.refresh_from_db()
    first = reply.stop_requested_at

    conversations.delete(conversation)

    reply.refresh_from_db()
    assert reply.stop_requested_at == first


def test_settings_change_nothing_of_what_was_said(conversation: Conversation) -> None:
    make_turn(conversation)
    said = list(conversation.messages.values())

    conversations.configure(
        conversation, model="gemini-2.5-pro", system_prompt="New", parameters=Parameters(top_k=1)
    )

    assert list(conversation.messages.values()) == said
    assert Completion.objects.get().model_asked == "Gemini-3.0-pro"
