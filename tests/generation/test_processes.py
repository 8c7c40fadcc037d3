"""Several processes on one database: what each does, and what becomes of one that is gone."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async

from chat.domain import processes, turns
from chat.enums import CompletionState, MessageState
from chat.generation.membership import Membership
from chat.generation.pool import DatabasePool
from chat.generation.service import Service
from chat.models import Completion, Conversation, Message, Process
from tests.factories import begin_turn
from tests.generation.conftest import Ask, sealed
from tests.upstream.process import Upstream
from tests.waiting import comes_true

pytestmark = pytest.mark.django_db(transaction=True)


async def fall_silent(service: Service) -> None:
    """As if nothing had been heard of this process for a minute."""
    claim = service._membership.claim
    long_ago = (await Process.objects.aget(pk=claim)).seen_at - timedelta(minutes=1)
    await Process.objects.filter(pk=claim).aupdate(seen_at=long_ago)


async def judge(service: Service) -> None:
    service._membership._regular_since = 0.0
    await service._sweeper.sweep()


async def take_for_gone(service: Service, *, by: Service) -> None:
    """Once more where it has said meanwhile that it lives, as it does every few seconds."""
    claim = service._membership.claim
    while await Process.objects.filter(pk=claim).aexists():
        await fall_silent(service)
        await judge(by)


@pytest.mark.parametrize("pieces", [(), ("One", " two")], ids=["before the text", "in the text"])
async def test_a_reply_that_runs_elsewhere_is_stopped_by_its_mark(
    ask: Ask,
    elsewhere: Service,
    conversation: Conversation,
    upstream: Upstream,
    pieces: tuple[str, ...],
) -> None:
    upstream.holds_after(len(pieces), *pieces, " and the rest")
    turn = await ask(conversation)
    await asyncio.to_thread(upstream.wait_until_held)

    await sync_to_async(elsewhere.stop)(turn.reply)
    await asyncio.to_thread(upstream.wait_until_client_left)

    reply = await sealed(turn.reply)
    assert (reply.state, reply.text) == (MessageState.STOPPED, "".join(pieces))


async def test_a_process_that_fell_silent_is_judged_and_changes_nothing_afterwards(
    ask: Ask, service: Service, elsewhere: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    turn = await ask(conversation)
    await asyncio.to_thread(upstream.wait_until_held)
    await comes_true(lambda: service.hub.position(turn.reply.pk) == 1)

    await take_for_gone(service, by=elsewhere)
    judged = await sealed(turn.reply)
    upstream.release()
    await asyncio.to_thread(upstream.wait_until_over)
    await comes_true(lambda: not service.supervisor.attended())

    left = await Message.objects.aget(pk=turn.reply.pk)
    row = await Completion.objects.aget()
    assert (judged.state, judged.text) == (MessageState.INTERRUPTED, "One")
    assert (left.state, left.text, left.revision) == (judged.state, "One", judged.revision)
    assert row.state == CompletionState.ESTIMATED


async def test_who_was_judged_closes_its_connection_and_serves_on_under_another_claim(
    ask: Ask, service: Service, elsewhere: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(0, "One")
    first, claim = await ask(conversation), service._membership.claim
    await asyncio.to_thread(upstream.wait_until_held)

    await take_for_gone(service, by=elsewhere)
    await asyncio.to_thread(upstream.wait_until_client_left)
    await service._membership.beat()
    upstream.says("Again")
    second = await ask(conversation)

    assert (await sealed(first.reply)).state == MessageState.INTERRUPTED
    assert (await sealed(second.reply)).text == "Again"
    assert service._membership.claim != claim


async def test_a_living_process_is_not_judged(
    ask: Ask, service: Service, elsewhere: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    turn = await ask(conversation)
    await asyncio.to_thread(upstream.wait_until_held)

    await judge(elsewhere)
    upstream.release()

    assert (await sealed(turn.reply)).state == MessageState.COMPLETE


async def test_who_was_not_heard_itself_judges_nobody_for_a_period(
    service: Service, elsewhere: Service
) -> None:
    await fall_silent(service)
    elsewhere._membership._regular_since = 0.0
    elsewhere._membership._heard_at = time.time() - 60

    await elsewhere._membership.beat()
    await elsewhere._sweeper.sweep()

    assert await Process.objects.acount() == 2


async def test_who_holds_the_database_alone_takes_all_others_for_dead(
    transactional_db: None,
) -> None:
    await sync_to_async(processes.join)("of a dead process")
    pool = DatabasePool()
    alone = Membership(pool=pool, alone=True, judged=lambda: None)

    await alone.join()

    assert [process.pk async for process in Process.objects.all()] == [alone.claim]
    assert alone.may_judge
    pool.close()


async def test_a_reply_that_was_accepted_and_never_started_is_started_by_the_sweep(
    service: Service, elsewhere: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says("Hello")
    reply = (await sync_to_async(begin_turn)(conversation)).reply

    await asyncio.gather(
        *(each._sweeper.sweep(older_than=timedelta(0)) for each in (service, elsewhere))
    )

    assert (await sealed(reply)).text == "Hello"
    assert len(upstream.requests) == 1


async def test_a_reply_that_was_reserved_just_now_is_left_to_who_reserved_it(
    service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    await sync_to_async(begin_turn)(conversation)

    await service._sweeper.sweep()

    assert not service.supervisor.attended()


async def test_the_next_request_waits_for_a_reply_that_is_being_sealed_elsewhere(
    ask: Ask, service: Service, elsewhere: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    first = await ask(conversation)
    await asyncio.to_thread(upstream.wait_until_held)
    await comes_true(lambda: service.hub.position(first.reply.pk) == 1)
    await sync_to_async(turns.request_stop)(first.reply)
    upstream.says("Second")

    second = await sync_to_async(elsewhere.send)(
        conversation=conversation, author=conversation.owner, text="And?", send_key=conversation.pk
    )
    await sealed(second.reply)

    asked = [message["content"] for message in upstream.requests[-1].body["messages"]]
    assert asked == ["A question", "One", "And?"]


async def test_a_process_leaves_no_trace_of_itself(service: Service) -> None:
    claim = service._membership.claim

    await service.drain()

    assert not await Process.objects.filter(pk=claim).aexists()


async def test_a_beat_is_by_the_clock_of_the_database(transactional_db: None) -> None:
    claim = await sync_to_async(processes.join)("a process")
    before = (await Process.objects.aget(pk=claim)).seen_at
    await Process.objects.filter(pk=claim).aupdate(seen_at=before - timedelta(minutes=1))

    assert await sync_to_async(processes.beat)(claim)

    assert (await Process.objects.aget(pk=claim)).seen_at >= before
