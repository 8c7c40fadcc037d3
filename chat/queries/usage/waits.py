"""How long the first token took, out of counters that know only between which limits it lay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Literal

from chat.models.total import FIRST_TOKEN_SECONDS


@dataclass(frozen=True, slots=True, order=True)
class Wait:
    """So many seconds; at the ends of the scale only that it was no more, or more."""

    seconds: Decimal
    bound: Literal["", "≤", ">"] = ""


_LIMITS = tuple(Decimal(str(limit)) for limit in FIRST_TOKEN_SECONDS)


def quantile(counts: Sequence[int], share: Decimal) -> Wait | None:
    """How long the given share of them took at most, as if those between two limits were spread
    evenly. None where nothing was counted."""
    if not (total := sum(counts)):
        return None
    rank = share * total
    place = next(at for at, reached in enumerate(accumulate(counts)) if reached >= rank)
    if place == 0:
        return Wait(_LIMITS[0], "≤")
    if place == len(_LIMITS):
        return Wait(_LIMITS[-1], ">")
    lower, upper = _LIMITS[place - 1], _LIMITS[place]
    part = (rank - sum(counts[:place])) / counts[place]
    return Wait(lower + (upper - lower) * part)
