"""What the end of an answer means. Pure: the same end is always judged the same."""

from dataclasses import dataclass
from enum import StrEnum

from chat.completions.events import Ended


class Outcome(StrEnum):
    COMPLETE = "complete"
    TRUNCATED = "truncated"  # the limit of tokens or of the context cut it
    INTERRUPTED = "interrupted"  # it stopped, and nobody said that it was finished
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`code` is one of the error codes and only there when the outcome is a failure."""

    outcome: Outcome
    code: str | None = None
    finish_reason: str | None = None


_CALLED = frozenset({"tool_calls", "function_call"})
_FINISHED = _CALLED | {"stop", "end_turn", "stop_sequence", "eos", "complete"}
_CUT = frozenset({"length", "max_tokens", "model_context_window_exceeded"})
_FILTERED = frozenset(
    {"content_filter", "sensitive", "safety"}
    | {"recitation", "prohibited_content", "blocklist", "spii"}
)
_FAILED = frozenset({"insufficient_system_resource", "network_error", "error"})


def judge(ended: Ended | None, *, text: bool, reasoning: bool) -> Verdict:
    """Judge an answer by how it ended and whether it has text; `ended` is None if it broke off.

    Thinking alone is no answer: it is billed, and there is nothing to read.
    """
    reason = ended.finish_reason if ended else None
    kind = (reason or "").lower()
    if text:
        return Verdict(_outcome(kind), finish_reason=reason)
    if ended is None:
        return Verdict(Outcome.FAILED, "broken")
    return Verdict(Outcome.FAILED, _code(kind), reason)


def weight(finish_reason: str) -> int:
    """How much a reason tells, of several that one answer gave."""
    kind = finish_reason.lower()
    if kind in _CUT or kind in _FILTERED or kind in _FAILED:
        return 3
    if kind in _CALLED:
        return 2
    return 1 if kind in _FINISHED else 0


def is_cut(finish_reason: str) -> bool:
    """Whether this reason says that a limit of tokens ended the answer."""
    return finish_reason.lower() in _CUT


def is_filtered(finish_reason: str) -> bool:
    """Whether this reason says that the upstream withheld the rest."""
    return finish_reason.lower() in _FILTERED


def _outcome(kind: str) -> Outcome:
    if kind in _FINISHED or kind in _FILTERED:
        return Outcome.COMPLETE
    # `[DONE]` proves nothing: gateways send it after a stall too, without any reason.
    return Outcome.TRUNCATED if kind in _CUT else Outcome.INTERRUPTED


def _code(kind: str) -> str:
    if kind in _FILTERED:
        return "blocked"
    if kind in _FAILED:
        return "upstream_failed"
    return "context_too_long" if kind == "model_context_window_exceeded" else "empty"
