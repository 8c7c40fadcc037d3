"""How much of a conversation goes with a request: whole turns, the same beginning for long."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from chat.completions.families import family_of
from chat.domain import histories, prompts, replies, turns
from chat.domain.histories import Room, Size
from chat.domain.parameters import Parameters
from chat.enums import Fault, MessageState, Role
from chat.models import Conversation, Message, Process, User
from chat.queries import invariants, thread
from chat.queries.thread import Words
from tests.factories import begin_turn, make_conversation, make_turn

ROOM = Room(limit=900, target=450, most=1000)
# A thousand tokens or so of letters, and a window that has room for a few of them.
LONG = "word " * 600
WINDOW = 8000


@pytest.fixture
def small_window(settings: Settings) -> None:
    settings.CONTEXT_WINDOWS = {settings.MODELS[0]: WINDOW}


def head_of(conversation: Conversation) -> Message:
    assert conversation.head_id is not None
    return Message.objects.get(pk=conversation.head_id)


def sent(reply: Message) -> list[str]:
    request = prompts.request_for(reply, model=reply.conversation.model)
    return [str(message.content) for message in request.messages]


@given(st.lists(st.lists(st.integers(1, 500), min_size=2, max_size=4), min_size=1, max_size=60))
def test_a_history_fits_begins_with_a_prompt_and_keeps_its_beginning(
    said: list[list[int]],
) -> None:
    sizes: list[Size] = []
    start, moves, new = None, 0, 0
    for turn in said:
        # The prompt, and what answered the one before comes with the next request.
        sizes += [Size(len(sizes) + 1 + n, n == 0, size) for n, size in enumerate(turn)]
        total = sum(size.tokens for size in sizes)
        new += sum(turn)

        before, start = start, histories.first_sent(sizes, start=start, room=ROOM)

        kept = [size for size in sizes if start is None or size.pk >= start]
        left = sum(size.tokens for size in kept)
        assert kept[0].is_prompt
        assert kept[-1] == sizes[-1]
        assert left <= ROOM.limit or len(kept) == len(turn)
        if start != before:
            moves += 1
            assert left <= ROOM.target or len(kept) == len(turn)
        if total <= ROOM.limit:
            assert start is None
    # From the target up to the limit there is a way, and a turn goes over it at the most.
    assert moves <= new // (ROOM.limit - ROOM.target)


def test_nothing_is_left_out_of_what_fits(ana: User, small_window: None) -> None:
    conversation = make_conversation(ana, system_prompt="Be brief.")
    make_turn(conversation, "One", "Two")

    turn = begin_turn(conversation, "Three")

    assert turn.reply.history_from is None
    assert sent(turn.reply) == ["Be brief.", "One", "Two", "Three"]


def test_turns_are_left_out_rarely_and_the_system_prompt_never(
    ana: User, small_window: None
) -> None:
    conversation = make_conversation(ana, system_prompt="Be brief.")
    begun = []
    for number in range(12):
        make_turn(conversation, f"{number} {LONG}", "Yes")
        turn = head_of(conversation)
        begun.append(turn.history_from)

    request = sent(turn)

    assert request[0] == "Be brief."
    assert request[-1].startswith("11 ")
    assert begun[0] is None
    assert 2 <= len(set(begun)) <= 5
    assert sorted(begun, key=lambda pk: pk or 0) == begun


def test_what_was_begun_is_asked_the_same_whatever_is_known_later(
    ana: User, settings: Settings, small_window: None
) -> None:
    conversation = make_conversation(ana)
    for _ in range(8):
        make_turn(conversation, LONG, "Yes")
    turn = begin_turn(conversation, LONG)
    asked = sent(turn.reply)

    settings.CONTEXT_WINDOWS = {}
    claim = Process.objects.create(name="other").pk
    work = replies.start(turn.reply.pk, claim)

    assert work is not None
    assert len(asked) < 17
    assert [message.content for message in work.request.messages] == asked


def test_a_message_that_does_not_fit_is_refused_and_changes_nothing(
    conversation: Conversation, small_window: None
) -> None:
    with pytest.raises(turns.MessageTooLong):
        begin_turn(conversation, "字" * WINDOW)

    assert not conversation.messages.exists()
    assert invariants.broken() == []


def test_whoever_was_refused_as_too_long_is_tried_again_with_less(
    conversation: Conversation, settings: Settings
) -> None:
    settings.CONTEXT_WINDOWS = {}
    for _ in range(4):
        make_turn(conversation, LONG, "Yes")
    refused = make_turn(conversation, LONG, "", state=MessageState.FAILED).reply
    Message.objects.filter(pk=refused.pk).update(error=Fault.CONTEXT_TOO_LONG)
    refused.refresh_from_db()

    again = turns.try_again(conversation=conversation, reply=refused, author=conversation.owner)

    assert sent(refused) != sent(again.reply)
    assert 1 <= len(sent(again.reply)) <= len(sent(refused)) // 2 + 1
    assert sent(again.reply)[-1] == LONG


def test_a_second_try_of_anything_else_asks_the_same(
    conversation: Conversation, small_window: None
) -> None:
    for _ in range(8):
        make_turn(conversation, LONG, "Yes")
    first = head_of(conversation)

    again = turns.try_again(conversation=conversation, reply=first, author=conversation.owner)

    assert first.history_from is not None
    assert sent(again.reply) == sent(first)


def test_what_an_answer_of_its_own_length_needs_is_left_free(
    conversation: Conversation, small_window: None
) -> None:
    """Eight turns fit beside a short answer, and not beside a long one."""
    conversation.parameters = Parameters(max_tokens=16).to_json()
    conversation.save()
    for _ in range(7):
        make_turn(conversation, LONG, "Yes")
    first = head_of(conversation)
    long = Parameters(max_tokens=WINDOW // 4)

    again = turns.try_again(
        conversation=conversation, reply=first, author=conversation.owner, parameters=long
    )

    assert first.history_from is None
    assert again.reply.history_from is not None


def test_another_model_is_shown_what_it_can_see(
    conversation: Conversation, settings: Settings, small_window: None
) -> None:
    settings.MODELS = [settings.MODELS[0], "another"]
    settings.CONTEXT_WINDOWS["another"] = 100 * WINDOW
    for _ in range(8):
        make_turn(conversation, LONG, "Yes")
    first = head_of(conversation)

    again = turns.try_again(
        conversation=conversation, reply=first, author=conversation.owner, model="another"
    )

    assert first.history_from is not None
    assert again.reply.history_from is None


def test_another_branch_has_a_view_of_its_own(
    conversation: Conversation, small_window: None
) -> None:
    # So short that what is left of the history begins far before its last turns.
    words = LONG[:1500]
    last = make_turn(conversation, words, "Yes")
    while last.reply.history_from is None:
        whole, last = last, make_turn(conversation, words, "Yes")

    other = begin_turn(conversation, words, instead_of=whole.prompt)

    assert other.reply.history_from is None


def test_a_system_prompt_takes_room_of_the_history(ana: User, small_window: None) -> None:
    short, long = (make_conversation(ana, system_prompt=words) for words in ("", LONG * 4))
    for conversation in (short, long):
        for _ in range(3):
            make_turn(conversation, LONG, "Yes")

    assert head_of(short).history_from is None
    assert head_of(long).history_from is not None


def test_pictures_take_room_of_the_history(conversation: Conversation, small_window: None) -> None:
    for _ in range(6):
        make_turn(conversation, "Look", "Yes")
        conversation.messages.filter(role=Role.USER).update(pictures=2)
    assert head_of(conversation).history_from is not None


def test_thinking_takes_room_where_it_is_sent_back() -> None:
    said = Words(pk=1, parent_id=None, role=Role.ASSISTANT, text="Yes", reasoning=LONG, pictures=0)

    [silent] = histories._sizes([said], "gpt-5.4")
    [thinking] = histories._sizes([said], "deepseek-v4")

    assert thinking.tokens > silent.tokens + 500


def test_the_page_says_where_the_model_s_view_begins_and_only_there(
    conversation: Conversation, small_window: None
) -> None:
    for _ in range(8):
        make_turn(conversation, LONG, "Yes")
    reply = head_of(conversation)

    marked = [e.message.pk for e in thread.entries(conversation) if e.begins_view]

    assert marked == [reply.history_from]


def test_a_send_that_moves_the_view_shows_both_of_its_ends_anew(
    conversation: Conversation, small_window: None
) -> None:
    moved: tuple[int, list[int]] | None = None
    begun: list[int | None] = []
    for number in range(12):
        before = conversation.revision
        turn = begin_turn(conversation, LONG)
        if turn.moves_view:
            ends = thread.entries(conversation, thread.changed(conversation, since=before))
            moved = number, [entry.message.pk for entry in ends if entry.begins_view]
            assert moved[1] == [turn.reply.history_from]
            # Where it was said before it is not said any more.
            assert {pk for pk in begun[-1:] if pk} <= {entry.message.pk for entry in ends}
        begun.append(turn.reply.history_from)
        Message.objects.filter(pk=turn.reply.pk).update(
            state=MessageState.COMPLETE, text="Yes", finished_at=turn.reply.created_at
        )
        turn.reply.completions.all().delete()

    assert moved is not None
    assert len({pk for pk in begun if pk}) > 1


def test_windows_are_known_by_family_and_by_the_operator_s_word(settings: Settings) -> None:
    settings.CONTEXT_WINDOWS = {"gpt-5.4": 64_000}

    assert histories.window_of("gpt-5.4") == 64_000
    assert histories.window_of("gpt-5.4-mini") == 128_000
    assert histories.window_of("Gemini-3.0-pro") == 1_048_576
    assert histories.window_of(f"no-{uuid.uuid4()}") is None
    assert family_of("gpt-4.1").window is None
