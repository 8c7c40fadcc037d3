"""What is printed of a run: what happened in it, what it cost, and which promise broke for what."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from tests.bench.table import percentile
from tests.chaos import verdict
from tests.chaos.run import Result, logs
from tests.chaos.verdict import MOST_LOST_MS, Loss

MOST_LINES = 12
_ALARMS = re.compile(r"\b(?:ERROR|CRITICAL)\b.*|^Traceback.*", re.MULTILINE)


def of(result: Result) -> str:
    evidence, here = result.evidence, result.stage
    replies = Counter(message.state for message in evidence.messages if message.role == "assistant")
    rows = Counter(row.state for row in evidence.rows)
    sent = Counter(
        "accepted" if each.is_accepted else "refused" if each.is_refused else "unheard"
        for each in evidence.sent
    )
    statuses = Counter(str(status or "no answer") for status in here.statuses)
    frames = sum(tab.frames for tab in here.tabs)
    least, most = verdict.bounds(evidence)
    connections = sum(tab.connections for tab in here.tabs)
    lines = [
        f"seed {result.plan.seed} on {here.world.kind}: {result.seconds:.0f} s",
        f"  {', '.join(blow.wreck for blow in result.plan.blows)}",
        f"  prompts: {_counted(sent)}; answers to POST: {_counted(statuses)}",
        f"  replies: {_counted(replies)}; ledger: {_counted(rows)}; "
        f"upstream: {len(evidence.requests)} requests",
        f"  tokens: {verdict.billed(evidence)} billed, {least} to {most} in the ledger",
        f"  {len(here.tabs)} tabs, {connections} sockets, {frames} frames; "
        f"text went back {sum(tab.screen.shrunk for tab in here.tabs)} times",
        f"  text when shown: {_distribution([age * 1000 for _, age in here.ages])}",
        *(
            f"  kill of process {kill.node}: hit {len(kill.hit)} answers"
            f"{'' if kill.is_calm else ', soon after something else'}"
            for kill in evidence.kills
        ),
        f"  {lost(verdict.losses(evidence))}",
        *_broken(result),
    ]
    return "\n".join(lines)


def lost(losses: Sequence[Loss]) -> str:
    """The text that kills cost, and how many cost more than the design says."""
    times = [loss.milliseconds for loss in losses]
    over = sum(each.milliseconds > MOST_LOST_MS + each.kill.lag * 1000 for each in losses)
    lags = [loss.kill.lag * 1000 for loss in losses]
    return (
        f"lost before a kill: {_distribution(times)}; more than {MOST_LOST_MS:.0f} ms and the "
        f"lag of the moment (at most {max(lags, default=0):.0f} ms): {over} of {len(times)}"
    )


def alarms(result: Result) -> str:
    """What the processes logged as errors, for whoever reads on."""
    found = Counter(
        re.sub(r"\d+", "…", line)
        for log in logs(result.stage.world)
        for line in _ALARMS.findall(log.read_text(errors="replace"))
    )
    return "\n".join(f"  {count} × {line[:150]}" for line, count in found.most_common(MOST_LINES))


def _broken(result: Result) -> Iterable[str]:
    for broken in result.broken[:MOST_LINES]:
        yield f"  BROKEN  {broken}"
    if (more := len(result.broken) - MOST_LINES) > 0:
        yield f"  … and {more} more"


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counter.items())) or "none"


def _distribution(milliseconds: Sequence[float]) -> str:
    if not milliseconds:
        return "nothing"
    middle, most = percentile(milliseconds, 50), percentile(milliseconds, 95)
    return f"p50 {middle:.0f}, p95 {most:.0f}, max {max(milliseconds):.0f} ms"
