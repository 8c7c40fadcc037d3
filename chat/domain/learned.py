"""What the ledger teaches of a model: how characters and time become tokens, and how far off an
estimate would have been where the figures came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from chat.completions.families import family_of
from chat.domain.estimates import ROUGH, Attempt, Habits, Spread
from chat.enums import Grain, Source
from chat.models import Completion, Total

# So many of the newest rows are learned from; fewer than the least teach nothing.
MOST, LEAST = 200, 20
# Below it a ratio is mostly what stands around the words.
ENOUGH_CHARACTERS = 40
# Seconds: what came faster came at once, and says nothing of how fast it was written.
LONG_ENOUGH = 0.5


@dataclass(frozen=True, slots=True)
class Error:
    """How estimates would have done for rows whose figures came, learned from those before."""

    model: str
    habits: Habits
    rows: int
    # How far the likely output lies from the true one, as a share of it: the median.
    off: float
    # How many of the true figures lie within the bounds, prompt and output.
    within: int

    @property
    def percent_off(self) -> float:
        return 100 * self.off


def errors() -> list[Error]:
    """Of each model that has been used and of which enough is known, by name."""
    models = Total.objects.by(Grain.MONTH).values_list("model", flat=True).distinct()
    found = (error_of(model) for model in sorted(models))
    return [error for error in found if error is not None]


def habits_of(model: str) -> Habits:
    """One query, by an index, of a few rows."""
    return _habits(_rows(model, MOST))


def error_of(model: str) -> Error | None:
    """None where there are too few rows to learn from some and try others."""
    rows = _rows(model, 2 * MOST)
    tried, learned = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    if len(learned) < LEAST:
        return None
    habits = _habits(learned)
    outcomes = [_tried(row, habits) for row in tried]
    return Error(
        model=model,
        habits=habits,
        rows=len(tried),
        off=median(off for off, _is_within in outcomes),
        within=sum(is_within for _off, is_within in outcomes),
    )


def _rows(model: str, count: int) -> list[Completion]:
    """The newest first. Those that go on repeat what was there, and are told apart from no other
    by what they cost."""
    rows = Completion.objects.final().filter(
        model_asked=model, source=Source.CHAT, continues_at=0, prompt_characters__isnull=False
    )
    return list(rows.defer("usage").order_by("-started_at")[:count])


def _habits(rows: Sequence[Completion]) -> Habits:
    facts = [(row, _whole(row)) for row in rows]
    return Habits(
        prompt=_spread(
            (row.prompt or 0) / attempt.prompt_size
            for row, attempt in facts
            # Of what is left of a prompt without its pictures nobody says how much that is.
            if attempt.prompt_size and not row.prompt_pictures
        )
        or ROUGH,
        text=_spread(
            _read(row) / attempt.text_characters
            for row, attempt in facts
            if attempt.text_characters >= ENOUGH_CHARACTERS
        )
        or ROUGH,
        thinking=_spread(
            (row.reasoning_tokens or 0) / attempt.before_text
            for row, attempt in facts
            if attempt.before_text and attempt.text_characters
        ),
        speed=_spread(_speeds(rows)),
        rows=len(rows),
    )


def _whole(row: Completion) -> Attempt:
    return Attempt.of(row, heard_at=row.finished_at)


def _read(row: Completion) -> int:
    """Tokens of the text; with the thinking, where the upstream does not tell them apart."""
    return row.output or 0 if row.visible is None else row.visible


def _speeds(rows: Iterable[Completion]) -> Iterable[float]:
    """Of answers that came in pieces."""
    for row in rows:
        if row.first_text_at is not None and row.finished_at is not None:
            took = (row.finished_at - row.first_text_at).total_seconds()
            if took >= LONG_ENOUGH:
                yield _read(row) / took


def _spread(ratios: Iterable[float]) -> Spread | None:
    known = list(ratios)
    return Spread.of(known) if len(known) >= LEAST else None


def _tried(row: Completion, habits: Habits) -> tuple[float, bool]:
    """How far off the output is, as a share, and whether both figures lie in their bounds."""
    attempt = _whole(row)
    family = family_of(row.model_asked)
    output = attempt.output(
        habits, limit=family.most_output(None), max_thinking=family.max_thinking
    )
    prompt, true = attempt.prompt(habits), row.output or 0
    is_within = output.low <= true <= output.high and prompt.low <= (row.prompt or 0) <= prompt.high
    return abs(output.likely - true) / max(true, 1), is_within
