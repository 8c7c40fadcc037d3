"""How a stream may end: reasons, `[DONE]` or none, torn events, errors, limits."""

import json
from typing import Any

import pytest

from chat.completions.decoding import StreamDecoder
from chat.completions.errors import AnswerBroken, AnswerUnusable, CompletionError
from chat.completions.events import Ended
from tests.completions.streams import (
    DONE,
    chunk,
    decode,
    end_of,
    event,
    identity_of,
    says,
    text_of,
    usage_of,
)


@pytest.mark.parametrize(
    ("reasons", "kept"),
    [
        (["stop", "stop", "stop"], "stop"),
        (["stop", "length", "stop"], "length"),
        (["stop", "content_filter"], "content_filter"),
        (["tool_calls", "tool_calls", "stop"], "tool_calls"),
        ([None, "", "stop", None], "stop"),
        (["null", "null", "stop"], "stop"),
        (["FINISH_REASON_UNSPECIFIED", "STOP"], "STOP"),
        (["stop", "never heard of"], "stop"),
        (["length", "end_turn"], "length"),
        (["length", "tool_calls"], "length"),
        (["SAFETY", "stop"], "SAFETY"),
        (["stop", "tool_calls", "end_turn"], "tool_calls"),
        (["network_error", "stop"], "network_error"),
        (["null", None], "null"),
        ([7, {}, True], None),
        ([None], None),
    ],
)
def test_the_most_telling_finish_reason_is_kept(reasons: list[Any], kept: str | None) -> None:
    events = decode(*[says("x", finish=reason) for reason in reasons], DONE)

    assert text_of(events) == "x" * len(reasons)
    assert end_of(events).finish_reason == kept


def test_a_stop_in_the_first_chunk_ends_nothing() -> None:
    decoder = StreamDecoder()

    decoder.feed(says("a", finish="stop"))

    assert not decoder.ended
    assert decoder.feed(says("b", finish="stop") + DONE)[-1] == Ended("stop", 1)
    assert decoder.ended


def test_the_end_needs_no_done_and_comes_once() -> None:
    assert end_of(decode(says("x", finish="stop"))) == Ended("stop", 1)
    assert end_of(decode(says("x"), DONE, DONE)) == Ended(None, 1)
    assert decode() == [Ended(None, 0)]


@pytest.mark.parametrize(
    "rest",
    [
        b'data: {"id":"c","choi',
        b"data: {",
        b"<html><body>502 Bad Gateway</body></html>",
        b"<html>\n<body>\n\n",
    ],
)
def test_an_end_within_an_event_is_none_though_a_reason_came_before(rest: bytes) -> None:
    decoder = StreamDecoder()

    events = decoder.feed(says("Half", finish="stop") + rest)
    events += decoder.finish()

    assert text_of(events) == "Half"
    assert isinstance(decoder.failure, AnswerBroken)
    assert (decoder.failure.code, decoder.failure.http_status) == ("broken", 200)


@pytest.mark.parametrize("noise", [b"data: {torn\n\n", b"<p>\n\n", b": comment\n", b"event: x\n"])
def test_noise_before_the_last_word_tears_nothing(noise: bytes) -> None:
    last = says("x", finish="stop")

    assert end_of(decode(noise + last)) == Ended("stop", 1)
    assert end_of(decode(last + noise + DONE)) == Ended("stop", 1)


@pytest.mark.parametrize("rest", [b": comment", b"event: x", b"id: 7\n", b"data:", b"data: null"])
def test_what_carries_no_payload_may_end_a_stream(rest: bytes) -> None:
    assert end_of(decode(says("x", finish="stop") + rest)) == Ended("stop", 1)


