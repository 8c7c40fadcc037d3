"""What an answer is made of: the frozen events that decoders yield and everybody else reads."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Identified:
    """How the upstream names this answer. Sent as soon as any of it is known, again with more."""

    id: str | None
    model: str | None
    object: str | None
    created: int | None


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Hidden thinking: billed, never part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """The upstream's own count so far. A later one replaces it; they are never summed."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    prompt_text_tokens: int | None = None
    prompt_audio_tokens: int | None = None
    prompt_image_tokens: int | None = None
    completion_text_tokens: int | None = None
    completion_audio_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def output(self) -> int | None:
        return billed_output(
            prompt=self.prompt_tokens,
            completion=self.completion_tokens,
            total=self.total_tokens,
            reasoning=self.reasoning_tokens,
        )


def billed_output(
    *, prompt: int | None, completion: int | None, total: int | None, reasoning: int | None
) -> int | None:
    """What is billed as output, hidden thinking included; None if no figure tells.

    Some models leave the thinking out of `completion_tokens`, but not out of `total_tokens` or of
    its own figure, so the largest account counts. A total that is no more than the prompt counts
    no output at all, which is not the same as none.
    """
    known = [figure for figure in (completion, reasoning) if figure is not None]
    if prompt is not None and total is not None and total > prompt:
        known.append(total - prompt)
    return max(known, default=None)


@dataclass(frozen=True, slots=True)
class Ended:
    """The body ended as it should, with or without `[DONE]`. Exactly one, and the last event."""

    finish_reason: str | None
    choices: int


CompletionEvent = Identified | Text | Reasoning | Usage | Ended
