"""A reply that ended too early goes on, and nobody sees in its text where."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async

from chat.domain.turns import Turn
from chat.enums import CompletionState, Fault, MessageState
from chat.generation.service import Service
from chat.models import Completion, Conversation, JournalPiece, Message
from tests.generation.conftest import Ask, sealed
from tests.generation.test_viewers import watching
from tests.upstream.process import Upstream
from tests.waiting import comes_true

pytestmark = pytest.mark.django_db(transaction=True)

BEGUN, END = "Once upon a time there", "time there was a queen"
WHOLE = "Once upon a time there was a queen"


async def stopped(ask: Ask, service: Service, conversation: Conversation) -> Message:
    turn = await ask(conversation, "A story")
    await comes_true(lambda: service.hub.position(turn.reply.pk) == 1)
    await sync_to_async(service.stop)(turn.reply)
    return await sealed(turn.reply)


async def go_on(service: Service, reply: Message) -> Turn:
    conversation = await Conversation.objects.select_related("owner").aget(pk=reply.conversation_id)
    fresh = await Message.objects.select_related("parent").aget(pk=reply.pk)
    return await sync_to_async(service.go_on)(
        conversation=conversation, reply=fresh, author=conversation.owner
    )


async def test_who_stops_in_the_middle_of_what_is_repeated_finds_nothing_twice(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, BEGUN, " lost")
    reply = await stopped(ask, service, conversation)
    upstream.holds_after(1, "upon a time", " there was a queen")
    await go_on(service, reply)
    await asyncio.to_thread(upstream.wait_until_held)
    await comes_true(lambda: service.supervisor._runs[reply.pk]._receipt.output_characters > 0)

    await sync_to_async(service.stop)(reply)

    assert (await sealed(reply)).text == BEGUN


async def rows() -> list[tuple[str, int]]:
    found = Completion.objects.order_by("pk").values_list("state", "continues_at")
    return [row async for row in found]


async def test_a_stopped_reply_goes_on_in_every_tab_and_is_whole(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, BEGUN, " lost")
    reply = await stopped(ask, service, conversation)
    upstream.holds_after(3, "time ", "there", " was", " a queen")

    async with watching(service, conversation) as tab:
        await go_on(service, reply)
        await tab.shows(reply.pk, BEGUN + " was")
        upstream.release()
        await tab.shows_as(reply.pk, MessageState.COMPLETE)

        past = tab.screen.past[reply.pk]
        assert all(text.startswith(BEGUN) and WHOLE.startswith(text) for text in past)
        assert past[-1] == WHOLE
    whole = await sealed(reply)
    assert (whole.text, whole.error) == (WHOLE, "")
    assert await rows() == [
        (CompletionState.ESTIMATED, 0),
        (CompletionState.FINAL, len(BEGUN)),
    ]
    assert not await JournalPiece.objects.aexists()
    assert [message["role"] for message in upstream.last.body["messages"]] == [
        "user",
        "assistant",
        "user",
    ]


async def test_a_rest_that_is_all_of_it_somewhere_in_the_beginning_is_kept(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    """It could be the start of a repetition until nothing more comes."""
    upstream.holds_after(1, BEGUN, " lost")
    reply = await stopped(ask, service, conversation)
    again = BEGUN[5:12]
    upstream.says(again)

    await go_on(service, reply)

    assert (await sealed(reply)).text == BEGUN + again


async def test_a_reply_that_was_cut_goes_on(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says(BEGUN, finish="length")
    reply = await sealed((await ask(conversation, "A story")).reply)
    upstream.says(END)

    await go_on(service, reply)

    whole = await sealed(reply)
    assert (whole.state, whole.text, whole.finish_reason) == (MessageState.COMPLETE, WHOLE, "stop")


async def test_a_rest_that_fails_takes_nothing_from_what_is_there(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says(BEGUN, finish="length")
    reply = await sealed((await ask(conversation, "A story")).reply)
    upstream.fails(401)

    await go_on(service, reply)

    left = await sealed(reply)
    assert (left.state, left.text, left.error) == (
        MessageState.INTERRUPTED,
        BEGUN,
        Fault.KEY_REFUSED,
    )
    assert await rows() == [(CompletionState.FINAL, 0), (CompletionState.FAILED, len(BEGUN))]


async def test_a_rest_is_asked_for_again_as_any_answer_is(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says(BEGUN, finish="length")
    reply = await sealed((await ask(conversation, "A story")).reply)
    upstream.fails(503)
    upstream.says(END)

    await go_on(service, reply)

    assert (await sealed(reply)).text == WHOLE
    assert await rows() == [
        (CompletionState.FINAL, 0),
        (CompletionState.FAILED, len(BEGUN)),
        (CompletionState.FINAL, len(BEGUN)),
    ]


async def test_a_rest_that_is_stopped_stays_with_what_was_there(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says(BEGUN, finish="length")
    reply = await sealed((await ask(conversation, "A story")).reply)
    upstream.holds_after(1, END, " and a king")
    await go_on(service, reply)
    await comes_true(lambda: service.hub.position(reply.pk) == 2)

    await sync_to_async(service.stop)(reply)

    left = await sealed(reply)
    assert (left.state, left.text) == (MessageState.STOPPED, WHOLE)
    row = await Completion.objects.alatest("pk")
    # What was there before is not billed again.
    assert row.estimated_output is not None
    assert row.estimated_output <= len(END) // 4 + 1


async def test_a_rest_that_is_empty_leaves_a_whole_answer(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says(BEGUN, finish="length")
    reply = await sealed((await ask(conversation, "A story")).reply)
    upstream.says("upon a time there")

    await go_on(service, reply)

    whole = await sealed(reply)
    assert (whole.state, whole.text) == (MessageState.COMPLETE, BEGUN)


async def test_a_stop_while_nothing_has_come_yet_leaves_what_was_there(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says(BEGUN, finish="length")
    reply = await sealed((await ask(conversation, "A story")).reply)
    upstream.holds_after(0, END)
    await go_on(service, reply)
    await asyncio.to_thread(upstream.wait_until_held)

    await sync_to_async(service.stop)(reply)

    left = await sealed(reply)
    assert (left.state, left.text) == (MessageState.STOPPED, BEGUN)
