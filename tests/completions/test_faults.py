"""What a network and an upstream can do to an answer, over both transports."""

import asyncio
import base64
import socket
import time
from collections.abc import Callable

import httpx
import pytest

from chat.completions import answer as answer_module
from chat.completions.client import CompletionClient
from chat.completions.errors import (
    AnswerBroken,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from tests.completions.asking import Heard, ask, question, read_until, until
from tests.completions.conftest import IMPATIENT_SECONDS
from tests.completions.streams import DONE, says, text_of
from tests.upstream.process import Upstream

Transport = Callable[[], httpx.AsyncBaseTransport]
AT_ONCE = 0.1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_refused_connection_is_an_unreachable_upstream(
    transport: Transport, host: str
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://{host}:{unused.getsockname()[1]}"

        async with CompletionClient(address, "sk-1", transport=transport) as client:
            failure = (await ask(client)).failure

    assert isinstance(failure, UpstreamUnreachable)
    assert (failure.code, failure.retryable, failure.http_status) == ("unreachable", True, None)
    assert isinstance(failure.__cause__, httpx.ConnectError)


async def test_a_name_that_leads_nowhere_is_an_unreachable_upstream(transport: Transport) -> None:
    async with CompletionClient("http://nowhere.invalid", "sk-1", transport=transport) as client:
        failure = (await ask(client)).failure

    assert (failure.code, failure.retryable) == ("unreachable", True)


async def test_a_connection_that_is_never_accepted_is_an_unreachable_upstream(
    transport: Transport,
) -> None:
    with socket.socket() as full, socket.socket() as filler:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        filler.connect(full.getsockname())
        address = f"http://127.0.0.1:{full.getsockname()[1]}"

        async with CompletionClient(
            address, "sk-1", connect_timeout=0.2, transport=transport
        ) as client:
            failure = (await ask(client)).failure

    assert (failure.code, failure.retryable) == ("unreachable", True)
    assert isinstance(failure.__cause__, httpx.ConnectTimeout)


async def test_an_upstream_that_speaks_no_tls_is_unreachable(
    upstream: Upstream, transport: Transport
) -> None:
    address = upstream.base_url.replace("http://", "https://")

    async with CompletionClient(address, "sk-1", transport=transport) as client:
        failure = (await ask(client)).failure

    assert failure.code == "unreachable"


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_connection_that_dies_before_the_answer_may_be_billed_and_is_not_tried_again(
    client: CompletionClient, upstream: Upstream, how: str
) -> None:
    upstream.breaks_after({"wait": 0.05}, how=how)

    failure = (await ask(client)).failure

    assert isinstance(failure, AnswerBroken)
    assert (failure.code, failure.retryable, failure.may_be_billed) == ("broken", False, True)
    assert failure.http_status is None


async def test_a_connection_that_died_while_it_was_kept_costs_at_most_another_attempt(
    client: CompletionClient, upstream: Upstream
) -> None:
    await ask(client)
    await asyncio.to_thread(upstream.drop_idle_connections)

    heard = await ask(client)
    if heard.error:
        # Its end had not been heard of when it was used.
        heard = await ask(client)

    assert heard.text == "Hello from the test upstream."
    assert len({seen.connection for seen in upstream.requests}) == 2


@pytest.mark.parametrize(
    ("end", "code", "is_tried_again"),
    [
        ({"die": "reset"}, "unreachable", True),
        ({"die": "close"}, "unreachable", True),
        ({"wait": 0.1, "die": "close"}, "broken", False),
    ],
)
async def test_only_a_kept_connection_that_dies_at_once_is_taken_for_one_that_was_dead(
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    end: dict[str, object],
    code: str,
    is_tried_again: bool,
) -> None:
    if not is_tried_again:
        monkeypatch.setattr("chat.completions.transport.STALE_WITHIN", 0.05)
    upstream.says("kept")
    upstream.breaks_after(end)

    async with CompletionClient(upstream.base_url, upstream.key) as client:
        await ask(client)
        failure = (await ask(client)).failure

    assert (failure.code, failure.retryable) == (code, is_tried_again)
    assert len({seen.connection for seen in upstream.requests}) == 1


async def test_a_status_line_on_a_kept_connection_is_an_answer_that_began(
    upstream: Upstream,
) -> None:
    upstream.says("kept")
    upstream.script(raw_http=base64.b64encode(b"HTTP/1.1 200 OK\r\n").decode())

    async with CompletionClient(upstream.base_url, upstream.key) as client:
        await ask(client)
        failure = (await ask(client)).failure

    assert (failure.code, failure.retryable) == ("broken", False)


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_an_answer_that_is_cut_off_keeps_what_came(
    client: CompletionClient, upstream: Upstream, how: str
) -> None:
    upstream.breaks_after("Good ", "mor", {"wait": 0.02}, how=how)

    heard = await ask(client)

    assert heard.text == "Good mor"
    assert isinstance(heard.failure, AnswerBroken)
    assert (heard.failure.code, heard.failure.retryable) == ("broken", False)
    assert heard.failure.http_status == 200
    assert heard.failure.__cause__ is not None


async def test_an_answer_that_broke_off_does_not_end_well_when_it_is_asked_again(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.breaks_after("Good ", {"wait": 0.02})

    async with client.stream(question()) as answer:
        with pytest.raises(AnswerBroken):
            [events async for events in answer]

        assert [events async for events in answer] == []


async def test_a_plain_answer_that_is_cut_off_is_broken(
    client: CompletionClient, upstream: Upstream
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n"
    upstream.script(raw_http=base64.b64encode(head + b'{"choices": [').decode())

    assert (await ask(client, stream=False)).failure.code == "broken"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def http_chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA\x00b: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBig: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        CHUNKED + http_chunk(says("Model said it")) + b"zz\r\nfoo",
        CHUNKED + http_chunk(says("Model said it"))[:-2] + b"XX",
    ],
)
async def test_what_is_no_http_breaks_an_answer_that_may_be_billed_and_is_not_repeated(
    client: CompletionClient, upstream: Upstream, garbage: bytes
) -> None:
    upstream.script(raw_http=base64.b64encode(garbage).decode())

    failure = (await ask(client)).failure

    assert isinstance(failure, AnswerBroken)
    assert (failure.code, failure.retryable, failure.may_be_billed) == ("broken", False, True)
    assert "Model said" not in str(failure)
    cause: BaseException | None = failure
    while cause is not None:
        assert upstream.key not in repr(cause) + str(cause)
        cause = cause.__cause__ or cause.__context__


async def test_a_long_header_is_no_reason_to_give_up(
    client: CompletionClient, upstream: Upstream
) -> None:
    head = b"HTTP/1.1 200 OK\r\nPolicy: " + b"x" * 50_000 + b"\r\nConnection: close\r\n\r\n"
    upstream.script(raw_http=base64.b64encode(head + says("x") + DONE).decode())

    assert (await ask(client)).text == "x"


async def test_a_chunk_that_is_no_chunk_breaks_the_answer(
    client: CompletionClient, upstream: Upstream
) -> None:
    good = CHUNKED + http_chunk(says("so far"))
    raw = base64.b64encode(good + b"zz\r\nnonsense\r\n").decode()
    upstream.script(raw_http=raw, cut=len(good), delay=0.1)

    heard = await ask(client)

    assert (heard.text, heard.failure.code) == ("so far", "broken")


async def test_a_body_that_is_not_compressed_as_it_says_is_broken(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.fails(200, b"no gzip at all", headers={"Content-Encoding": "gzip"})

    assert (await ask(client)).failure.code == "broken"


async def test_an_upstream_that_says_nothing_times_out_and_may_bill(
    impatient: CompletionClient, upstream: Upstream
) -> None:
    upstream.hangs_after()

    failure = (await ask(impatient)).failure

    assert isinstance(failure, UpstreamTimedOut)
    assert (failure.code, failure.retryable, failure.may_be_billed) == ("timed_out", False, True)
    assert failure.http_status is None


async def test_an_upstream_that_does_not_even_read_times_out(transport: Transport) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}"

        async with CompletionClient(
            address, "sk-1", connect_timeout=0.1, read_timeout=0.2, transport=transport
        ) as client:
            failure = (await ask(client, "x" * 30_000_000)).failure

    assert (failure.code, failure.retryable) == ("timed_out", False)


async def test_an_upstream_that_sends_only_headers_times_out(
    impatient: CompletionClient, upstream: Upstream
) -> None:
    upstream.hangs_after({"headers": True}, role_chunk=False)

    failure = (await ask(impatient)).failure

    assert (failure.code, failure.http_status) == ("timed_out", 200)


async def test_an_answer_that_stalls_times_out_and_keeps_what_came(
    impatient: CompletionClient, upstream: Upstream
) -> None:
    upstream.hangs_after("Good ", "mor")

    heard = await ask(impatient)

    assert heard.text == "Good mor"
    assert (heard.failure.code, heard.failure.retryable) == ("timed_out", False)


async def test_a_comment_now_and_then_keeps_an_answer_alive(
    impatient: CompletionClient, upstream: Upstream
) -> None:
    pause = {"wait": IMPATIENT_SECONDS / 3}
    waits = [step for _ in range(4) for step in (pause, {"comment": "PING"})]
    upstream.says("a", *waits, "b")

    assert (await ask(impatient)).text == "ab"


@pytest.mark.parametrize("moment", ["before the status", "after the status", "in the middle"])
async def test_cancelling_closes_the_connection_at_once(
    client: CompletionClient, upstream: Upstream, moment: str
) -> None:
    if moment == "before the status":
        upstream.hangs_after()
    elif moment == "after the status":
        upstream.hangs_after({"headers": True}, role_chunk=False)
    else:
        upstream.holds_after(2, "Good ", "mor", "ning", hidden_tokens=100, runs_ahead=3)
    heard = Heard()
    task = asyncio.create_task(ask(client, into=heard))
    if moment == "in the middle":
        await until(lambda: heard.text == "Good mor")
    else:
        await until(lambda: upstream.requests)

    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    [seen] = await asyncio.to_thread(upstream.wait_until_client_left)
    assert seen.client_left_at is not None
    assert seen.client_left_at - began < AT_ONCE
    if moment == "in the middle":
        assert seen.billed.completion_tokens == 100 + 2 + 3


async def test_leaving_the_block_closes_the_connection_at_once(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.holds_after(1, "a", "b")

    async with client.stream(question()) as answer:
        await read_until(answer, "a")
        began = time.monotonic()

    [seen] = await asyncio.to_thread(upstream.wait_until_client_left)
    assert seen.client_left_at is not None
    assert seen.client_left_at - began < AT_ONCE
    assert [events async for events in answer] == []


async def test_an_error_of_the_readers_own_closes_the_connection_and_passes(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.holds_after(1, "a", "b")

    async def stumble() -> None:
        async with client.stream(question()) as answer:
            await anext(answer)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stumble()

    assert await asyncio.to_thread(upstream.wait_until_client_left)


async def test_after_done_nobody_waits_for_a_connection_that_stays_open(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.hangs_after("x", {"finish": "stop"}, {"raw": base64.b64encode(DONE).decode()})

    began = time.monotonic()
    heard = await ask(client)

    assert heard.text == "x"
    assert heard.error is None
    assert time.monotonic() - began < answer_module.GRACE + 0.5


async def test_the_end_is_given_out_before_the_connection_has_ended(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.hangs_after("x", {"raw": base64.b64encode(DONE).decode()})

    async with client.stream(question()) as answer:
        events = await anext(answer)
        while not answer.ended:
            events += await anext(answer)

    assert text_of(events) == "x"


async def test_an_error_page_that_hangs_is_read_as_far_as_it_came(
    client: CompletionClient, upstream: Upstream
) -> None:
    page = base64.b64encode(b'{"error": {"message": "half an err').decode()
    upstream.script(status=503, pieces=[{"raw": page}, {"hang": True}], role_chunk=False)

    failure = (await ask(client)).failure

    assert (failure.code, failure.http_status) == ("overloaded", 503)
