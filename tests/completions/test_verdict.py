import pytest

from chat.completions.errors import CODES
from chat.completions.events import Ended
from chat.completions.verdict import Outcome, Verdict, judge


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("stop", Outcome.COMPLETE),
        ("STOP", Outcome.COMPLETE),
        ("tool_calls", Outcome.COMPLETE),
        ("function_call", Outcome.COMPLETE),
        ("content_filter", Outcome.COMPLETE),
        ("sensitive", Outcome.COMPLETE),
        ("RECITATION", Outcome.COMPLETE),
        ("PROHIBITED_CONTENT", Outcome.COMPLETE),
        ("length", Outcome.TRUNCATED),
        ("model_context_window_exceeded", Outcome.TRUNCATED),
        ("insufficient_system_resource", Outcome.INTERRUPTED),
        ("network_error", Outcome.INTERRUPTED),
        ("error", Outcome.INTERRUPTED),
        ("never heard of", Outcome.INTERRUPTED),
        (None, Outcome.INTERRUPTED),
    ],
)
@pytest.mark.parametrize("reasoning", [True, False])
def test_text_is_judged_by_how_it_ended(
    reason: str | None, outcome: Outcome, reasoning: bool
) -> None:
    verdict = judge(Ended(reason, 1), text=True, reasoning=reasoning)

    assert verdict == Verdict(outcome, None, reason)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("stop", "empty"),
        ("length", "empty"),
        ("tool_calls", "empty"),
        (None, "empty"),
        ("never heard of", "empty"),
        ("content_filter", "blocked"),
        ("sensitive", "blocked"),
        ("BLOCKLIST", "blocked"),
        ("spii", "blocked"),
        ("insufficient_system_resource", "upstream_failed"),
        ("network_error", "upstream_failed"),
        ("error", "upstream_failed"),
        ("model_context_window_exceeded", "context_too_long"),
    ],
)
@pytest.mark.parametrize("reasoning", [True, False])
def test_without_text_it_is_a_failure_and_thinking_is_no_text(
    reason: str | None, code: str, reasoning: bool
) -> None:
    verdict = judge(Ended(reason, 1), text=False, reasoning=reasoning)

    assert verdict == Verdict(Outcome.FAILED, code, reason)
    assert code in CODES


@pytest.mark.parametrize("reasoning", [True, False])
def test_an_answer_that_broke_off_is_interrupted_if_there_is_any_of_it(reasoning: bool) -> None:
    assert judge(None, text=True, reasoning=reasoning) == Verdict(Outcome.INTERRUPTED)
    assert judge(None, text=False, reasoning=reasoning) == Verdict(Outcome.FAILED, "broken")
