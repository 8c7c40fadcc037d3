"""What the next request would have, from what the last one had."""

from __future__ import annotations

from typing import Any

from chat.domain import next_request
from chat.enums import CompletionState, Role
from chat.models import Completion, Message


def after(text: str = "An answer", **figures: Any) -> next_request.NextRequest:
    known: dict[str, Any] = {"state": CompletionState.FINAL, "model_asked": "Gemini-3.0-pro"}
    return next_request.after(
        Message(role=Role.ASSISTANT, text=text), Completion(**known | figures)
    )


def test_it_is_what_the_last_one_had_and_what_was_answered() -> None:
    found = after(
        prompt_characters=5968,
        prompt_messages=2,
        prompt_tokens=1500,
        completion_tokens=900,
        total_tokens=2400,
        reasoning_tokens=700,
    )

    assert (found.history, found.tokens_a_character, found.off) == (1700, 0.25, 10)
    assert found.about == 1700


def test_thinking_counts_where_it_is_sent_back() -> None:
    figures: dict[str, Any] = {
        "prompt_tokens": 1500,
        "completion_tokens": 900,
        "reasoning_tokens": 700,
    }

    assert after(model_asked="deepseek-v4-pro", **figures).history == 2400


def test_what_failed_is_reckoned_from_its_characters() -> None:
    found = after("", state=CompletionState.FAILED, prompt_characters=7984, prompt_messages=1)

    assert (found.history, found.off) == (2000, 25)


def test_little_is_not_told() -> None:
    assert after(prompt_tokens=100, completion_tokens=20).about is None
    assert after(prompt_tokens=123_456, completion_tokens=0, reasoning_tokens=0).about == 120_000


def test_of_the_first_what_is_known_is_its_system_prompt() -> None:
    found = next_request.first("x" * 7984)

    assert (found.history, found.tokens_a_character, found.off) == (2000, 0.25, 25)
    assert next_request.first("").about is None
