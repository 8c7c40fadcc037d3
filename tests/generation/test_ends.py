"""However an answer ends: what the reply is, what it says, and how its ledger row closes."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from pytest_django import Settings

from chat.enums import CompletionState, Fault, MessageState
from chat.generation import service as services
from chat.generation.service import Service
from chat.models import Completion, Conversation
from tests.evoweb_process import free_port
from tests.generation.conftest import Ask, sealed
from tests.upstream.process import Upstream
from tests.waiting import comes_true

pytestmark = pytest.mark.django_db(transaction=True)

FIGURES = {"prompt_tokens": 12, "completion_tokens": 7}
FILTERED = {"finish": "content_filter"}


@dataclass(frozen=True)
class End:
    name: str
    script: dict[str, Any]
    state: MessageState
    text: str
    error: str = ""
    finish_reason: str = ""
    row: CompletionState = CompletionState.FINAL
    output: int | None = 7


ENDS = (
    End(
        "regular",
        {"pieces": ["Good ", "morning"]},
        MessageState.COMPLETE,
        "Good morning",
        finish_reason="stop",
    ),
    End(
        "figures in every chunk, counting up",
        {"pieces": ["Good ", "morning"], "usage_mode": "every"},
        MessageState.COMPLETE,
        "Good morning",
        finish_reason="stop",
    ),
    End(
        "a plain answer to a request for a stream",
        {"pieces": ["Good ", "morning"], "as_json": True},
        MessageState.COMPLETE,
        "Good morning",
        finish_reason="stop",
    ),
    End(
        "no figures at all",
        {"pieces": ["x" * 400], "usage_mode": "never"},
        MessageState.COMPLETE,
        "x" * 400,
        finish_reason="stop",
        row=CompletionState.ESTIMATED,
        output=100,
    ),
    End(
        "cut by the limit",
        {"pieces": ["Half"], "finish": "length"},
        MessageState.COMPLETE,
        "Half",
        finish_reason="length",
    ),
    End(
        "cut by a filter",
        {"pieces": ["Half"], **FILTERED},
        MessageState.COMPLETE,
        "Half",
        finish_reason="content_filter",
    ),
    End(
        "nothing but a filter",
        {"pieces": [], **FILTERED},
        MessageState.FAILED,
        "",
        error=Fault.BLOCKED,
        finish_reason="content_filter",
    ),
    End(
        "nothing at all",
        {"pieces": []},
        MessageState.FAILED,
        "",
        error=Fault.EMPTY,
        finish_reason="stop",
    ),
    End(
        "nothing but blanks",
        {"pieces": ["\n", " \n"]},
        MessageState.FAILED,
        "\n \n",
        error=Fault.EMPTY,
        finish_reason="stop",
    ),
    End(
        "blanks and a broken connection",
        {"pieces": ["\n" * 80, {"die": "close"}]},
        MessageState.FAILED,
        "\n" * 80,
        error=Fault.BROKEN,
        row=CompletionState.ESTIMATED,
        output=20,
    ),
    End(
        "the end without a reason",
        {"pieces": ["Half"], "finish": None},
        MessageState.INTERRUPTED,
        "Half",
        error=Fault.UNFINISHED,
    ),
    End(
        "an end within an event, though a reason came before",
        {
            "pieces": ["Half", {"finish": "stop"}, {"raw": b64encode(b'data: {"id":').decode()}],
            "usage_mode": "never",
            "done": False,
        },
        MessageState.INTERRUPTED,
        "Half",
        error=Fault.BROKEN,
        row=CompletionState.ESTIMATED,
        output=1,
    ),
    End(
        "an error after some text",
        {"pieces": ["Half", {"error": {"code": 503, "message": "m", "type": "overloaded_error"}}]},
        MessageState.INTERRUPTED,
        "Half",
        error=Fault.OVERLOADED,
        row=CompletionState.ESTIMATED,
        output=1,
    ),
    End(
        "a connection that was closed in the middle",
        {"pieces": ["Half", {"die": "close"}]},
        MessageState.INTERRUPTED,
        "Half",
        error=Fault.BROKEN,
        row=CompletionState.ESTIMATED,
        output=1,
    ),
)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.name)
async def test_each_end_is_told_apart_and_closes_its_row(
    ask: Ask, conversation: Conversation, upstream: Upstream, end: End
) -> None:
    upstream.script(**{**FIGURES, **end.script})

    reply = await sealed((await ask(conversation)).reply)

    row = await Completion.objects.aget()
    assert (reply.state, reply.text, reply.error) == (end.state, end.text, end.error)
    assert reply.finish_reason == row.finish_reason == end.finish_reason
    assert (row.state, row.output, row.http_status) == (end.row, end.output, 200)
    assert row.error == end.error
    assert (row.usage is not None) is (end.row == CompletionState.FINAL)
    assert (row.first_token_at is not None) is bool(end.text)


async def test_where_nobody_listens_nothing_is_billed(
    transactional_db: None, conversation: Conversation, ana: object, settings: Settings
) -> None:
    settings.EVOLINK_BASE_URL = f"http://127.0.0.1:{free_port()}"
    settings.DRAIN_SECONDS = 0.2
    service = Service()
    await service.start()
    try:
        turn = await sync_to_async(service.send)(
            conversation=conversation,
            author=conversation.owner,
            text="Hello?",
            send_key=conversation.pk,
        )
        reply = await sealed(turn.reply)
    finally:
        await service.drain()
        services._set_current(None)
        await sync_to_async(connections.close_all)()

    rows = [row async for row in Completion.objects.order_by("pk")]
    assert (reply.state, reply.error) == (MessageState.FAILED, Fault.UNREACHABLE)
    assert [row.error for row in rows] == ["unreachable"] * 3
    assert [(row.state, row.http_status, row.output) for row in rows] == [
        (CompletionState.FAILED, None, None)
    ] * 3


async def test_a_stop_while_waiting_for_the_next_attempt_leaves_no_open_row(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.fails(503, headers={"Retry-After": "5"}, times=0)
    turn = await ask(conversation)
    await sync_to_async(upstream.wait_until_over)()

    await sync_to_async(service.stop)(turn.reply)
    reply = await sealed(turn.reply, seconds=3)

    rows = [row async for row in Completion.objects.order_by("pk")]
    assert (reply.state, reply.text) == (MessageState.STOPPED, "")
    assert [row.state for row in rows] == [CompletionState.FAILED] * len(rows)
    assert len(upstream.requests) == 1


async def test_a_stop_while_draining_ends_the_reply_and_the_draining(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream, settings: Settings
) -> None:
    settings.DRAIN_SECONDS = 60
    upstream.holds_after(1, "One", " two")
    turn = await ask(conversation)
    await sync_to_async(upstream.wait_until_held)()
    draining = asyncio.create_task(service.drain())
    await comes_true(lambda: service.supervisor.is_draining)

    await sync_to_async(service.stop)(turn.reply)
    await asyncio.wait_for(draining, 10)
    reply = await sealed(turn.reply)

    row = await Completion.objects.aget()
    assert reply.state == MessageState.STOPPED
    assert row.state == CompletionState.ESTIMATED


async def test_two_stops_at_once_are_one(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    turn = await ask(conversation)
    await sync_to_async(upstream.wait_until_held)()

    stop = sync_to_async(service.stop, thread_sensitive=False)
    await asyncio.gather(stop(turn.reply), stop(turn.reply))
    reply = await sealed(turn.reply)

    assert (reply.state, reply.error) == (MessageState.STOPPED, "")
    assert await Completion.objects.acount() == 1


async def test_a_stop_after_the_end_changes_nothing(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says("Good morning")
    turn = await ask(conversation)
    before = await sealed(turn.reply)

    await sync_to_async(service.stop)(turn.reply)
    await service.drain()
    await sync_to_async(service.stop)(turn.reply)
    after = await sealed(turn.reply)

    assert (after.state, after.text) == (MessageState.COMPLETE, "Good morning")
    assert (after.stop_requested_at, after.revision) == (None, before.revision)
