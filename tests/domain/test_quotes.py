"""Errors that quote a prompt, and must not bring it into a log."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.domain.quotes import struck

PROMPT = 'Who is "the  xylophonist"\nof the third orchestra?\tBen says it is Ñandú García.'
LINE = "Who is the xylophonist of the third orchestra?"


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (f"bad_request (400): refused: {LINE}", "bad_request (400): refused: [text]"),
        (f'in "{LINE}" and "{LINE}"', 'in "[text]" and "[text]"'),
        (f"cut: {LINE[:25]}", "cut: [text]"),
        (f"cut: {LINE[:20]}… (70 more)", "cut: [text]… (70 more)"),
        ("rejected near: third orchestra, it seems", "rejected near: [text], it seems"),
        ("…ird orchestra? Ben says…", "…[text]…"),
        (f"loud: {LINE.upper()}!", "loud: [text]!"),
        (f"Invalid: {json.dumps(PROMPT)}", 'Invalid: "[text]"'),
        (f"twice: {json.dumps(json.dumps(PROMPT))}.", 'twice: "\\"[text]\\"".'),
        ("it is \\u00d1and\\u00FA Garc\\u00eda", "[text]"),
        ("İ said BEN SAYS IT IS", "İ said [text]"),
        ("nothing of it", "nothing of it"),
        ("", ""),
    ],
)
def test_a_quoted_prompt_is_struck_wherever_it_is_cut_and_however_it_is_written(
    words: str, left: str
) -> None:
    assert struck(words, ["Earlier", PROMPT]) == left


def test_every_text_is_struck() -> None:
    words = f"first {LINE} then A system prompt of some length"

    left = struck(words, ["A system prompt of some length", PROMPT])

    assert left == "first [text] then [text]"


def test_ordinary_words_are_not_taken_for_a_quote() -> None:
    words = "model_not_found (404): no such model"

    assert struck(words, ["no such", "model", "a", "", "   "]) == words


@given(words=st.text('ab []texİ"\\nu0130', max_size=200), texts=st.lists(st.text("ab []tex")))
def test_striking_always_ends(words: str, texts: list[str]) -> None:
    assert len(struck(words, texts)) <= len(words)


@given(before=st.text(max_size=20), prompt=st.text(min_size=1), after=st.text(max_size=20))
def test_no_quote_of_a_whole_prompt_is_left(before: str, prompt: str, after: str) -> None:
    letters = "".join(letter for letter in prompt if letter.isalnum() and letter.isascii())

    left = struck(f"{before} {letters} {after}", [letters])

    assert len(letters) < 10 or letters not in left


def test_a_long_prompt_is_looked_through_at_once() -> None:
    prompt = " ".join(str(number) for number in range(34_000))
    words = "bad_request (400): This request is invalid; see the documentation for what is valid"
    began = time.process_time()

    assert struck(words, [prompt]) == words

    assert len(prompt) > 190_000
    assert time.process_time() - began < 0.25
