"""`make bench`: measures what evoweb promises, with clients and an upstream of its own.

Each measurement is made several times, and the median of them is printed. Numbers of a busy
machine are worth little by themselves; ratios within one run are. A missed goal is printed; only
what got lost is an error.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import (
    closing,
    first_token,
    hostile,
    noise,
    reading,
    sockets,
    starting,
    token_age,
    usage_pages,
)
from tests.bench.site import Site, one_process, two_processes
from tests.bench.table import Lost, Row, medians, table
from tests.bench.token_age import Load
from tests.upstream.process import Upstream, UpstreamProcess, scripted

ROUNDS = 3

MakeSite = Callable[[Path, UpstreamProcess], contextlib.AbstractContextManager[Site]]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of everything is measured."""

    turns: int = 40
    idle: int = 200
    load: Load = Load(100, 50, 10, sending=9)
    heavy: Load = Load(150, 50, 8, sending=13)
    silent: int = 40
    replies: int = 5
    ledger: int = 1_000_000
    tokens: int = 4000


QUICK = Extent(
    turns=5,
    idle=50,
    load=Load(20, 50, 3, sending=1),
    heavy=Load(30, 50, 3, sending=2),
    silent=10,
    replies=1,
    ledger=20_000,
    tokens=400,
)
SITES = (one_process, two_processes)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, once")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    extent, rounds = (QUICK, 1) if options.quick else (Extent(), options.rounds)
    # The library of the PostgreSQL warns at its import where this is missing.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="evoweb-runtime-"))
    unsteady = [noise.measure()]
    try:
        for make in SITES:
            with _site(make) as (site, upstream):
                found = []
                for _ in range(rounds):
                    found.append(_round(site, upstream, extent))
                    unsteady.append(noise.measure())
                _print(site.name, found)
            with _site(make) as (site, _upstream):
                usage_pages.fill(site, rows=extent.ledger)
                found = [usage_pages.measure(site)]
                unsteady.append(noise.measure())
                _print(f"{site.name}; a ledger of {extent.ledger:,} requests", found)
    except Lost as loss:
        print(f"Lost: {loss}", file=sys.stderr)
        return 1
    print(noise.verdict(unsteady))
    return 0


@contextlib.contextmanager
def _site(make: MakeSite) -> Iterator[tuple[Site, Upstream]]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evoweb-bench-")))
        process = stack.enter_context(UpstreamProcess())
        upstream = stack.enter_context(scripted(process))
        # The first start makes the database and collects the static files.
        yield stack.enter_context(make(folder, process)), upstream


def _print(title: str, rounds: Sequence[Sequence[Row]]) -> None:
    print(f"{title}\n\n{table(medians(rounds))}\n", flush=True)


def _round(site: Site, upstream: Upstream, extent: Extent) -> list[Row]:
    measurements: list[Callable[[], list[Row]]] = [
        lambda: starting.measure(site),
        hostile.measure,
        lambda: closing.measure(site),
        lambda: first_token.measure(site, upstream, turns=extent.turns),
        lambda: sockets.measure_idle(site, count=extent.idle),
        lambda: token_age.measure(site, upstream, extent.load),
        lambda: token_age.measure_heavy(site, upstream, extent.heavy),
        lambda: sockets.measure_unread(
            site, upstream, silent=extent.silent, replies=extent.replies
        ),
        lambda: reading.measure(site, upstream, tokens=extent.tokens),
    ]
    return [row for measure in measurements for row in measure()]


if __name__ == "__main__":
    sys.exit(main())
