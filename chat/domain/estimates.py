"""How many tokens a completion took when the upstream did not say, with bounds.

What evoweb knows of such an attempt are its characters and its times. What those mean in tokens is
a habit of the model: learned from the rows whose figures came (`domain.learned`), and rough where
there are not enough of these yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor
from statistics import median

from chat.completions.families import family_of
from chat.models import Completion

# Characters of plain Latin text a token, for what is to be rather too many tokens than too few.
CLOSE = 3
# What a message costs beside its text, its role and separators: in tokens at most, and usually as
# much as so many characters.
PER_MESSAGE = 8
MESSAGE_CHARACTERS = 16
# How far an upstream may be ahead of what has arrived, in seconds: usually, and at most.
AHEAD, FAR_AHEAD = 0.2, 3.0
# Bounds are as wide as anything that was seen, and by so much wider.
WIDER = 1.25
# Tokens that no ratio which was learned explains: of short texts they are most.
SLACK = 16


def prompt_tokens(texts: Iterable[str]) -> int:
    """About how many tokens these messages have, rather too many than too few."""
    tokens = 0
    for text in texts:
        ascii_ = len(text.encode("ascii", "ignore"))
        tokens += -(-ascii_ // CLOSE) + (len(text) - ascii_) + PER_MESSAGE
    return tokens


@dataclass(frozen=True, slots=True)
class Estimate:
    """A likely number of tokens and the bounds that the true one should lie in."""

    likely: int
    low: int
    high: int

    def known(self, figure: int | None) -> Estimate:
        """The figure itself, where there is one."""
        return self if figure is None else Estimate(figure, figure, figure)

    def at_least(self, figure: int | None) -> Estimate:
        """The same, raised to a figure that is a part of the whole."""
        if figure is None:
            return self
        return Estimate(
            likely=max(self.likely, figure), low=max(self.low, figure), high=max(self.high, figure)
        )


@dataclass(frozen=True, slots=True)
class Spread:
    """A ratio as it usually is, and the least and the most that it may be."""

    likely: float
    low: float
    high: float
    # Tokens beside the ratio, either way.
    slack: int = 0

    @classmethod
    def of(cls, ratios: Sequence[float]) -> Spread:
        return cls(median(ratios), min(ratios) / WIDER, max(ratios) * WIDER, slack=SLACK)

    def least(self, size: float) -> float:
        return size * self.low - self.slack

    def most(self, size: float) -> float:
        return size * self.high + self.slack


# A token has four characters in most prose; six in long plain words; one in Chinese, emoji, noise.
ROUGH = Spread(1 / 4, 1 / 6, 1)


@dataclass(frozen=True, slots=True)
class Habits:
    """What a model makes of characters and of time. Of thinking and speed nothing is known where
    nothing was learned."""

    # Tokens a character.
    prompt: Spread = ROUGH
    text: Spread = ROUGH
    # Tokens a second: before the first text, and from then on.
    thinking: Spread | None = None
    speed: Spread | None = None
    # From how many rows.
    rows: int = 0

    @property
    def characters_a_token(self) -> float | None:
        return 1 / self.text.likely if self.text.likely else None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is known of an attempt without its figures."""

    prompt_characters: int
    prompt_messages: int
    text_characters: int
    # Thinking that was shown; where its speed is known, what it took is told by the time.
    thought_characters: int
    # Seconds until the first text, or without one until the end.
    before_text: float
    # What the pictures in it may count for at the most, in tokens; they have no characters.
    picture_tokens: int = 0
    # Seconds of which nothing was heard at the end.
    silent: float = 0.0
    # Whether the upstream had begun to answer. If not it may never have worked: then low is zero.
    is_begun: bool = True

    @classmethod
    def of(
        cls,
        row: Completion,
        *,
        heard_at: datetime | None,
        is_begun: bool = True,
        thought_characters: int = 0,
    ) -> Attempt:
        """Of a row that ends. Where nobody knows when something was heard last, its whole time
        may have been silent."""
        ended = row.finished_at or row.started_at
        # Whoever finds the row of a process that is gone knows when something was first shown.
        shown = row.first_token_at if row.text_characters else None
        before = (row.first_text_at or shown or ended) - row.started_at
        silence = ended - (heard_at or row.started_at)
        return cls(
            prompt_characters=row.prompt_characters or 0,
            prompt_messages=row.prompt_messages or 0,
            picture_tokens=(row.prompt_pictures or 0) * family_of(row.model_asked).image_tokens,
            text_characters=row.text_characters or 0,
            thought_characters=thought_characters,
            before_text=max(0.0, before.total_seconds()),
            silent=max(0.0, silence.total_seconds()),
            is_begun=is_begun,
        )

    @property
    def prompt_size(self) -> int:
        """In characters, with what stands between messages."""
        return self.prompt_characters + MESSAGE_CHARACTERS * self.prompt_messages

    def prompt(self, habits: Habits) -> Estimate:
        size, spread, pictures = self.prompt_size, habits.prompt, self.picture_tokens
        return _ordered(
            size * spread.likely + pictures / 2,
            low=spread.least(size) if self.is_begun else 0,
            high=spread.most(size) + pictures,
        )

    def output(self, habits: Habits, *, limit: int | None, max_thinking: int) -> Estimate:
        """What was read, and above it the thinking and the undelivered text that is billed too.

        `limit` is how much the answer may have at all, `max_thinking` how much may be thought.
        """
        text, thinking, speed = habits.text, habits.thinking, habits.speed
        likely = self.text_characters * text.likely
        low, high = text.least(self.text_characters), text.most(self.text_characters)
        if thinking is None:
            likely += self.thought_characters * ROUGH.likely
            low += ROUGH.least(self.thought_characters)
            high += ROUGH.most(self.thought_characters) + max_thinking
        else:
            likely += self.before_text * thinking.likely
            low += thinking.least(self.before_text)
            high += min(thinking.most(self.before_text), max_thinking)
        if speed is not None:
            likely += AHEAD * speed.likely if self.text_characters else 0
            high += speed.most(self.silent + FAR_AHEAD)
        if limit is not None:
            high = min(high, limit)
        return _ordered(likely, low=low if self.is_begun else 0, high=high)


def _ordered(likely: float, *, low: float, high: float) -> Estimate:
    middle = ceil(likely)
    return Estimate(
        likely=middle, low=min(max(0, floor(low)), middle), high=max(ceil(high), middle)
    )
