"""Answers that are too large or come too fast, and what goes on beside them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from chat.completions import answer as answer_module
from chat.completions.answer import Answer
from chat.completions.client import CompletionClient
from chat.completions.errors import AnswerUnusable
from tests.completions.asking import ask, question
from tests.completions.streams import event, text_of
from tests.upstream.process import Upstream


async def test_a_body_without_end_is_given_up(
    client: CompletionClient, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_module, "LARGEST_BODY", 10_000)
    upstream.sends_bytes(b": PING\n\n" * 10_000)

    failure = (await ask(client)).failure

    assert isinstance(failure, AnswerUnusable)
    assert failure.code == "too_long"


async def test_a_plain_answer_without_end_is_given_up(
    client: CompletionClient, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_module, "LARGEST_ANSWER", 10_000)
    upstream.fails(200, b"{" + b" " * 100_000)

    assert (await ask(client)).failure.code == "too_long"


class OneRead(httpx.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


PARTS = {"choices": [{"delta": {"content": [{"text": "a"}] * 200_000}}]}


@pytest.mark.parametrize(
    "body", [json.dumps(PARTS).encode(), event(PARTS), event(PARTS).removesuffix(b"\n\n")]
)
async def test_the_event_loop_goes_on_while_much_is_decoded(body: bytes) -> None:
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    turning = asyncio.create_task(turn())
    answer = Answer(httpx.Response(200, stream=OneRead(body)))

    events = [event async for events in answer for event in events]

    turning.cancel()
    assert text_of(events) == "a" * 200_000
    assert turns > 5


async def test_a_reader_that_takes_its_time_holds_the_upstream_back(
    client: CompletionClient, upstream: Upstream
) -> None:
    filler: dict[str, object] = {"comment": "-" * 100_000}
    steps: list[str | dict[str, object]] = ["x", filler] * 300
    upstream.says(*steps)

    async with client.stream(question()) as answer:
        events = await anext(answer)
        sent = await asyncio.to_thread(settled, upstream)
        async for more in answer:
            events += more

    assert sent < 300
    assert text_of(events) == "x" * 300


def settled(upstream: Upstream) -> int:
    """How many pieces were sent when the upstream came to a standstill."""
    sent = -1
    while (now := upstream.last.pieces_sent) != sent:
        sent = now
        time.sleep(0.1)
    return sent
