"""An answer that is left unread for a while loses nothing by it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp.client_proto import ResponseHandler

from chat.completions.client import CompletionClient
from chat.completions.errors import AnswerBroken
from tests.completions.asking import Heard, ask, question, until
from tests.upstream.process import Upstream

COUNT, RATE = 100, 200
REST = 0.1


@pytest.fixture
async def usual(upstream: Upstream) -> AsyncIterator[CompletionClient]:
    """The other transport gives out each event by itself, however many it has read."""
    async with CompletionClient(upstream.base_url, upstream.key) as client:
        yield client


async def test_one_read_brings_what_came_in_a_rest(
    usual: CompletionClient, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.stamps(rate=RATE, count=COUNT, times=2)
    received: list[int] = []
    take = ResponseHandler.data_received

    def count(handler: ResponseHandler, data: bytes) -> None:
        # Called without any to go on with what came before.
        if data:
            received.append(len(data))
        take(handler, data)

    monkeypatch.setattr(ResponseHandler, "data_received", count)
    heard, calm = await _ask_calmly(usual), len(received)
    hurried = await ask(usual)

    assert heard.text.count(";") == hurried.text.count(";") == COUNT
    # Half a second of text, a tenth at a time; a few more for its beginning and its end. It is read
    # from the network no more often than it is given out.
    assert heard.reads < 15
    assert calm < 15
    assert hurried.reads > 30


async def test_the_connection_of_an_answer_that_was_rested_from_is_used_again(
    usual: CompletionClient, upstream: Upstream
) -> None:
    upstream.stamps(rate=RATE, count=COUNT, times=2)

    for _ in range(2):
        await _ask_calmly(usual)

    assert len({record.connection for record in upstream.requests}) == 1


async def test_what_breaks_off_in_a_rest_is_given_out_before_the_fault(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.says("One", " two", {"die": "close"})

    heard = await _ask_calmly(client)

    assert heard.text == "One two"
    assert isinstance(heard.failure, AnswerBroken)


async def test_the_time_in_which_nothing_is_read_is_no_silence_of_the_upstream(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.says("One", " two", delay=0.05)

    # Longer than this client waits for the next piece.
    heard = await _ask_calmly(client, rest=0.5)

    assert (heard.text, heard.error) == ("One two", None)


async def test_who_ends_in_a_rest_closes_the_connection(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    heard = Heard()
    asking = asyncio.create_task(_ask_calmly(client, rest=60.0, into=heard))
    await until(lambda: heard.text == "One")

    asking.cancel()

    await asyncio.to_thread(upstream.wait_until_client_left)


async def _ask_calmly(
    client: CompletionClient, *, rest: float = REST, into: Heard | None = None
) -> Heard:
    heard = into or Heard()
    try:
        async with client.stream(question()) as answer:
            async for events in answer:
                heard.events += events
                heard.reads += 1
                if heard.text:
                    await answer.rest(rest)
    except AnswerBroken as error:
        heard.error = error
    return heard
