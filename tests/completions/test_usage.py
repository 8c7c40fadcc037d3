"""The upstream's own figures, and what becomes of those that cannot be."""

from typing import Any

import pytest

from chat.completions.events import Ended, Usage
from tests.completions.streams import (
    DONE,
    decode,
    end_of,
    event,
    says,
    text_of,
    usage,
    usage_of,
)


def test_the_last_text_may_come_with_reason_and_usage() -> None:
    figures = {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14}

    events = decode(says("Good "), says("morning", finish="stop", usage=figures), DONE)

    assert text_of(events) == "Good morning"
    assert (found := usage_of(events)) is not None
    assert (found.prompt_tokens, found.completion_tokens) == (12, 2)
    assert end_of(events) == Ended("stop", 1)


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
