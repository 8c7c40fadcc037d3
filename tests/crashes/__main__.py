"""Ends evoweb at each of its commits and network events, and sees that nothing is lost.

python -m tests.crashes                     every script at every event
python -m tests.crashes answered            one script
python -m tests.crashes answered 17         one case
python -m tests.crashes --seed 5 --runs 50  random ones, with the seeds from 5 on
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import tests.environment  # noqa: F401 (before the settings are read)
from tests.crashes import loaded  # noqa: F401 (before the models are)
from tests.crashes.scripts import SCRIPTS
from tests.crashes.sweep import Played, Stage, make_stages, scripted, sweep, wandered
from tests.upstream import process as upstreams


async def play(options: argparse.Namespace, stages: list[Stage]) -> AsyncIterator[Played]:
    if options.seed is not None:
        for seed in range(options.seed, options.seed + options.runs):
            yield await stages[0].play(wandered(seed))
    elif options.event is not None:
        yield await stages[0].play(scripted(options.script, options.event))
    else:
        for name in [options.script] if options.script else SCRIPTS:
            for played in await sweep(stages, name):
                yield played


async def run(options: argparse.Namespace) -> int:
    broken = count = 0
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="evoweb-crashes-"))
        processes = [stack.enter_context(upstreams.UpstreamProcess()) for _ in range(2)]
        scripteds = [stack.enter_context(upstreams.scripted(process)) for process in processes]
        stages = await make_stages(Path(folder), scripteds)
        async for played in play(options, stages):
            print(played, flush=True)
            count, broken = count + 1, broken + bool(played.findings)
    print(f"{count} cases, {broken} broken")
    return bool(broken)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.crashes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("script", nargs="?", choices=SCRIPTS)
    parser.add_argument("event", nargs="?", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--runs", type=int, default=1)
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
