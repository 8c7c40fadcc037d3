"""How long the worst takes that a model can write. Measured in a process of its own, as evoweb is:
`python -m tests.bench.hostile` prints the milliseconds, and by which text."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

import django

from tests.bench.table import Row
from tests.rendering.hostile import ENDLESS, HOSTILE

# The least of them is what it takes. Beside that, a page waits `highlighting.LIMIT` at most.
ROUNDS = 3


def measure() -> list[Row]:
    command = [sys.executable, "-m", "tests.bench.hostile"]
    said = subprocess.check_output(command, text=True)  # noqa: S603
    return [Row("worst hostile Markdown, of the processor", float(said.split()[0]), "ms", 200)]


def _worst() -> tuple[float, str]:
    # Django is not set up before.
    from chat.rendering import markdown  # noqa: PLC0415

    # The process for colours comes up.
    markdown.render("```python\nreturn\n```")
    return max((_least(markdown.render, text), name) for name, text in (ENDLESS | HOSTILE).items())


def _least(render: Callable[[str], object], text: str) -> float:
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        render(text)
        taken.append(time.process_time() - began)
    return min(taken) * 1000


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evoweb.settings")
    django.setup()
    milliseconds, name = _worst()
    print(f"{milliseconds:.1f} {name}")
