"""What one chunk may hold: parts, thinking under many names, choices, calls of tools."""

from typing import Any

import pytest

from chat.completions.decoding import StreamDecoder
from chat.completions.events import Ended
from tests.completions.streams import (
    DONE,
    chunk,
    decode,
    end_of,
    event,
    reasoning_of,
    says,
    text_of,
)


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


def test_the_role_may_stand_beside_every_piece() -> None:
    pieces = [chunk({"role": "assistant", "content": text}) for text in ("Good ", "morning")]

    assert text_of(decode(*pieces, DONE)) == "Good morning"


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
