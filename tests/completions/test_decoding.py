"""The quirks of real streams, one promise each."""

import json
from typing import Any

import pytest

from chat.completions.decoding import StreamDecoder, decode_answer
from chat.completions.errors import AnswerBroken, AnswerUnusable, CompletionError
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


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab", ""),
        (["a", "b"], "ab", ""),
        ({"type": "text", "text": "a"}, "a", ""),
        (
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": "a"},
            ],
            "a",
            "hm",
        ),
        ([{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}], "ab", ""),
        (
            [
                {"type": "text", "text": "a"},
                {"type": "reference", "text": "REF"},
                {"type": "tool_reference", "content": "REF2"},
                {"type": 7, "text": "REF3"},
            ],
            "a",
            "",
        ),
        ([{"type": "reasoning.text", "text": "h"}, {"type": "thought", "text": "m"}], "", "hm"),
        ([{"type": "reasoning_text", "text": "hm"}, {"type": "", "text": "a"}], "a", "hm"),
        ([{"thought": True, "text": "hm"}, {"thought": False, "text": "a"}], "a", "hm"),
    ],
)
def test_content_may_be_a_list_of_parts(content: Any, text: str, reasoning: str) -> None:
    events = decode(says(content), DONE)

    assert (text_of(events), reasoning_of(events)) == (text, reasoning)


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"reasoning_content": "hm", "reasoning": "hm"},
        {"reasoning_content": None, "reasoning": "hm"},
        {"thinking": "hm"},
        {"thinking": {"content": "hm"}},
        {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]},
        {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
    ],
)
def test_thinking_counts_once_under_whichever_names_it_comes(delta: dict[str, Any]) -> None:
    events = decode(chunk(delta), says("yes"), DONE)

    assert (reasoning_of(events), text_of(events)) == ("hm", "yes")


@pytest.mark.parametrize("tag", ["think", "thinking", "thought"])
def test_thinking_in_tags_is_no_part_of_the_text_wherever_the_chunks_are_cut(tag: str) -> None:
    content = f"\n<{tag}>a < b </{tag[:3]} c</{tag}>\n\nThe answer: <{tag}>"

    for at in range(len(content) + 1):
        events = decode(says(content[:at]), says(content[at:]), DONE)
        assert reasoning_of(events) == f"a < b </{tag[:3]} c"
        assert text_of(events) == f"The answer: <{tag}>"


@pytest.mark.parametrize(
    "content", ["Use <think>.", "<b>bold</b>", "<", "<thin", "  <thinker>", " \n", "<THINK>"]
)
def test_an_answer_that_only_mentions_such_tags_is_untouched(content: str) -> None:
    for at in range(len(content) + 1):
        events = decode(says(content[:at]), says(content[at:]), DONE)
        assert (text_of(events), reasoning_of(events)) == (content, "")


def test_blanks_before_the_answer_are_not_held_back_for_ever() -> None:
    decoder = StreamDecoder(longest_text=100)

    events = [event for _ in range(70) for event in decoder.feed(says("\n"))]
    decoder.feed(says("\n") * 31)

    assert text_of(events) == "\n" * 70
    assert decoder.failure is not None
    assert decoder.failure.code == "too_long"


def test_thinking_that_never_ends_is_no_text() -> None:
    events = decode(says("<think>hm"), says(" and </thi"), chunk({}, finish="length"), DONE)

    assert (text_of(events), reasoning_of(events)) == ("", "hm and </thi")


def test_only_the_first_choice_is_shown_and_all_are_counted() -> None:
    choices = [
        {"index": 1, "delta": {"content": "no"}, "finish_reason": "length"},
        {"index": 0, "delta": {"content": "yes"}, "finish_reason": "stop"},
    ]

    events = decode(event({"id": "c", "choices": choices}), DONE)

    assert text_of(events) == "yes"
    assert end_of(events) == Ended("stop", 2)


@pytest.mark.parametrize("index", [-1, 1, None, "0"])
def test_an_only_choice_is_shown_whatever_its_number(index: Any) -> None:
    pieces = [
        event({"id": "c", "choices": [{"index": index, "delta": {"content": text}}]})
        for text in ("a", "b")
    ]

    events = decode(*pieces, DONE)

    assert text_of(events) == "ab"
    assert end_of(events).choices == 1


@pytest.mark.parametrize("unusual", [{}, {"detail": []}])
def test_choices_without_a_number_are_told_apart_by_their_place(unusual: dict[str, Any]) -> None:
    choices = [{"delta": {"content": "a"}}, {"delta": {"content": "b"}}]

    events = decode(event({"id": "c", "choices": choices, **unusual}), DONE)

    assert text_of(events) == "a"
    assert end_of(events).choices == 2


@pytest.mark.parametrize("choice", [{}, 1, {"index": 0, "delta": {"content": "x"}}])
def test_a_chunk_with_absurdly_many_choices_is_unreadable(choice: Any) -> None:
    decoder = StreamDecoder()

    events = decoder.feed(says("so far") + event({"choices": [choice] * 129}))

    assert text_of(events) == "so far"
    assert decoder.failure is not None
    assert decoder.failure.code == "unreadable"


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


def test_the_role_may_stand_beside_every_piece() -> None:
    pieces = [chunk({"role": "assistant", "content": text}) for text in ("Good ", "morning")]

    assert text_of(decode(*pieces, DONE)) == "Good morning"


def test_the_last_text_may_come_with_reason_and_usage() -> None:
    figures = {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14}

    events = decode(says("Good "), says("morning", finish="stop", usage=figures), DONE)

    assert text_of(events) == "Good morning"
    assert (found := usage_of(events)) is not None
    assert (found.prompt_tokens, found.completion_tokens) == (12, 2)
    assert end_of(events) == Ended("stop", 1)


