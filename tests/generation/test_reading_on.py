"""A stopped reply whose answer is read on, out of sight, until its figures have come."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings

from chat.domain import processes, turns
from chat.domain.turns import StillCounted
from chat.enums import CompletionState, Fault, MessageState
from chat.generation.service import Service
from chat.models import Completion, Conversation, Message
from tests.generation.conftest import Ask, sealed
from tests.generation.test_viewers import watching
from tests.upstream.process import Upstream
from tests.waiting import comes_true

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def reads_on(settings: Settings) -> None:
    settings.READS_ON = True


async def begun(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream, **figures: int
) -> Message:
    """A reply of which "One" is shown, and " two" waits."""
    upstream.holds_after(1, "One", " two", **figures)
    reply = (await ask(conversation)).reply
    await asyncio.to_thread(upstream.wait_until_held)
    await comes_true(lambda: service.hub.position(reply.pk) == 1)
    return reply


async def test_the_reply_is_sealed_at_once_and_its_row_closes_with_the_upstreams_figures(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    reply = await begun(
        ask, service, conversation, upstream, prompt_tokens=12, completion_tokens=34
    )

    async with watching(service, conversation) as tab:
        await sync_to_async(service.stop)(reply)
        await tab.shows_as(reply.pk, MessageState.STOPPED)
    stopped = await sealed(reply)
    row = await Completion.objects.aget()
    assert (stopped.text, row.state) == ("One", CompletionState.OPEN)
    assert upstream.last.client_left_at is None

    upstream.release()
    await comes_true(lambda: not service.supervisor.attended())

    row = await Completion.objects.aget()
    assert (row.state, row.prompt_tokens, row.completion_tokens) == (
        CompletionState.FINAL,
        12,
        34,
    )
    assert (await sealed(reply)).text == "One"


async def test_the_next_send_does_not_wait_for_it(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    reply = await begun(ask, service, conversation, upstream)
    await sync_to_async(service.stop)(reply)
    upstream.says("Next")

    second = await sealed((await ask(conversation, "And?")).reply)

    assert second.text == "Next"
    assert [message["content"] for message in upstream.last.body["messages"]] == [
        "A question",
        "One",
        "And?",
    ]


async def test_stopping_twice_changes_nothing(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    reply = await begun(ask, service, conversation, upstream)

    for _ in range(2):
        await sync_to_async(service.stop)(reply)
    await sealed(reply)
    await sync_to_async(service.stop)(reply)
    upstream.release()
    await comes_true(lambda: not service.supervisor.attended())

    assert (await Completion.objects.aget()).state == CompletionState.FINAL


async def test_an_answer_that_breaks_off_meanwhile_is_estimated(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.script(pieces=["One", {"hold": True}, {"die": "close"}])
    reply = (await ask(conversation)).reply
    await comes_true(lambda: service.hub.position(reply.pk) == 1)
    await asyncio.to_thread(upstream.wait_until_held)
    await sync_to_async(service.stop)(reply)
    await sealed(reply)

    upstream.release()
    await comes_true(lambda: not service.supervisor.attended())

    row = await Completion.objects.aget()
    assert (row.state, row.error) == (CompletionState.ESTIMATED, Fault.BROKEN)


async def test_a_drain_that_cannot_wait_closes_the_row(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    reply = await begun(ask, service, conversation, upstream)
    await sync_to_async(service.stop)(reply)
    await sealed(reply)

    await service.drain()

    assert (await Completion.objects.aget()).state == CompletionState.ESTIMATED
    assert (await sealed(reply)).state == MessageState.STOPPED


async def test_the_row_of_a_process_that_is_gone_is_closed_by_the_sweep(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    reply = await begun(ask, service, conversation, upstream)
    await sync_to_async(service.stop)(reply)
    await sealed(reply)

    await service._sweeper.sweep()
    assert (await Completion.objects.aget()).state == CompletionState.OPEN
    await sync_to_async(processes.leave)(service._membership.claim)
    await service._sweeper.sweep()

    row = await Completion.objects.aget()
    assert (row.state, row.error) == (CompletionState.ESTIMATED, Fault.RESTARTED)
    upstream.release()


async def test_it_is_not_continued_while_it_is_counted(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    reply = await begun(ask, service, conversation, upstream)
    await sync_to_async(service.stop)(reply)
    stopped = await Message.objects.select_related("parent").aget(pk=(await sealed(reply)).pk)

    with pytest.raises(StillCounted):
        await sync_to_async(turns.go_on)(
            conversation=conversation, reply=stopped, author=conversation.owner
        )
    upstream.release()


async def test_before_a_request_is_made_there_is_nothing_to_read_on(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.fails(503, headers={"Retry-After": "5"}, times=0)
    reply = (await ask(conversation)).reply
    await asyncio.to_thread(upstream.wait_until_over)

    await sync_to_async(service.stop)(reply)

    assert (await sealed(reply, seconds=3)).state == MessageState.STOPPED
