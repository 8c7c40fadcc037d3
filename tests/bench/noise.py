"""How steady the machine is while nothing of ours is asked of it."""

from __future__ import annotations

import time

from tests.bench.table import percentile

SPINS = 150
# About two milliseconds of it each, and a pause, in which whoever else is there may come.
STEPS, PAUSE_SECONDS = 40_000, 0.004
# From here on figures say more about the machine than about evoweb.
TOO_NOISY = 0.3


def measure() -> float:
    """By how much longer than the fastest a piece of work takes, nine times of ten: 0.1 is a
    tenth."""
    times = []
    for _ in range(SPINS):
        began = time.perf_counter()
        for _ in range(STEPS):
            pass
        times.append(time.perf_counter() - began)
        time.sleep(PAUSE_SECONDS)
    return percentile(times, 90) / min(times) - 1


def verdict(found: list[float]) -> str:
    """What is to be said of the machine, before each of the rounds and after the last."""
    each = ", ".join(f"{part * 100:.0f}" for part in found)
    words = f"The machine: the same work took up to {each} % longer than at its fastest."
    if max(found) > TOO_NOISY:
        words += f" TOO NOISY (over {TOO_NOISY * 100:.0f} %): measure again before you believe it."
    return words
