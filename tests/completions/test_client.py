"""What is asked and answered, over a real connection."""

import base64
import gzip
import json
import logging

import pytest

from chat.completions.client import CompletionClient
from chat.completions.errors import CompletionError, StreamOptionsRefused
from chat.completions.events import Ended, Identified, Text, Usage
from tests.completions.asking import ask, question, read_until
from tests.completions.streams import (
    DONE,
    end_of,
    identity_of,
    reasoning_of,
    says,
    seed_text,
    usage_of,
)
from tests.completions.test_decoding import SEED_USAGE
from tests.upstream.errors import ERROR_TABLE, ErrorCase
from tests.upstream.process import Upstream
from tests.upstream.scripts import SEED, SEED_PROMPT


async def test_an_answer_comes_with_what_it_cost(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.says("Good ", "morning", prompt_tokens=12, completion_tokens=2, id="c-7")

    heard = await ask(client, "Greet me")

    usage = usage_of(heard.events)
    assert usage is not None
    assert heard.text == "Good morning"
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (12, 2, 14)
    assert end_of(heard.events) == Ended("stop", 1)
    assert (identity := identity_of(heard.events)) is not None
    assert (identity.id, identity.model) == ("c-7", "Gemini-3.0-pro")


async def test_the_upstream_is_asked_as_it_wants_to_be(
    client: CompletionClient, upstream: Upstream
) -> None:
    await ask(client, "Greet me", max_tokens=100)

    seen = upstream.last
    assert seen.body == {
        "model": "Gemini-3.0-pro",
        "messages": [{"role": "user", "content": "Greet me"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 100,
    }
    assert seen.headers["authorization"] == f"Bearer {upstream.key}"
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["user-agent"] == "evoweb"
    assert seen.headers["content-type"] == "application/json"


async def test_a_large_request_arrives_whole(client: CompletionClient, upstream: Upstream) -> None:
    prompt = "".join(str(number) for number in range(400_000))

    heard = await ask(client, prompt)

    assert heard.text == "Hello from the test upstream."
    assert upstream.last.prompt == prompt
    assert int(upstream.last.headers["content-length"]) > len(prompt)
    assert "transfer-encoding" not in upstream.last.headers


@pytest.mark.parametrize("form", ["stream", "plain", "plain although a stream was asked for"])
async def test_the_documented_answer_arrives_whole_in_every_form(
    client: CompletionClient, upstream: Upstream, form: str
) -> None:
    if form.startswith("plain although"):
        upstream.fails(200, SEED)

    heard = await ask(client, SEED_PROMPT, stream=form != "plain")

    identity = identity_of(heard.events)
    kind = "chat.completion.chunk" if form == "stream" else "chat.completion"
    assert identity is not None
    assert (identity.id, identity.model) == (SEED["id"], "Gemini-3.0-pro")
    assert identity.object == kind
    assert heard.text == seed_text()
    assert usage_of(heard.events) == SEED_USAGE
    assert end_of(heard.events) == Ended("stop", 1)


async def test_the_documented_answer_keeps_its_date_when_it_is_plain(
    client: CompletionClient,
) -> None:
    heard = await ask(client, SEED_PROMPT, stream=False)

    assert heard.events == [
        Identified(SEED["id"], "Gemini-3.0-pro", "chat.completion", 1760032810),
        Text(seed_text()),
        SEED_USAGE,
        Ended("stop", 1),
    ]


@pytest.mark.parametrize("case", ERROR_TABLE, ids=lambda case: case.name)
async def test_each_way_of_refusing_is_understood(
    client: CompletionClient, upstream: Upstream, case: ErrorCase
) -> None:
    upstream.script(**case.script())

    failure = (await ask(client)).failure

    assert (failure.code, failure.retryable) == (case.code, case.retryable)
    assert (failure.http_status, failure.retry_after) == (case.status, case.retry_after)
    assert case.detail in failure.detail


async def test_thinking_is_told_apart_from_text(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.thinks_then_says("hm", "yes", hidden_tokens=40, completion_tokens=42)

    heard = await ask(client)

    usage = usage_of(heard.events)
    assert (reasoning_of(heard.events), heard.text) == ("hm", "yes")
    assert usage is not None
    assert (usage.completion_tokens, usage.reasoning_tokens) == (42, 40)


@pytest.mark.parametrize("cut", [5, 100])
async def test_it_does_not_matter_how_the_network_cuts_the_stream(
    client: CompletionClient, upstream: Upstream, cut: int
) -> None:
    upstream.says("Grüße", " 🎉\u2028", "!", cut=cut)

    heard = await ask(client)

    assert heard.text == "Grüße 🎉\u2028!"
    assert end_of(heard.events).finish_reason == "stop"


async def test_a_long_line_is_read_whole(client: CompletionClient, upstream: Upstream) -> None:
    picture = "data:image/png;base64," + "iVBORw0KGgo" * 100_000
    upstream.says("Look: ", picture, ".")

    heard = await ask(client)

    assert heard.text == f"Look: {picture}."
    assert end_of(heard.events) == Ended("stop", 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"done": False},
        {"finish_in_every_chunk": True},
        {"usage_mode": "every"},
        {"usage_mode": "with_finish"},
        {"role_chunk": False},
        {"headers": {"Content-Type": "text/plain"}},
        {"headers": {"Content-Type": "application/json"}},
        {"as_json": True},
    ],
)
async def test_the_habits_of_gateways_make_no_difference(
    client: CompletionClient, upstream: Upstream, fields: dict[str, object]
) -> None:
    upstream.says("Good ", "morning", prompt_tokens=12, completion_tokens=2, **fields)

    heard = await ask(client)

    usage = usage_of(heard.events)
    assert heard.text == "Good morning"
    assert end_of(heard.events) == Ended("stop", 1)
    assert usage is not None
    assert (usage.prompt_tokens, usage.output) == (12, 2)


@pytest.mark.parametrize("mode", ["never", "null"])
async def test_an_answer_may_come_without_figures(
    client: CompletionClient, upstream: Upstream, mode: str
) -> None:
    upstream.says("x", usage_mode=mode)

    assert not [e for e in (await ask(client)).events if isinstance(e, Usage)]


async def test_an_end_without_a_reason_is_told(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.says("x", finish=None)

    assert end_of((await ask(client)).events) == Ended(None, 1)


async def test_comments_and_odd_events_are_passed_over(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.sends_bytes(
        b"\xef\xbb\xbf: PING\r\n\r\n" + b"retry: 3000\n\ndata: null\n\n" + says("x") + DONE
    )

    assert (await ask(client)).text == "x"


@pytest.mark.parametrize("cut", [1, 2, 3])
async def test_a_byte_order_mark_may_be_cut_by_a_read(
    client: CompletionClient, upstream: Upstream, cut: int
) -> None:
    stream = b"\xef\xbb\xbf" + says("x") + says("y", finish="stop") + DONE
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    upstream.script(raw_http=base64.b64encode(head + stream).decode(), cut=len(head) + cut)

    assert (await ask(client)).text == "xy"


async def test_an_empty_body_is_an_empty_answer(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.fails(200, b"", headers={"Content-Type": "text/event-stream"})

    assert (await ask(client)).events == [Ended(None, 0)]


async def test_a_body_that_was_compressed_all_the_same_is_read(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.fails(200, gzip.compress(says("x") + DONE), headers={"Content-Encoding": "gzip"})

    assert (await ask(client)).text == "x"


async def test_text_before_an_error_in_the_stream_is_given_out(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.says("so far", {"error": {"message": "overloaded", "type": "overloaded_error"}})

    heard = await ask(client)

    assert (heard.text, heard.failure.code, heard.failure.http_status) == (
        "so far",
        "overloaded",
        200,
    )
    assert not heard.failure.retryable


async def test_refused_stream_options_are_remembered_for_the_model(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.says("x", refuse_stream_options=True, usage_mode="always")

    first = await ask(client, model="gpt-5.4")
    second = await ask(client, model="gpt-5.4")
    await ask(client, model="gpt-5.5")

    assert isinstance(first.failure, StreamOptionsRefused)
    assert second.text == "x"
    assert client.without_usage == {"gpt-5.4"}
    assert ["stream_options" in seen.body for seen in upstream.requests] == [True, False, True]


async def test_stream_options_that_are_refused_in_the_answer_are_remembered_too(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.says({"error": {"code": 400, "message": "Unknown parameter: 'stream_options'."}})

    first = await ask(client)
    await ask(client)

    assert isinstance(first.failure, StreamOptionsRefused)
    assert ["stream_options" in seen.body for seen in upstream.requests] == [True, False]


@pytest.mark.parametrize("asked", [{"include_usage": False}, {"stream": False}])
@pytest.mark.parametrize("status", [200, 400])
async def test_a_refusal_of_what_was_not_asked_is_an_ordinary_one(
    client: CompletionClient, upstream: Upstream, asked: dict[str, bool], status: int
) -> None:
    refusal = {"error": {"code": 400, "message": "Unknown parameter: 'stream_options'."}}
    upstream.fails(status, refusal)
    is_stream = asked.get("stream", True)
    is_usage_asked = asked.get("include_usage", True)

    with pytest.raises(CompletionError) as caught:
        async with client.stream(
            question(stream=is_stream), include_usage=is_usage_asked
        ) as answer:
            [events async for events in answer]

    assert caught.value.code == "bad_request"
    assert client.without_usage == set()


async def test_connections_are_used_again(client: CompletionClient, upstream: Upstream) -> None:
    for _ in range(3):
        await ask(client)
    upstream.fails(429)
    await ask(client)
    await ask(client)

    assert len({seen.connection for seen in upstream.requests}) == 1


async def test_no_request_waits_for_another(client: CompletionClient, upstream: Upstream) -> None:
    upstream.holds_after(1, "a", "b", times=0)

    async with client.stream(question()) as first, client.stream(question()) as second:
        await read_until(first, "a")
        await read_until(second, "a")


async def test_the_models_are_those_of_the_upstream(client: CompletionClient) -> None:
    assert (await client.models())[:2] == ["Gemini-3.0-pro", "gemini-3-pro-preview"]


async def test_a_wrong_key_is_refused_and_shown_nowhere(
    upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = "sk-wrong-and-secret-987"

    async with CompletionClient(upstream.base_url, f"Bearer {key}\n") as client:
        failure = (await ask(client, "my secret prompt")).failure
        with pytest.raises(CompletionError) as caught:
            await client.models()

    assert (failure.code, caught.value.code) == ("key_refused", "key_refused")
    assert upstream.last.headers["authorization"] == f"Bearer {key}"
    shown = caplog.text + repr(client) + repr(failure) + str(failure) + repr(vars(failure))
    assert key not in shown
    assert "secret prompt" not in shown


async def test_a_key_that_the_upstream_repeats_is_struck(
    client: CompletionClient, upstream: Upstream
) -> None:
    upstream.fails(401, {"error": {"message": f"bad key {upstream.key}"}})
    upstream.says({"error": {"message": f"bad key {upstream.key}"}})

    for failure in ((await ask(client)).failure, (await ask(client)).failure):
        assert failure.detail == "bad key [key]"


async def test_a_key_of_an_unusual_shape_is_struck_too(upstream: Upstream) -> None:
    upstream.fails(401, {"error": {"message": "bad key my-own-key!"}})

    async with CompletionClient(upstream.base_url, "my-own-key!") as client:
        failure = (await ask(client)).failure

    assert "my-own-key" not in str(failure)


async def test_without_a_key_none_is_sent(upstream: Upstream) -> None:
    async with CompletionClient(upstream.base_url) as client:
        await ask(client)

    assert "authorization" not in upstream.last.headers


def test_the_seed_is_the_documented_answer() -> None:
    usage = SEED["usage"]

    assert json.dumps(SEED["choices"][0]["message"]["content"]).startswith("\"Hello! I'm pleased")
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (
        13,
        1891,
        1904,
    )