@pytest.mark.parametrize(
    "calls",
    [
        [[{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]],
        [[{"id": "a", "function": {"name": "f"}}], [{"id": "b", "function": {"name": "g"}}]],
        [[{"index": 0, "id": "a"}], [{"index": 0, "function": {"arguments": '{"x":'}}], [None, 7]],
        [[{"id": "a", "extra_content": {"google": {"thought_signature": "c2ln"}}}]],
        ["f"],
    ],
)
def test_calls_of_tools_are_silent_and_end_with_their_reason(calls: list[Any]) -> None:
    pieces = [chunk({"tool_calls": call}) for call in calls]
    function = chunk({"function_call": {"name": "f", "arguments": "{}"}, "content": None})
    ends = [chunk({}, finish="tool_calls")] * 2

    events = decode(says("Let me see."), *pieces, function, *ends, DONE)

    assert (text_of(events), reasoning_of(events)) == ("Let me see.", "")
    assert end_of(events) == Ended("tool_calls", 1)


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


def test_usage_is_replaced_and_never_summed() -> None:
    running = [
        says("x", usage={"prompt_tokens": 5, "completion_tokens": n, "total_tokens": 5 + n})
        for n in (1, 2, 3)
    ]

    events = decode(*running, says("y", usage=None), DONE)

    assert [e.completion_tokens for e in events if isinstance(e, Usage)] == [1, 2, 3]
    last = usage_of(events)
    assert last is not None
    assert (last.prompt_tokens, last.completion_tokens, last.total_tokens) == (5, 3, 8)


def test_one_read_brings_one_usage() -> None:
    events = decode(usage(prompt_tokens=1) + usage(prompt_tokens=2) + usage(prompt_tokens=0))

    assert [e.prompt_tokens for e in events if isinstance(e, Usage)] == [2]


@pytest.mark.parametrize(
    "figures",
    [
        {},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": None},
        {"prompt_tokens": -1, "completion_tokens": "12", "total_tokens": 1.5},
        {"prompt_tokens": True, "completion_tokens": 2**60},
        {"input_tokens": 5, "output_tokens": 6},
        {"prompt_tokens": [1], "completion_tokens": {}},
    ],
)
def test_figures_that_count_nothing_are_no_usage(figures: dict[str, Any]) -> None:
    assert usage_of(decode(says("x"), usage(**figures), DONE)) is None
    assert usage_of(decode(says("x"), event({"choices": [], "usage": [1]}), DONE)) is None


def test_absurd_details_do_not_spoil_good_figures() -> None:
    found = usage_of(
        decode(
            usage(
                prompt_tokens=5,
                completion_tokens=-3,
                total_tokens=9,
                prompt_tokens_details="many",
                completion_tokens_details={"reasoning_tokens": 1e3, "text_tokens": "4"},
                input_tokens_details=None,
            )
        )
    )

    assert found is not None
    assert (found.prompt_tokens, found.completion_tokens, found.total_tokens) == (5, None, 9)
    assert found.reasoning_tokens is None
    assert found.raw["prompt_tokens_details"] == "many"


def test_the_raw_usage_can_always_be_stored() -> None:
    stream = (
        b'data: {"choices":[],"usage":{"prompt_tokens":1,"x\\u0000":"\\u0000\\ud800","y":NaN}}\n\n'
    )

    found = usage_of(decode(stream))

    assert found is not None
    assert found.raw == {"prompt_tokens": 1, "x\ufffd": "\ufffd\ufffd", "y": None}
    huge = usage_of(decode(usage(prompt_tokens=1, x="y" * 100_000)))
    assert huge is not None
    assert huge.raw == {}


def test_deepseeks_cache_hits_are_cached_tokens() -> None:
    found = usage_of(
        decode(usage(prompt_tokens=9, prompt_cache_hit_tokens=4, prompt_cache_miss_tokens=5))
    )

    assert found is not None
    assert found.cached_tokens == 4


@pytest.mark.parametrize(
    ("prompt", "completion", "total", "output"),
    [
        (13, 1891, 1904, 1891),
        (504, 2, 526, 22),
        (10, 0, 70, 60),
        (10, None, 70, 60),
        (10, 5, 10, 5),
        (10, 5, None, 5),
        (None, 5, 70, 5),
        (10, 5, 3, 5),
        (10, None, 3, None),
        (10, None, 10, None),
        (10, 0, 10, 0),
        (None, None, 70, None),
    ],
)
def test_output_is_the_largest_account(
    prompt: int | None, completion: int | None, total: int | None, output: int | None
) -> None:
    assert Usage(prompt, completion, total).output == output


def test_thinking_that_is_counted_beside_the_answer_is_output_too() -> None:
    assert Usage(completion_tokens=0, reasoning_tokens=60).output == 60


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


def test_invalid_text_is_replaced_rather_than_refused() -> None:
    raw = b'data: {"choices":[{"delta":{"content":"a\xff\xedb"}}]}\n\n'
    escaped = b'data: {"choices":[{"delta":{"content":"\\ud800c\\u0000d\\udc00"}}]}\n\n'

    text = text_of(decode(raw, escaped, DONE))

    assert text == "a\ufffd\ufffdb\ufffdc\ufffdd\ufffd"
    assert text.encode()


def test_events_with_one_newline_between_them_are_read_all_the_same() -> None:
    stream = (says("a") + says("b")).replace(b"\n\n", b"\n")

    assert text_of(decode(stream, DONE)) == "ab"


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
