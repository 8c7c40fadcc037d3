"""What the run prints: each number beside what was promised of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class Lost(Exception):
    """Something that was sent never arrived: no number of this run means anything."""


@dataclass(frozen=True, slots=True)
class Row:
    """One number. Without a goal it is there to explain the others."""

    name: str
    measured: float
    unit: str
    goal: float | None = None
    digits: int = 0

    @property
    def is_met(self) -> bool:
        return self.goal is None or self.measured <= self.goal

    def cells(self) -> tuple[str, str, str, str]:
        if self.goal is None:
            return self.name, self._words(self.measured), "", ""
        verdict = "met" if self.is_met else "missed"
        return self.name, self._words(self.measured), f"≤ {self.goal:g} {self.unit}", verdict

    def _words(self, number: float) -> str:
        return f"{number:.{self.digits}f} {self.unit}"


def table(rows: Iterable[Row]) -> str:
    lines = [("what", "measured", "goal", ""), *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        f"{name:<{widths[0]}}  {measured:>{widths[1]}}  {goal:>{widths[2]}}  {verdict}".rstrip()
        for name, measured, goal, verdict in lines
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
