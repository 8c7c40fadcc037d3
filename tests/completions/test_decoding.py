"""The quirks of real streams, one promise each."""

import json
from typing import Any

import pytest

from chat.completions.decoding import StreamDecoder, decode_answer
from chat.completions.errors import AnswerUnusable
from chat.completions.events import Ended, Identified, Reasoning, Text, Usage
from tests.completions.streams import (
    DONE,
    chunk,
    decode,
    end_of,
    event,
    identity_of,
    reasoning_of,
    says,
    seed_stream,
    seed_text,
    text_of,
    usage,
    usage_of,
)
from tests.upstream.scripts import SEED

SEED_USAGE = Usage(
    prompt_tokens=13,
    completion_tokens=1891,
    total_tokens=1904,
    cached_tokens=0,
    prompt_text_tokens=13,
    prompt_audio_tokens=0,
    prompt_image_tokens=0,
    completion_text_tokens=0,
    completion_audio_tokens=0,
    reasoning_tokens=1480,
    input_tokens=0,
    output_tokens=0,
    raw=SEED["usage"],
)


def test_the_documented_answer_is_decoded_with_all_its_figures() -> None:
    assert decode_answer(json.dumps(SEED).encode()) == [
        Identified(
            "chatcmpl-20251010015944503180122WJNB8Eid",
            "Gemini-3.0-pro",
            "chat.completion",
            1760032810,
        ),
        Text(seed_text()),
        SEED_USAGE,
        Ended("stop", 1),
    ]


def test_the_documented_answer_is_the_same_as_a_stream() -> None:
    events = decode(seed_stream())

    assert events == [
        Identified(SEED["id"], "Gemini-3.0-pro", "chat.completion.chunk", 1760032810),
        Reasoning("Hm."),
        Text(seed_text()),
        SEED_USAGE,
        Ended("stop", 1),
    ]


def test_it_does_not_matter_where_the_reads_are_cut() -> None:
    stream = (
        chunk({"role": "assistant", "content": ""})
        + b"data: "
        + '{"choices":[{"delta":{"content":"<think>hm\u2028"}}]}\r\n\r\n'.encode()
        + says("ñ</think>\n\nGrüße 🎉")
        + chunk({}, finish="stop")
        + usage(prompt_tokens=3, completion_tokens=4, total_tokens=7)
        + DONE
    )
    whole = decode(stream)

    for at in range(len(stream)):
        events = decode(stream[:at], stream[at:])
        assert (text_of(events), reasoning_of(events)) == ("Grüße 🎉", "hm\u2028ñ")
        assert usage_of(events) == usage_of(whole)
        assert end_of(events) == Ended("stop", 1)
    single_bytes = decode(*[stream[at : at + 1] for at in range(len(stream))])
    assert text_of(single_bytes) == "Grüße 🎉"


def test_the_texts_of_one_read_are_one_event() -> None:
    decoder = StreamDecoder()

    assert decoder.feed(says("a") + says("b") + says("c"))[1:] == [Text("abc")]


@pytest.mark.parametrize(
    "silence",
    [
        event({"choices": []}),
        event({"choices": None}),
        event({"choices": "x"}),
        event({"choices": [None, 7, "x"]}),
        event({"id": "c-1"}),
        chunk(None),
        chunk({}),
        chunk("x"),
        chunk([1]),
        event({"choices": [{}]}),
        says(None),
        says(""),
        says(7),
        says(True),
        says({}),
        says([]),
        says([None, 1, {}, {"type": "reference", "ids": [1]}]),
        chunk({"role": "assistant"}),
        chunk({"role": ""}),
        chunk({"tool_calls": [{"function": {"name": "f"}}]}),
        event(None),
        event(7),
        event([]),
        event("text"),
        b"data: : OPENROUTER PROCESSING\n\n",
        b'data: {"choices": [{"delta"\n\n',
        b"data: [" * 5000 + b"\n\n",
        b": x-request-cost=0.1\n\n",
    ],
)
def test_what_says_nothing_changes_nothing(silence: bytes) -> None:
    stream = [silence, says("Good "), silence, says("morning"), silence]

    events = decode(*stream, chunk({}, finish="stop"), silence, DONE)

    assert text_of(events) == "Good morning"
    assert end_of(events).finish_reason == "stop"


