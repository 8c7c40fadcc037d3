"""What is added to the close of a completion by its cost, its totals and the budgets it is held
against. Measured beside the server, in a process of its own on the same database."""

from __future__ import annotations

import json

from tests.bench.site import Site
from tests.bench.table import Lost, Row, percentile

TIMES = 300
SCRIPT = f"from tests.bench import closes; closes.compare({TIMES})"


def measure(site: Site) -> list[Row]:
    done = site.nodes[0].manage("shell", "--no-imports", "-c", SCRIPT)
    if done.returncode:
        raise Lost(f"nothing could be closed:\n{done.stderr}")
    bare, whole = (percentile(times, 50) for times in json.loads(done.stdout))
    return [
        Row("closing a completion, p50", whole, "ms", digits=2),
        Row("    of it cost, totals and two budgets", whole - bare, "ms", 3, 2),
    ]