def test_what_follows_done_is_not_read() -> None:
    assert text_of(decode(says("x") + DONE + says("y"), says("z"))) == "x"


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "broke", "code": 502}},
        {"id": "c-1", "model": "m", "choices": [], "error": {"message": "broke"}},
        {"object": "error", "message": "broke"},
        {"message": "broke", "code": "x"},
        {"error": "broke"},
        {"choices": [{"index": 0, "delta": {}, "error": {"message": "broke"}}]},
        {"error": {"message": json.dumps({"error": {"message": "broke"}})}},
        {"error": {"message": "Provider error", "metadata": {"raw": '{"message": "broke"}'}}},
        {"base_resp": {"status_code": 1013, "status_msg": "broke"}},
    ],
)
def test_an_error_in_the_stream_is_raised_after_the_text_before_it(error: dict[str, Any]) -> None:
    decoder = StreamDecoder()

    events = decoder.feed(says("so far") + event(error) + says("never"))

    assert text_of(events) == "so far"
    assert decoder.failure is not None
    assert decoder.failure.detail == "broke"
    assert (decoder.failure.http_status, decoder.failure.retryable) == (200, False)
    with pytest.raises(CompletionError):
        decoder.finish()


def test_what_a_chunk_says_beside_its_error_is_kept() -> None:
    figures = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    failed = says("the rest", id="c-9", error={"message": "broke"}, usage=figures)
    decoder = StreamDecoder()

    events = decoder.feed(failed)

    assert text_of(events) == "the rest"
    assert (identity := identity_of(events)) is not None
    assert identity.id == "c-9"
    assert (found := usage_of(events)) is not None
    assert (found.prompt_tokens, found.completion_tokens) == (9, 2)
    assert decoder.failure is not None
    assert decoder.failure.detail == "broke"


def test_an_error_without_its_data_line_is_an_error_too() -> None:
    decoder = StreamDecoder()

    decoder.feed(chunk({"role": "assistant"}) + b'{"error":{"code":"insufficient_user_quota"}}\n')
    decoder.finish()

    assert decoder.failure is not None
    assert decoder.failure.code == "quota_exhausted"


def test_a_named_error_event_is_an_error_whatever_it_says() -> None:
    decoder = StreamDecoder()

    events = decoder.feed(says("so far") + b"event: error\ndata: overheated\n\n")

    assert text_of(events) == "so far"
    assert decoder.failure is not None
    assert (decoder.failure.code, decoder.failure.detail) == ("upstream_failed", "overheated")


def test_the_limits_that_null_errors_name_are_no_errors() -> None:
    events = decode(says("x", error=None, base_resp={"status_code": 0, "status_msg": ""}), DONE)

    assert text_of(events) == "x"


@pytest.mark.parametrize("garbage", [b"data: hello\n\n", b"upstream request failed", b"\x00\xff\n"])
def test_a_stream_of_which_nothing_can_be_read_is_unreadable(garbage: bytes) -> None:
    with pytest.raises(AnswerUnusable) as caught:
        decode(garbage)

    assert caught.value.code == "unreadable"


@pytest.mark.parametrize("before", ["\n\n", "\n"])
@pytest.mark.parametrize("after", ["\n\n", "\n"])
def test_done_is_the_end_whichever_newlines_stand_around_it(before: str, after: str) -> None:
    stream = (
        says("x", finish="stop").removesuffix(b"\n\n") + f"{before}data: [DONE]{after}".encode()
    )
    decoder = StreamDecoder()

    events = decoder.feed(stream)

    assert decoder.ended
    assert (text_of(events), end_of(events)) == ("x", Ended("stop", 1))


def test_an_answer_that_never_ends_is_cut_at_its_limit() -> None:
    decoder = StreamDecoder(longest_text=10)

    events = decoder.feed(says("12345678") + says("90123"))

    assert text_of(events) == "1234567890"
    assert decoder.failure is not None
    assert decoder.failure.code == "too_long"


def test_thinking_counts_towards_the_limit() -> None:
    decoder = StreamDecoder(longest_text=10)

    decoder.feed(chunk({"reasoning": "x" * 11}))

    assert decoder.failure is not None
