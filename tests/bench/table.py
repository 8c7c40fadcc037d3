"""What the run prints: each number beside what was promised of it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


class Lost(Exception):
    """Something that was sent never arrived: no number of this run means anything."""


@dataclass(frozen=True, slots=True)
class Row:
    """One number. Without a goal it is there to explain the others.

    `direct` is the same number without evoweb, straight from the upstream, in the same run.
    """

    name: str
    measured: float
    unit: str
    goal: float | None = None
    digits: int = 0
    direct: float | None = None
    # The least and the most of several rounds.
    least: float | None = None
    most: float | None = None

    @property
    def is_met(self) -> bool:
        return self.goal is None or self.measured <= self.goal

    def cells(self) -> tuple[str, ...]:
        spread = ratio = goal = verdict = ""
        if self.least is not None and self.most is not None:
            spread = f"{self.least:.{self.digits}f} – {self.most:.{self.digits}f}"
        if self.direct:
            ratio = f"{self.measured / self.direct:.1f} × {self._words(self.direct)}"
        if self.goal is not None:
            goal, verdict = f"≤ {self.goal:g} {self.unit}", "met" if self.is_met else "missed"
        return self.name, self._words(self.measured), spread, goal, verdict, ratio

    def _words(self, number: float) -> str:
        return f"{number:.{self.digits}f} {self.unit}"


HEADINGS = ("what", "median", "least – most", "goal", "", "× straight from the upstream")


def medians(rounds: Sequence[Sequence[Row]]) -> list[Row]:
    """The rows of several rounds as one: those of the same name in the same place."""
    return [_median(rows) for rows in zip(*rounds, strict=True)]


def _median(rows: Sequence[Row]) -> Row:
    measured = [row.measured for row in rows]
    direct = [row.direct for row in rows if row.direct is not None]
    return replace(
        rows[0],
        measured=statistics.median(measured),
        direct=statistics.median(direct) if direct else None,
        least=min(measured) if len(rows) > 1 else None,
        most=max(measured) if len(rows) > 1 else None,
    )


def table(rows: Iterable[Row]) -> str:
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_line(cells, widths) for cells in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    # Words begin below each other, figures end so.
    aligned = [
        cell.ljust(width) if column in (0, 4) else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(aligned).rstrip()


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
