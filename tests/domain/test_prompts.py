"""What the upstream is told of a conversation: parameters that survive their storage, and errors
that quote a prompt and must not bring it into a log."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat.completions.request import ChatMessage, CompletionRequest, ImagePart, TextPart
from chat.domain import prompts
from chat.domain.parameters import Parameters

PROMPT = "Who is the  xylophonist\nof the third orchestra?"
LINE = "Who is the xylophonist of the third orchestra?"


def request(*texts: str) -> CompletionRequest:
    messages = tuple(ChatMessage(role="user", content=text) for text in texts)
    return CompletionRequest(model="m", messages=messages)


# Parameters


@given(
    st.builds(
        Parameters,
        stream=st.booleans(),
        max_tokens=st.none() | st.integers(1, 10**7),
        temperature=st.none() | st.floats(0, 2),
        top_p=st.none() | st.floats(0, 1),
        top_k=st.none() | st.integers(1, 10**6),
    )
)
@example(Parameters(temperature=0.0, top_p=0.0))
def test_parameters_come_back_as_they_were_stored(parameters: Parameters) -> None:
    stored = json.loads(json.dumps(parameters.to_json()))

    assert Parameters.from_json(stored) == parameters


def test_nothing_is_stored_of_what_was_not_set() -> None:
    assert Parameters().to_json() == {}


def test_what_a_later_version_stored_is_left_alone() -> None:
    assert Parameters.from_json({"top_k": 5, "seed": 7}) == Parameters(top_k=5)


# Quotes


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (f"bad_request (400): refused: {LINE}", "bad_request (400): refused: [text]"),
        (f'in "{LINE}" and "{LINE}"', 'in "[text]" and "[text]"'),
        (f"cut: {LINE[:25]}", "cut: [text]"),
        (f"cut: {LINE[:20]}… (70 more)", "cut: [text]… (70 more)"),
        ("nothing of it", "nothing of it"),
    ],
)
def test_a_quoted_prompt_is_struck_whole_or_cut(words: str, left: str) -> None:
    assert prompts.struck(words, request("Earlier", PROMPT)) == left


def test_every_text_of_the_request_is_struck() -> None:
    words = f"first {LINE} then A system prompt of some length"

    left = prompts.struck(words, request("A system prompt of some length", PROMPT))

    assert left == "first [text] then [text]"


def test_ordinary_words_are_not_taken_for_a_quote() -> None:
    words = "model_not_found (404): no such model"

    assert prompts.struck(words, request("no such", "model", "a", "", "   ")) == words


def test_the_text_beside_an_image_is_struck_too() -> None:
    parts = (TextPart(text=PROMPT), ImagePart(url="https://example.org/heron.png"))
    asked = CompletionRequest(model="m", messages=(ChatMessage(role="user", content=parts),))

    assert prompts.struck(f"refused: {LINE}", asked) == "refused: [text]"
    assert prompts.characters(asked) == len(PROMPT)


@given(words=st.text("ab []tex", max_size=200), texts=st.lists(st.text("ab []tex"), min_size=1))
def test_striking_always_ends(words: str, texts: list[str]) -> None:
    assert len(prompts.struck(words, request(*texts))) <= len(words)
