"""A connection to the database that dies at the worst moment: just after a deed was committed, so
that nobody hears of it, or while the next one waits. Nothing is lost, doubled or left open."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError

from chat.domain import replies, turns
from chat.domain.replies import Standing
from chat.enums import CompletionState, MessageState
from chat.generation import pool
from chat.generation import service as services
from chat.generation import supervisor as supervisors
from chat.generation.service import Service
from chat.models import Completion, Conversation, JournalPiece, Message, User
from tests.factories import begin_turn, make_conversation
from tests.generation.conftest import Ask, sealed
from tests.generation.test_viewers import watching
from tests.upstream.process import Upstream

pytestmark = pytest.mark.django_db(transaction=True)

Deed = Callable[..., Any]


def unheard(deed: Deed, fault: type[Exception] = OperationalError) -> Deed:
    """Does it, and the first time loses the word that it was done."""
    left = [fault("the server closed the connection unexpectedly")]

    def done(*args: Any, **kwargs: Any) -> Any:
        answer = deed(*args, **kwargs)
        if left:
            raise left.pop()
        return answer

    return done


def slowed(deed: Deed, entered: threading.Event) -> Deed:
    def done(*args: Any, **kwargs: Any) -> Any:
        entered.set()
        time.sleep(0.3)
        return deed(*args, **kwargs)

    return done


async def states_of_rows() -> list[str]:
    return [row.state async for row in Completion.objects.order_by("pk")]


@pytest.mark.parametrize("deed", ["start", "attempt_again", "finish"])
@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
async def test_a_reply_is_whole_although_the_word_of_a_deed_was_lost(
    ask: Ask,
    conversation: Conversation,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    deed: str,
    fault: type[Exception],
) -> None:
    monkeypatch.setattr(replies, deed, unheard(getattr(replies, deed), fault))
    upstream.fails(503)
    upstream.says("Hello")

    reply = await sealed((await ask(conversation)).reply)

    assert (reply.state, reply.text) == (MessageState.COMPLETE, "Hello")
    assert await states_of_rows() == [CompletionState.FAILED, CompletionState.FINAL]
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
async def test_live_text_goes_on_although_the_word_of_a_commit_was_lost(
    ask: Ask,
    service: Service,
    conversation: Conversation,
    ana: User,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    fault: type[Exception],
) -> None:
    other = await sync_to_async(make_conversation)(ana)
    upstream.holds_after(1, "One", " two", " three", match="in English")
    upstream.holds_after(1, "Uno", " dos", " tres", match="in Spanish")
    first = (await ask(conversation, "Count in English")).reply
    second = (await ask(other, "Count in Spanish")).reply

    async with watching(service, conversation) as tab, watching(service, other) as other_tab:
        await tab.shows(first.pk, "One")
        await other_tab.shows(second.pk, "Uno")
        monkeypatch.setattr(replies, "write_pieces", unheard(replies.write_pieces, fault))
        upstream.release(1)
        await tab.shows(first.pk, "One two")
        await other_tab.shows(second.pk, "Uno dos")
        journal = [piece async for piece in JournalPiece.objects.order_by("message", "number")]
        upstream.release()

    assert [piece.text for piece in journal] == ["One", " two", "Uno", " dos"]
    assert [(await sealed(reply)).text for reply in (first, second)] == [
        "One two three",
        "Uno dos tres",
    ]


async def test_a_reply_is_started_and_sealed_once_the_database_is_back(
    ask: Ask, conversation: Conversation, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "AGAIN_SECONDS", 0.05)
    for name in ("start", "finish"):
        # More than the pool tries by itself.
        for _ in range(5):
            monkeypatch.setattr(replies, name, away(getattr(replies, name)))
    upstream.says("Hello")

    reply = await sealed((await ask(conversation)).reply)

    assert (reply.state, reply.text) == (MessageState.COMPLETE, "Hello")
    assert await states_of_rows() == [CompletionState.FINAL]


def away(deed: Deed) -> Deed:
    """Fails once without doing anything."""
    left = [OperationalError("connection refused")]

    def done(*args: Any, **kwargs: Any) -> Any:
        if left:
            raise left.pop()
        return deed(*args, **kwargs)

    return done


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_stops_while_the_next_attempt_is_being_opened_leave_no_open_row(
    ask: Ask,
    service: Service,
    conversation: Conversation,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    times: int,
) -> None:
    entered = threading.Event()
    monkeypatch.setattr(replies, "attempt_again", slowed(replies.attempt_again, entered))
    upstream.fails(503)
    turn = await ask(conversation)
    await asyncio.to_thread(entered.wait, 10)

    for _ in range(times):
        await sync_to_async(service.stop)(turn.reply)
    reply = await sealed(turn.reply)

    assert reply.state == MessageState.STOPPED
    assert await states_of_rows() == [CompletionState.FAILED] * 2


async def test_the_sweep_leaves_a_reply_that_began_while_it_waited_for_the_database(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    busy = [asyncio.ensure_future(service.pool.run(time.sleep, 0.6)) for _ in range(4)]
    await asyncio.sleep(0)

    # As if its five seconds had passed when the query comes to run.
    sweep = asyncio.ensure_future(service._sweeper.sweep(older_than=timedelta(seconds=0.1)))
    await asyncio.sleep(0)
    reply = (await ask(conversation)).reply
    await asyncio.gather(sweep, *busy)
    await asyncio.to_thread(upstream.wait_until_held)
    upstream.release()

    assert (await sealed(reply)).state == MessageState.COMPLETE


async def test_a_reply_that_cannot_be_sealed_keeps_no_other_from_it(
    service: Service,
    conversation: Conversation,
    ana: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = await sync_to_async(make_conversation)(ana)
    first, second = [
        (await sync_to_async(begin_turn)(each)).reply for each in (conversation, other)
    ]
    await Message.objects.filter(pk__in=[first.pk, second.pk]).aupdate(claim=uuid.uuid4())
    abandon = replies.abandon

    def abandon_but_the_first(reply_id: int, claim: uuid.UUID | None) -> bool:
        if reply_id == first.pk:
            raise ValueError("made to fail")
        return abandon(reply_id, claim)

    monkeypatch.setattr(replies, "abandon", abandon_but_the_first)

    await service._sweeper.sweep(older_than=timedelta(0))

    assert (await sealed(second)).state == MessageState.INTERRUPTED


async def test_a_send_that_was_let_in_before_the_end_is_saved_as_interrupted(
    service: Service,
    conversation: Conversation,
    ana: User,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entered = threading.Event()
    monkeypatch.setattr(turns, "begin", slowed(turns.begin, entered))
    sending = asyncio.ensure_future(
        asyncio.to_thread(
            service.send, conversation=conversation, author=ana, text="?", send_key=conversation.pk
        )
    )
    await asyncio.to_thread(entered.wait, 10)

    await service.drain()

    reply = await sealed((await sending).reply)
    assert (reply.state, reply.error) == (MessageState.INTERRUPTED, "restarted")
    assert await states_of_rows() == [CompletionState.FAILED]
    assert upstream.requests == []


async def test_the_end_does_not_wait_for_a_database_that_never_answers(
    ask: Ask,
    service: Service,
    conversation: Conversation,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "CLOSING_SECONDS", 0.2)
    monkeypatch.setattr(supervisors, "SAVING_SECONDS", 0.2)
    never = threading.Event()
    upstream.holds_after(1, "One", " two")
    monkeypatch.setattr(
        replies, "write_pieces", lambda *args, **kwargs: never.wait(60) and Standing()
    )
    await ask(conversation)
    await asyncio.to_thread(upstream.wait_until_held)

    try:
        async with asyncio.timeout(20):
            await service.drain()
    finally:
        never.set()
