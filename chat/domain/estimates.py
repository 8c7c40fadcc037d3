"""How many tokens a completion took when the upstream did not say: rough, with honest bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Characters a token: four in most prose; six in long plain words; one in Chinese, emoji and noise.
LIKELY, SPARSE, DENSE = 4, 6, 1
# Characters of plain Latin text a token, for what is to be rather too many tokens than too few.
CLOSE = 3
# What a message costs beside its text: its role and separators.
PER_MESSAGE = 8


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

    @classmethod
    def of_prompt(cls, *, characters: int, messages: int, surely_billed: bool) -> Estimate:
        """`surely_billed` is false when the upstream may never have begun: then low is zero."""
        return cls(
            likely=characters // LIKELY + messages * PER_MESSAGE // 2,
            low=characters // SPARSE if surely_billed else 0,
            high=characters // DENSE + messages * PER_MESSAGE,
        )

    @classmethod
    def of_output(cls, *, characters: int, thinking: int, limit: int | None) -> Estimate:
        """What was read, and above it the thinking and undelivered text that may be billed too.

        `thinking` is how much may be thought unseen, `limit` how much the answer may have at all.
        """
        likely = -(-characters // LIKELY)
        high = characters // DENSE + thinking
        if limit is not None:
            high = min(high, limit)
        return cls(likely=likely, low=characters // SPARSE, high=max(high, likely))
