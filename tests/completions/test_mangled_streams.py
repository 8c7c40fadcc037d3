"""Whatever becomes of a stream on its way, it is answered with events or our own errors."""

import contextlib
import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.completions.decoding import StreamDecoder, decode_answer
from chat.completions.errors import CompletionError
from chat.completions.events import CompletionEvent, Ended
from chat.completions.payloads import read_chunk
from tests.completions.streams import (
    DONE,
    chunk,
    decode,
    end_of,
    event,
    reasoning_of,
    says,
    seed_stream,
    seed_text,
    text_of,
    usage,
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("choices", "delta", "message", "content", "text", "type", "index", "error"),
                    *("usage", "prompt_tokens", "completion_tokens_details", "reasoning_tokens"),
                    *("finish_reason", "reasoning", "reasoning_details", "thinking", "code"),
                    *("base_resp", "status_code", "detail", "metadata", "raw", "id", "created"),
                ]
            ),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[begin:end] for begin, end in zip(bounds, bounds[1:], strict=False)]


def collect(*reads: bytes) -> tuple[list[CompletionEvent], CompletionError | None]:
    """The events up to the end or the failure, which must be one of ours."""
    decoder = StreamDecoder()
    events: list[CompletionEvent] = []
    for read in reads:
        events += decoder.feed(read)
        if decoder.failure:
            return events, decoder.failure
    events += decoder.finish()
    return events, decoder.failure


def is_storable(text: str) -> bool:
    return "\0" not in text and text.encode("utf-8", "replace").decode() == text


@given(st.lists(st.integers(min_value=0), max_size=12))
def test_cutting_a_stream_changes_nothing(places: list[int]) -> None:
    events, failure = collect(*cut(seed_stream(), places))

    assert failure is None
    assert text_of(events) == seed_text()
    assert reasoning_of(events) == "Hm."
    assert end_of(events) == Ended("stop", 1)


@given(st.integers(min_value=0))
def test_a_stream_that_breaks_off_gives_a_beginning_of_the_text(place: int) -> None:
    stream = seed_stream()

    decoder = StreamDecoder()
    events = decoder.feed(stream[: place % len(stream)])

    assert seed_text().startswith(text_of(events))


@given(
    st.lists(st.text(max_size=8), max_size=8),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(min_value=0), max_size=8),
    st.booleans(),
)
@example(["a\u2028b", "\x85", "\x0b"], "\r\n", [7, 50], False)
def test_every_text_arrives_as_it_was_written(
    pieces: list[str], newline: str, places: list[int], is_escaped: bool
) -> None:
    documents = [{"choices": [{"delta": {"content": piece}}]} for piece in ["|", *pieces]]
    lines = [f"data: {json.dumps(d, ensure_ascii=is_escaped)}" for d in documents]
    stream = (newline * 2).join([*lines, "data: [DONE]", ""]).encode("utf-8", "surrogatepass")

    events, failure = collect(*cut(stream, places))

    assert failure is None
    assert text_of(events) == "|" + "".join(pieces).replace("\0", "\ufffd")


@settings(max_examples=200)
@given(st.lists(anything, max_size=6), st.lists(st.integers(min_value=0), max_size=4))
def test_no_json_leads_out_of_the_tree_of_errors(documents: list[Any], places: list[int]) -> None:
    stream = says("before") + b"".join(event(document) for document in documents) + DONE

    events, _ = collect(*cut(stream, places))

    assert text_of(events).startswith("before")
    assert is_storable(text_of(events))


@settings(max_examples=200)
@given(anything)
def test_no_plain_answer_leads_out_of_the_tree_of_errors(document: Any) -> None:
    with contextlib.suppress(CompletionError):
        assert end_of(decode_answer(json.dumps(document).encode()))


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(min_value=0), st.binary(max_size=3), st.integers(0, 3)), max_size=6
    )
)
def test_no_damage_leads_out_of_the_tree_of_errors(damages: list[tuple[int, bytes, int]]) -> None:
    stream = bytearray(
        chunk({"role": "assistant", "content": ""})
        + says("Good ")
        + says("morning", usage={"prompt_tokens": 1})
        + chunk({}, finish="stop")
        + usage(prompt_tokens=12, completion_tokens=2, total_tokens=14)
        + DONE
    )
    for place, replacement, length in damages:
        at = place % len(stream)
        stream[at : at + length] = replacement

    events, failure = collect(bytes(stream))

    assert is_storable(text_of(events))
    assert failure is not None or end_of(events)


@given(st.binary(max_size=200))
def test_no_bytes_lead_out_of_the_tree_of_errors(noise: bytes) -> None:
    events, failure = collect(noise)

    assert failure is not None or end_of(events)


@given(
    st.dictionaries(st.sampled_from(["content", "reasoning", "role"]), st.text(max_size=3)),
    st.sampled_from([None, "", "stop", "length"]),
    st.none() | st.dictionaries(st.sampled_from(["prompt_tokens"]), st.integers(1, 9)),
)
def test_the_fast_reader_and_the_forgiving_one_agree(
    delta: dict[str, str], finish: str | None, figures: dict[str, int] | None
) -> None:
    ordinary = chunk(delta, finish=finish, usage=figures)
    # An unexpected type in a field that matters to nobody sends the same chunk the other way.
    unusual = chunk(delta, finish=finish, usage=figures, detail=[])

    assert read_chunk(ordinary[6:-2]) is not None
    assert decode(ordinary, DONE) == decode(unusual, DONE)