def test_invalid_text_is_replaced_rather_than_refused() -> None:
    raw = b'data: {"choices":[{"delta":{"content":"a\xff\xedb"}}]}\n\n'
    escaped = b'data: {"choices":[{"delta":{"content":"\\ud800c\\u0000d\\udc00"}}]}\n\n'

    text = text_of(decode(raw, escaped, DONE))

    assert text == "a\ufffd\ufffdb\ufffdc\ufffdd\ufffd"
    assert text.encode()


def test_events_with_one_newline_between_them_are_read_all_the_same() -> None:
    stream = (says("a") + says("b")).replace(b"\n\n", b"\n")

    assert text_of(decode(stream, DONE)) == "ab"


def test_an_event_in_several_data_lines_is_joined() -> None:
    pretty = json.dumps({"choices": [{"delta": {"content": "x"}}]}, indent=1)

    assert (
        text_of(decode("".join(f"data: {line}\n" for line in pretty.split("\n")).encode())) == "x"
    )


def test_ids_wait_until_they_are_known_and_come_once() -> None:
    first = event({"id": "", "model": "", "choices": [], "prompt_filter_results": []})
    second = event({"id": "c-9", "model": "m" * 999, "created": "now", "object": 7, "choices": []})

    events = decode(first, second, second, says("x"))

    assert identity_of(events) == Identified("c-9", "m" * 255, None, None)


def test_a_model_that_is_named_after_the_id_is_heard_of_too() -> None:
    events = decode(event({"id": "c", "model": ""}), event({"id": "c", "model": "gpt"}), says("x"))

    found = [event for event in events if isinstance(event, Identified)]
    assert [(event.id, event.model) for event in found] == [("c", None), ("c", "gpt")]


@pytest.mark.parametrize("created", [1760032810, 1760032810.0, 1760032810.75])
@pytest.mark.parametrize("unusual", [{}, {"detail": []}])
def test_a_date_is_one_in_fractions_too(created: float, unusual: dict[str, Any]) -> None:
    events = decode(event({"id": "c", "created": created, "choices": [], **unusual}))

    assert identity_of(events) == Identified("c", None, None, 1760032810)


def test_a_whole_message_after_its_pieces_is_not_said_twice() -> None:
    whole = event({"choices": [{"message": {"content": "Good morning"}, "finish_reason": "stop"}]})

    assert text_of(decode(says("Good "), says("morning"), whole)) == "Good morning"
    assert text_of(decode(whole)) == "Good morning"


@pytest.mark.parametrize(
    "answer",
    [
        {"choices": [{"message": {"content": "x", "reasoning_content": "hm"}}]},
        {"choices": [{"message": {"content": [{"type": "text", "text": "x"}], "reasoning": "hm"}}]},
        {"choices": [{"message": {"content": "<think>hm</think>x"}}]},
        {"choices": [{"delta": {"content": "x", "thinking": "hm"}}]},
        {"choices": [{"message": {"refusal": "x", "content": None, "reasoning": "hm"}}]},
    ],
)
def test_a_plain_answer_has_the_same_quirks(answer: dict[str, Any]) -> None:
    events = decode_answer(b"\xef\xbb\xbf \n" + json.dumps(answer).encode())

    assert (text_of(events), reasoning_of(events)) == ("x", "hm")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"7", b'{"status":"ok"}', b"{"])
def test_json_of_something_else_is_no_answer(body: bytes) -> None:
    with pytest.raises(AnswerUnusable) as caught:
        decode_answer(body)

    assert caught.value.code == "unreadable"


def test_an_answer_without_choices_is_empty_rather_than_unreadable() -> None:
    assert end_of(decode_answer(b'{"id":"c","choices":null}')) == Ended(None, 0)
