"""What waits for the end of a reply is sent when it comes, whoever has to do it."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from pytest_django import Settings

from chat.domain import queued
from chat.enums import MessageState, QueueState
from chat.generation.service import Service
from chat.models import Conversation, Message, QueuedMessage
from tests.factories import make_turn
from tests.generation.conftest import Ask, sealed, shown
from tests.upstream.process import Upstream

pytestmark = pytest.mark.django_db(transaction=True)


async def add(conversation: Conversation, text: str) -> None:
    await sync_to_async(queued.add)(
        conversation=conversation, author=conversation.owner, text=text, send_key=uuid.uuid4()
    )


async def prompts(conversation: Conversation, *, number: int) -> list[str]:
    """The texts of the prompts, once there are so many and every reply is over."""
    rows = Message.objects.filter(conversation=conversation)
    async with asyncio.timeout(10):
        while True:
            over = await rows.over().acount()
            if over == 2 * number:
                wanted = rows.exclude(author=None).oldest_first().values_list("text", flat=True)
                return [text async for text in wanted]
            await asyncio.sleep(0.01)


async def test_one_after_the_other_each_with_what_was_said_before(
    service: Service, ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", ".")
    turn = await ask(conversation, "First")
    await shown(service, conversation, "One")
    for text in ("Second", "Third"):
        await add(conversation, text)
    assert await conversation.messages.acount() == 2

    upstream.release()

    assert await prompts(conversation, number=3) == ["First", "Second", "Third"]
    said = upstream.wait_for_requests(3)[-1].body["messages"]
    assert [message["content"] for message in said[::2]] == ["First", "Second", "Third"]
    assert said[1]["content"] == (await sealed(turn.reply)).text
    assert not await QueuedMessage.objects.aexists()


async def test_after_a_stop_it_waits_for_its_author(
    service: Service, ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", ".")
    turn = await ask(conversation, "First")
    await shown(service, conversation, "One")
    await add(conversation, "Second")

    await sync_to_async(service.stop)(turn.reply)
    reply = await sealed(turn.reply)
    await service._sweeper.sweep()

    assert reply.state == MessageState.STOPPED
    assert await conversation.messages.acount() == 2
    upstream.says("Two")
    rows = QueuedMessage.objects.select_related("conversation", "author")
    await sync_to_async(service.send_queued)(await rows.aget())
    assert await prompts(conversation, number=2) == ["First", "Second"]


async def test_what_a_dead_process_left_in_line_is_sent_by_the_next_sweep(
    service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    await sync_to_async(make_turn)(conversation, "First")
    await add(conversation, "Second")
    upstream.says("Two")

    await service._sweeper.sweep()

    assert await prompts(conversation, number=2) == ["First", "Second"]


async def test_what_is_refused_for_good_waits_for_its_author_and_what_is_not_for_a_sweep(
    service: Service, conversation: Conversation, upstream: Upstream, settings: Settings
) -> None:
    await sync_to_async(make_turn)(conversation, "First")
    await add(conversation, "Second")
    settings.MESSAGES_PER_MINUTE = 1
    await service._sweeper.sweep()
    assert (await QueuedMessage.objects.aget()).state == QueueState.READY

    settings.MESSAGES_PER_MINUTE = 0
    model, settings.MODELS = settings.MODELS[0], ["another"]
    await service._sweeper.sweep()
    assert (await QueuedMessage.objects.aget()).state == QueueState.REFUSED
    assert await conversation.messages.acount() == 2

    settings.MODELS = [model]
    upstream.says("Two")
    await service._sweeper.sweep()
    assert (await QueuedMessage.objects.aget()).state == QueueState.REFUSED
    await QueuedMessage.objects.aupdate(state=QueueState.READY)
    await service._sweeper.sweep()
    assert await prompts(conversation, number=2) == ["First", "Second"]


async def test_a_process_that_is_about_to_end_sends_nothing_more(
    service: Service, ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", ".")
    turn = await ask(conversation, "First")
    await shown(service, conversation, "One")
    await add(conversation, "Second")

    draining = asyncio.create_task(service.supervisor.drain(10))
    await asyncio.sleep(0)
    upstream.release()
    await draining
    await service._sweeper.sweep()

    assert (await sealed(turn.reply)).state == MessageState.COMPLETE
    assert (await QueuedMessage.objects.aget()).state == QueueState.READY


@pytest.fixture
def removed(conversation: Conversation) -> QueuedMessage:
    """So long ago that nobody can take it back."""
    return QueuedMessage.objects.create(
        conversation=conversation,
        author=conversation.owner,
        text="Never mind",
        state=QueueState.REMOVED,
        changed_at=timezone.now() - queued.REMOVED_LASTS,
    )


async def test_what_was_removed_and_not_taken_back_is_forgotten(
    removed: QueuedMessage, service: Service
) -> None:
    async with asyncio.timeout(10):
        while True:
            if not await QueuedMessage.objects.filter(pk=removed.pk).aexists():
                return
            await asyncio.sleep(0.01)
