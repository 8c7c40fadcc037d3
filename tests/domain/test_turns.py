"""A person's side of a turn: what begins together, what is refused, and what happens at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from pytest_django import Settings

from chat.domain import conversations, processes, replies, turns
from chat.domain.ledger import Receipt
from chat.domain.parameters import Parameters
from chat.domain.replies import Outcome
from chat.domain.revisions import ConversationGone
from chat.domain.turns import ManyRunning, NotTheLast, ReplyRunning, SendKeyReused, Turn
from chat.enums import CompletionState, MessageState, Role
from chat.models import Completion, Conversation, Message, User
from chat.queries import thread
from tests.domain.conftest import at_once
from tests.factories import begin_turn, make_conversation, make_turn


def begin(conversation: Conversation, text: str = "Hello", *, key: uuid.UUID | None = None) -> Turn:
    return turns.begin(
        conversation=conversation,
        author=conversation.owner,
        text=text,
        send_key=key or uuid.uuid4(),
    )


def everything() -> tuple[int, int, int]:
    """How many conversations, messages and ledger rows there are."""
    return Conversation.objects.count(), Message.objects.count(), Completion.objects.count()


# Beginning


def test_a_person_has_only_so_many_running_replies_in_all_processes_together(
    ana: User, ben: User, settings: Settings
) -> None:
    settings.MAX_REPLIES_PER_USER = 2
    for _ in range(2):
        begin(make_conversation(ana))
    another = make_conversation(ana)
    before = everything()

    with pytest.raises(ManyRunning):
        begin(another)

    assert everything() == before
    assert begin(make_conversation(ben)).is_new


def test_a_send_that_comes_again_is_its_turn_also_where_no_other_would_be_taken(
    conversation: Conversation, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = uuid.uuid4()
    first = begin(conversation, "Hello", key=key)
    settings.MAX_REPLIES_PER_USER = 1

    assert begin(conversation, "Hello", key=key).reply == first.reply
    monkeypatch.setattr(turns, "LONGEST_CONVERSATION", 5)
    assert begin(conversation, "Hello", key=key).reply == first.reply


def test_prompt_reply_and_ledger_row_begin_together(conversation: Conversation, ana: User) -> None:
    turn = begin(conversation, "Greet me")

    row = Completion.objects.get()
    assert (turn.prompt.role, turn.prompt.author, turn.prompt.text) == (Role.USER, ana, "Greet me")
    assert turn.prompt.state == MessageState.COMPLETE
    assert (turn.reply.role, turn.reply.state) == (Role.ASSISTANT, MessageState.WAITING)
    assert turn.reply.parent == turn.prompt
    assert turn.reply.claim is None
    assert (row.state, row.message, row.conversation) == (
        CompletionState.OPEN,
        turn.reply,
        conversation,
    )
    assert (row.user, row.model_asked) == (ana, "Gemini-3.0-pro")
    assert thread.branch(conversation) == [turn.prompt, turn.reply]


def test_a_new_conversation_is_stored_with_its_first_turn(ana: User) -> None:
    turn = begin(Conversation(owner=ana, model="Gemini-3.0-pro"), "Tell me about herons")

    conversation = Conversation.objects.get()
    assert turn.conversation == conversation
    assert conversation.title == "Tell me about herons"
    assert everything() == (1, 2, 1)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hello", "Hello"),
        ("  Two\n\n  lines\tand more ", "Two lines and more"),
        ("x" * 60, "x" * 60),
        ("x" * 300, "x" * 60 + "…"),
        ("What, exactly, do herons eat when the river they live by is frozen?",
         "What, exactly, do herons eat when the river they live by is…"),
        ("It goes on, and on, for very many words until, at the end, ends",
         "It goes on, and on, for very many words until, at the end…"),
    ],
)  # fmt: skip
def test_a_title_is_the_first_words_on_one_line(text: str, title: str) -> None:
    assert turns.first_words(text) == title


def test_every_turn_raises_the_revision_and_bears_it(conversation: Conversation) -> None:
    first = make_turn(conversation)
    second = begin(conversation)

    assert second.conversation.revision > first.prompt.revision
    assert second.prompt.revision == second.reply.revision == second.conversation.revision
    assert Message.objects.changed_since(first.conversation.revision - 1).count() >= 2


def test_a_second_turn_follows_the_first(conversation: Conversation) -> None:
    first = make_turn(conversation)
    second = begin(conversation)

    assert second.prompt.parent == first.reply


# The same send again


def test_the_same_key_with_the_same_text_is_the_same_turn_however_often(
    conversation: Conversation,
) -> None:
    key = uuid.uuid4()
    first = begin(conversation, "Once", key=key)

    again = [begin(conversation, "Once", key=key) for _ in range(3)]

    assert first.is_new
    assert [(turn.prompt, turn.reply, turn.is_new) for turn in again] == [
        (first.prompt, first.reply, False)
    ] * 3
    assert everything() == (1, 2, 1)


def test_the_same_key_is_the_same_turn_after_its_reply_has_ended(
    conversation: Conversation, ana: User
) -> None:
    key = uuid.uuid4()
    first = begin(Conversation(owner=ana, model="Gemini-3.0-pro"), "Once", key=key)
    Message.objects.filter(pk=first.reply.pk).update(
        state=MessageState.COMPLETE, finished_at=first.reply.created_at
    )

    again = begin(Conversation(owner=ana, model="Gemini-3.0-pro"), "Once", key=key)

    assert (again.conversation, again.reply) == (first.conversation, first.reply)
    assert again.reply.state == MessageState.COMPLETE


def test_the_same_key_with_another_text_is_refused(conversation: Conversation) -> None:
    key = uuid.uuid4()
    begin(conversation, "Once", key=key)

    with pytest.raises(SendKeyReused):
        begin(conversation, "Other words", key=key)
    assert everything() == (1, 2, 1)


def test_a_key_is_its_authors_own(conversation: Conversation, ben: User) -> None:
    key = uuid.uuid4()
    begin(conversation, "Once", key=key)

    bens = begin(make_conversation(ben), "Once", key=key)

    assert bens.is_new
    assert bens.prompt.author == ben


def test_the_same_key_after_the_conversation_was_deleted_is_refused(
    conversation: Conversation,
) -> None:
    key = uuid.uuid4()
    begin(conversation, "Once", key=key)
    conversations.delete(conversation)

    with pytest.raises(ConversationGone):
        begin(conversation, "Once", key=key)


def test_eight_arrivals_of_one_send_at_once_make_one_turn(
    transactional_db: None, conversation: Conversation
) -> None:
    key = uuid.uuid4()

    came = at_once(lambda: begin(Conversation.objects.get(pk=conversation.pk), "Once", key=key))

    made = [turn for turn in came if isinstance(turn, Turn)]
    assert len(made) == 8, came
    assert len({turn.reply.pk for turn in made}) == 1
    assert sum(turn.is_new for turn in made) == 1
    assert everything() == (1, 2, 1)


def test_eight_arrivals_of_one_first_send_make_one_conversation(
    transactional_db: None, ana: User
) -> None:
    key = uuid.uuid4()

    came = at_once(lambda: begin(Conversation(owner=ana, model="Gemini-3.0-pro"), "Once", key=key))

    made = [turn for turn in came if isinstance(turn, Turn)]
    assert len(made) == 8, came
    assert len({turn.conversation.pk for turn in made}) == 1
    assert everything() == (1, 2, 1)


# One running reply a conversation


def test_a_second_running_reply_is_refused(conversation: Conversation) -> None:
    begin(conversation)

    with pytest.raises(ReplyRunning):
        begin(conversation, "Too early")
    assert everything() == (1, 2, 1)


def test_the_same_send_is_taken_once_the_reply_is_over(conversation: Conversation) -> None:
    make_turn(conversation)

    begin(conversation, "Not too early")

    assert everything() == (1, 4, 2)


def test_a_reply_in_another_conversation_holds_nobody_up(
    conversation: Conversation, ana: User
) -> None:
    begin(conversation)

    begin(make_conversation(ana))

    assert everything() == (2, 4, 2)


def test_of_eight_different_sends_at_once_exactly_one_is_taken(
    transactional_db: None, conversation: Conversation
) -> None:
    came = at_once(
        lambda: begin(Conversation.objects.get(pk=conversation.pk), f"From {uuid.uuid4()}")
    )

    assert sum(isinstance(turn, Turn) for turn in came) == 1
    assert sum(isinstance(refusal, ReplyRunning) for refusal in came) == 7, came
    assert everything() == (1, 2, 1)
    conversation.refresh_from_db()
    assert [message.role for message in thread.branch(conversation)] == ["user", "assistant"]


def test_a_deleted_conversation_takes_nothing(conversation: Conversation) -> None:
    stale = Conversation.objects.get(pk=conversation.pk)
    conversations.delete(conversation)

    with pytest.raises(ConversationGone):
        begin(stale)
    assert everything() == (1, 0, 0)


def test_a_conversation_that_was_taken_back_takes_sends_again(conversation: Conversation) -> None:
    conversations.delete(conversation)
    conversations.restore(conversation)

    begin(conversation)

    assert everything() == (1, 2, 1)


# Trying again


def test_another_reply_to_the_same_prompt_stands_beside_the_first(
    conversation: Conversation, ana: User
) -> None:
    first = make_turn(conversation, "Greet me", "Hello")

    second = turns.try_again(conversation=conversation, reply=first.reply, author=ana)

    conversation.refresh_from_db()
    assert second.reply.parent == first.prompt
    assert second.reply.state == MessageState.WAITING
    assert thread.branch(conversation) == [first.prompt, second.reply]
    assert Message.objects.get(pk=first.reply.pk).text == "Hello"
    assert conversation.branch_revision == conversation.revision
    assert Completion.objects.get(message=second.reply).state == CompletionState.OPEN


def test_only_the_last_reply_can_be_tried_again(conversation: Conversation, ana: User) -> None:
    first = make_turn(conversation)
    last = make_turn(conversation)

    with pytest.raises(NotTheLast):
        turns.try_again(conversation=conversation, reply=first.reply, author=ana)
    turns.try_again(conversation=conversation, reply=last.reply, author=ana)


def test_a_page_that_is_out_of_date_cannot_try_again_what_is_not_the_last_any_more(
    conversation: Conversation, ana: User
) -> None:
    first = make_turn(conversation)
    out_of_date = Conversation.objects.get(pk=conversation.pk)
    make_turn(conversation)

    with pytest.raises(NotTheLast):
        turns.try_again(conversation=out_of_date, reply=first.reply, author=ana)

    assert Message.objects.filter(parent=first.prompt).count() == 1


def test_a_reply_that_is_not_shown_cannot_be_tried_again(
    conversation: Conversation, ana: User
) -> None:
    first = make_turn(conversation)
    second = turns.try_again(conversation=conversation, reply=first.reply, author=ana)

    with pytest.raises(NotTheLast):
        turns.try_again(conversation=conversation, reply=first.reply, author=ana)
    with pytest.raises(ReplyRunning):
        turns.try_again(conversation=conversation, reply=second.reply, author=ana)
    assert conversation.messages.count() == 3


def test_eight_tries_at_once_make_one_reply(
    transactional_db: None, conversation: Conversation, ana: User
) -> None:
    reply = make_turn(conversation).reply

    def again() -> Turn:
        shown = Conversation.objects.get(pk=conversation.pk)
        return turns.try_again(conversation=shown, reply=reply, author=ana)

    came = at_once(again)

    assert sum(isinstance(turn, Turn) for turn in came) == 1
    assert all(isinstance(turn, Turn | ReplyRunning | NotTheLast) for turn in came), came
    assert conversation.messages.replies().count() == 2


def test_a_deleted_conversation_tries_nothing_again(conversation: Conversation, ana: User) -> None:
    reply = make_turn(conversation).reply
    conversations.delete(conversation)

    with pytest.raises(ConversationGone):
        turns.try_again(conversation=conversation, reply=reply, author=ana)


def test_a_reply_of_another_model_leaves_the_conversation_its_own(
    conversation: Conversation, ana: User
) -> None:
    first = make_turn(conversation).reply

    second = turns.try_again(
        conversation=conversation, reply=first, author=ana, model="deepseek-v4-flash"
    )

    conversation.refresh_from_db()
    work = replies.start(second.reply.pk, processes.join("this one"))
    assert work is not None
    assert work.request.model == "deepseek-v4-flash"
    assert second.reply.completions.get().model_asked == "deepseek-v4-flash"
    assert conversation.model == "Gemini-3.0-pro"


def test_a_reply_of_another_model_goes_on_with_that_one_while_it_is_offered(
    conversation: Conversation, ana: User, settings: Settings
) -> None:
    first = make_turn(conversation).reply
    reply = turns.try_again(
        conversation=conversation, reply=first, author=ana, model="deepseek-v4-flash"
    ).reply

    asked = []
    for models in (settings.MODELS, ("Gemini-3.0-pro",)):
        settings.MODELS = models
        replies.abandon(reply.pk, None)
        Message.objects.filter(pk=reply.pk).update(text="Half a")
        turns.go_on(conversation=conversation, reply=reply, author=ana)
        asked.append(reply.completions.open().get().model_asked)

    assert asked == ["deepseek-v4-flash", "Gemini-3.0-pro"]


# Editing a prompt


def edit(turn: Turn, text: str, *, key: uuid.UUID | None = None) -> Turn:
    return turns.begin(
        conversation=Conversation.objects.get(pk=turn.conversation.pk),
        author=turn.conversation.owner,
        text=text,
        send_key=key or uuid.uuid4(),
        instead_of=turn.prompt,
    )


@pytest.mark.parametrize("place", [0, 1], ids=["first", "later"])
def test_an_edited_prompt_stands_beside_the_earlier_one_and_overwrites_nothing(
    conversation: Conversation, place: int
) -> None:
    said = [make_turn(conversation, "One?", "First"), make_turn(conversation, "Two?", "Second")]
    before = {row["id"]: row for row in conversation.messages.values()}

    edited = edit(said[place], "Other words?")

    conversation.refresh_from_db()
    kept = [message for turn in said[:place] for message in (turn.prompt, turn.reply)]
    assert thread.branch(conversation) == [*kept, edited.prompt, edited.reply]
    assert edited.prompt.parent_id == said[place].prompt.parent_id
    assert edited.reply.completions.get().state == CompletionState.OPEN
    assert {row["id"]: row for row in conversation.messages.values() if row["id"] in before} == (
        before
    )
    # Whoever looks gets the whole thread: another branch is shown.
    assert conversation.branch_revision == conversation.revision
    entry = thread.entries(conversation)[2 * place]
    assert (entry.position, entry.siblings, entry.previous_id) == (2, 2, said[place].prompt.pk)


def test_the_same_edit_again_is_the_same_turn(conversation: Conversation) -> None:
    first = make_turn(conversation)
    key = uuid.uuid4()

    edits = [edit(first, "Other words?", key=key) for _ in range(2)]

    assert edits[0].reply == edits[1].reply
    assert everything() == (1, 4, 2)
    with pytest.raises(SendKeyReused):
        edit(first, "Yet others?", key=key)


def test_nothing_is_edited_while_a_reply_runs(conversation: Conversation) -> None:
    make_turn(conversation)
    running = begin(conversation)
    before = everything(), Conversation.objects.values().get()

    with pytest.raises(ReplyRunning):
        edit(running, "Other words?")

    assert (everything(), Conversation.objects.values().get()) == before


# Stopping


def test_a_stop_frees_the_next_send_at_once(conversation: Conversation) -> None:
    first = begin(conversation)

    marked = turns.request_stop(first.reply)
    second = begin(conversation, "And now?")

    first.reply.refresh_from_db()
    assert marked
    assert first.reply.stop_requested_at is not None
    # It is for its runner to seal it.
    assert first.reply.is_running
    assert second.prompt.parent == first.reply


def test_a_second_stop_changes_nothing(conversation: Conversation) -> None:
    reply = begin(conversation).reply
    turns.request_stop(reply)
    before = Message.objects.values().get(pk=reply.pk)

    assert not turns.request_stop(reply)
    assert Message.objects.values().get(pk=reply.pk) == before


@pytest.mark.parametrize("state", [MessageState.COMPLETE, MessageState.FAILED])
def test_a_stop_after_the_end_changes_nothing(
    conversation: Conversation, state: MessageState
) -> None:
    reply = make_turn(conversation, state=state).reply
    before = Message.objects.values().get(pk=reply.pk)

    assert not turns.request_stop(reply)
    assert Message.objects.values().get(pk=reply.pk) == before


def test_a_stop_is_a_change_that_viewers_read(conversation: Conversation) -> None:
    reply = begin(conversation).reply
    conversation.refresh_from_db()
    seen = conversation.revision

    turns.request_stop(reply)

    assert list(Message.objects.changed_since(seen)) == [reply]


# Whoever is refused leaves no trace


@pytest.mark.parametrize(
    "refused",
    [
        lambda conversation: begin(conversation, "Too early"),
        lambda conversation: turns.try_again(
            conversation=conversation,
            reply=conversation.messages.replies().get(),
            author=conversation.owner,
        ),
    ],
    ids=["send", "try again"],
)
def test_a_refusal_leaves_the_revision_and_the_branch_alone(
    conversation: Conversation, refused: Callable[[Conversation], Turn]
) -> None:
    begin_turn(conversation)
    before = Conversation.objects.values().get()

    with pytest.raises(ReplyRunning):
        refused(Conversation.objects.get())
    assert Conversation.objects.values().get() == before


def test_a_reply_that_is_asked_otherwise_is_asked_so_each_time(
    conversation: Conversation, ana: User
) -> None:
    first = make_turn(conversation)
    own = Parameters(temperature=0.2, max_tokens=2000)
    second = turns.try_again(
        conversation=conversation, reply=first.reply, author=ana, parameters=own
    )
    conversations.configure(
        conversation, model="Gemini-3.0-pro", system_prompt="", parameters=Parameters(top_k=3)
    )

    claim = processes.join("this one")
    work = replies.start(second.reply.pk, claim)
    assert work is not None
    asked = (work.request.temperature, work.request.max_tokens, work.request.top_k)
    assert asked == (0.2, 2000, None)

    # Stopped in the middle and continued, perhaps by another process, it is still asked so.
    replies.finish(
        reply_id=second.reply.pk,
        claim=claim,
        completion_id=work.completion_id,
        outcome=Outcome(state=MessageState.STOPPED, text="Half", reasoning=""),
        receipt=Receipt(error="overloaded", http_status=503),
    )
    rest = turns.go_on(conversation=conversation, reply=second.reply, author=ana)
    assert rest.reply.parameters == {"temperature": 0.2, "max_tokens": 2000}
    again = replies.start(rest.reply.pk, claim)
    assert again is not None
    assert again.request.temperature == 0.2
    assert first.reply.parameters is None
