"""`make bench`: measures what evoweb promises, with clients and an upstream of its own.

Numbers of a busy machine are worth little by themselves; ratios within one run are. A missed goal
is printed; only what got lost is an error.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import first_token, sockets, starting, token_age
from tests.bench.table import Lost, Row, table
from tests.bench.token_age import Load
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream, UpstreamProcess, scripted

# What a developer has set for their own evoweb must not reach this one.
UNSET = dict.fromkeys(("DATABASE_URL", "SECRET_KEY", "PUBLIC_URL", "TRUSTED_PROXIES"), "")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, in seconds")
    quick = parser.parse_args().quick
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evoweb-bench-")))
        process = stack.enter_context(UpstreamProcess())
        upstream = stack.enter_context(scripted(process))
        # The first start makes the database and collects the static files.
        evoweb = stack.enter_context(_evoweb(folder, process))
        evoweb.stop()
        rows: list[Row] = []
        try:
            for measure in _measurements(evoweb, upstream, quick=quick):
                rows += measure()
        except Lost as loss:
            print(f"Lost: {loss}", file=sys.stderr)
            return 1
        finally:
            print(table(rows))
    return 0


def _measurements(
    evoweb: EvowebProcess, upstream: Upstream, *, quick: bool
) -> list[Callable[[], list[Row]]]:
    load = Load(20, 50, 3, sending=1) if quick else Load(100, 50, 10, sending=9)
    return [
        lambda: starting.measure(evoweb, starts=1 if quick else 3),
        lambda: first_token.measure(evoweb, upstream, turns=5 if quick else 40),
        lambda: sockets.measure_idle(evoweb, count=50 if quick else 200),
        lambda: token_age.measure(evoweb, upstream, load),
        lambda: sockets.measure_unread(
            evoweb, upstream, silent=10 if quick else 40, replies=1 if quick else 5
        ),
    ]


def _evoweb(folder: Path, upstream: UpstreamProcess) -> EvowebProcess:
    return EvowebProcess(
        folder,
        EVOLINK_API_KEY=upstream.key,
        EVOLINK_BASE_URL=upstream.base_url,
        EVOLINK_MODELS="Gemini-3.0-pro",
        # One person stands for all of them.
        EVOWEB_MAX_REPLIES_PER_USER="1000",
        **UNSET,
    )


if __name__ == "__main__":
    sys.exit(main())
