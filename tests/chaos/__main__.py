"""`make chaos RUNS=200`: runs with one seed after the other, half of them on SQLite with one
process, half on PostgreSQL and Valkey with three. Each can be had again by its seed."""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.chaos import plan, report
from tests.chaos.plan import Size
from tests.chaos.run import Result, run
from tests.chaos.verdict import Loss, losses
from tests.chaos.world import NODES, Kind, World, world

LONG: dict[Kind, Size] = {"sqlite": plan.ALONE, "postgresql": plan.SEVERAL}
SHORT: dict[Kind, Size] = {"sqlite": plan.SHORT_ALONE, "postgresql": plan.SHORT_SEVERAL}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=None, help="of the first run; else by chance")
    parser.add_argument("--on", choices=("sqlite", "postgresql"), help="only on this database")
    parser.add_argument("--short", action="store_true", help="such runs as the tests make")
    parser.add_argument("--keep", action="store_true", help="keep the logs although all holds")
    options = parser.parse_args()
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    folder = Path(tempfile.mkdtemp(prefix="evoweb-chaos-"))
    print(f"{options.runs} runs from seed {seed}; logs are in {folder}", flush=True)
    sizes = SHORT if options.short else LONG
    costs: list[Loss] = []
    failed: list[str] = []
    for kind, seeds in _shares(options.on, seed, options.runs):
        with world(kind, folder / kind) as here:
            for each in seeds:
                result = one(here, each, sizes[kind])
                costs += losses(result.evidence)
                print(report.of(result), flush=True)
                if result.broken:
                    failed.append(again(kind, each, is_short=options.short))
            print(report.alarms(result))
    print(f"All together: {report.lost(costs)}")
    if failed:
        print(f"{len(failed)} of {options.runs} runs FAILED; logs are in {folder}. Again by:")
        print("\n".join(f"  {command}" for command in failed))
        return 1
    if not options.keep:
        shutil.rmtree(folder)
    print(f"All {options.runs} runs hold.")
    return 0


def again(kind: Kind, seed: int, *, is_short: bool) -> str:
    """What to call to have a run once more."""
    size = " --short" if is_short else ""
    return f".venv/bin/python -m tests.chaos --runs 1 --on {kind} --seed {seed}{size}"


def one(here: World, seed: int, size: Size) -> Result:
    return asyncio.run(run(here, plan.make(seed, size, nodes=NODES[here.kind])))


def _shares(only: Kind | None, seed: int, runs: int) -> Iterator[tuple[Kind, range]]:
    """Which seeds run on what."""
    half = seed + {"sqlite": runs, "postgresql": 0}.get(only or "", runs // 2)
    shares: tuple[tuple[Kind, range], ...] = (
        ("sqlite", range(seed, half)),
        ("postgresql", range(max(seed, half), seed + runs)),
    )
    yield from ((kind, seeds) for kind, seeds in shares if seeds)


if __name__ == "__main__":
    sys.exit(main())
