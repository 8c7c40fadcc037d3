"""A short run on each database, by chance. `make chaos` makes many long ones."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.chaos import report
from tests.chaos.__main__ import SHORT, again, one
from tests.chaos.world import Kind, world


@pytest.mark.parametrize("kind", SHORT)
def test_whatever_breaks_every_promise_holds(kind: Kind, tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)

    with world(kind, tmp_path) as here:
        result = one(here, seed, SHORT[kind])

    words = f"{report.of(result)}\n{again(kind, seed, is_short=True)}\nlogs are in {tmp_path}"
    print(words)
    assert not result.broken, words
