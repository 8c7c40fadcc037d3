"""How an invented attempt ends: its times and figures, or what is estimated of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from chat.enums import CompletionState, Fault, Source
from chat.management.invented.team import Model

FAILED, STOPPED, BROKEN = 0.02, 0.03, 0.015
# How many of those that are stopped are read to their end, so that there are figures.
READ_ON = 0.5
# How much of a conversation comes before the question.
MOST_TURNS, TOKENS_A_TURN = 24, 420
# A prompt that has begun as an earlier one did is read from a cache so often, but no short one.
CACHED, SHORTEST_CACHED = 0.7, 1024
# Estimates: how far the likely figure may be off, and its bounds as parts of it.
ERROR, LOW, HIGH = 0.3, 0.6, 3.0
FAULTS = ((429, Fault.RATE_LIMITED), (503, Fault.OVERLOADED), (500, Fault.UPSTREAM_FAILED))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the upstream did. Times are in seconds."""

    prompt: int
    cached: int
    visible: int
    thinking: int
    first_token: float
    took: float

    @property
    def output(self) -> int:
        return self.visible + self.thinking

    def times(self, begun: datetime) -> dict[str, datetime]:
        return {
            "first_token_at": begun + timedelta(seconds=self.first_token),
            "finished_at": begun + timedelta(seconds=self.took),
        }


def outcome(rng: Random, model: Model, *, source: Source, begun: datetime) -> dict[str, Any]:
    """The fields of a row that is closed."""
    chance = rng.random()
    if chance < FAILED:
        return _failed(rng, begun)
    answer = _title(rng, model) if source == Source.TITLE else _answer(rng, model)
    told = answer.times(begun) | {"http_status": 200, "model_answered": model.name}
    if chance < FAILED + STOPPED:
        ended: dict[str, Any] = {"was_stopped": True}
        figures = _final if rng.random() < READ_ON else _estimated
    elif chance < FAILED + STOPPED + BROKEN:
        ended, figures = {"error": Fault.BROKEN}, _estimated
    else:
        ended, figures = {"finish_reason": "stop"}, _final
    return told | ended | figures(rng, answer)


def _answer(rng: Random, model: Model) -> Answer:
    visible = _about(rng, 260, 0.9)
    thinking = _about(rng, visible * model.thinking, 0.7) if model.thinking else 0
    earlier = rng.randrange(MOST_TURNS) * TOKENS_A_TURN
    prompt = _about(rng, 220, 1.3) + earlier
    is_cached = earlier > SHORTEST_CACHED and rng.random() < CACHED
    return _in_time(rng, model, prompt, earlier if is_cached else 0, visible, thinking)


def _title(rng: Random, model: Model) -> Answer:
    return _in_time(rng, model, _about(rng, 320, 0.4), 0, rng.randint(4, 12), 0)


def _in_time(
    rng: Random, model: Model, prompt: int, cached: int, visible: int, thinking: int
) -> Answer:
    first = model.first_token * rng.lognormvariate(0, 0.5)
    took = first + visible / (model.pace * rng.uniform(0.6, 1.2))
    return Answer(prompt, cached, visible, thinking, first, took)


def _about(rng: Random, median: float, sigma: float) -> int:
    return max(1, round(median * math.exp(rng.gauss(0, sigma))))


def _failed(rng: Random, begun: datetime) -> dict[str, Any]:
    status, fault = rng.choice(FAULTS)
    return {
        "state": CompletionState.FAILED,
        "http_status": status,
        "error": fault,
        "finished_at": begun + timedelta(seconds=rng.uniform(0.1, 3)),
    }


def _final(_rng: Random, answer: Answer) -> dict[str, Any]:
    figures = {
        "prompt_tokens": answer.prompt,
        "completion_tokens": answer.output,
        "total_tokens": answer.prompt + answer.output,
    }
    return figures | {
        "state": CompletionState.FINAL,
        "cached_tokens": answer.cached,
        "reasoning_tokens": answer.thinking,
        "usage": figures
        | {
            "prompt_tokens_details": {"cached_tokens": answer.cached},
            "completion_tokens_details": {"reasoning_tokens": answer.thinking},
        },
    }


def _estimated(rng: Random, answer: Answer) -> dict[str, Any]:
    """Of what had come when it broke off."""
    came = answer.thinking + rng.random() * answer.visible
    return (
        {"state": CompletionState.ESTIMATED}
        | _bounds("prompt", answer.prompt * rng.uniform(1 - ERROR, 1 + ERROR))
        | _bounds("output", came * rng.uniform(1 - ERROR, 1 + ERROR))
    )


def _bounds(name: str, likely: float) -> dict[str, int]:
    return {
        f"estimated_{name}": round(likely),
        f"estimated_{name}_low": int(likely * LOW),
        f"estimated_{name}_high": math.ceil(likely * HIGH),
    }
