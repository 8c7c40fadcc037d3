"""What this process counts and measures of its replies, for whoever runs evoweb.

Labels are words of evoweb's own: states, codes, reasons. Nothing that people wrote, and no ids.
Instruments may be used from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized
from contextlib import AbstractContextManager, nullcontext
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.process_collector import ProcessCollector

from chat.enums import RUNNING_STATES, Fault, MessageState

# The end of a reply that another process has judged meanwhile.
LOST = "lost"

# Each would come with a second figure that says since when it counts.
disable_created_metrics()  # type: ignore[no-untyped-call]
# Not the library's own, which would also hold what other libraries put there.
registry = CollectorRegistry()
ProcessCollector(registry=registry)

replies_started = Counter(
    "evoweb_replies_started", "Replies whose work this process has begun", registry=registry
)
replies_ended = Counter(
    "evoweb_replies_ended", "Replies that ended, by state", ["state"], registry=registry
)
replies_abandoned = Counter(
    "evoweb_replies_abandoned",
    "Replies of a process that was gone, closed by this one",
    registry=registry,
)
time_to_first_token = Histogram(
    "evoweb_time_to_first_token_seconds",
    "From the beginning of an attempt to its first text, thinking included",
    buckets=(0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60, 120, 300),
    registry=registry,
)
token_age = Histogram(
    "evoweb_token_age_seconds",
    "From reading text to showing it committed, by the oldest of each piece",
    buckets=(0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.25, 0.5, 1, 5, 30),
    registry=registry,
)
journal_commit = Histogram(
    "evoweb_journal_commit_seconds",
    "One commit of the journal, for all running replies; failed ones too",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 20),
    registry=registry,
)
attempts_failed = Counter(
    "evoweb_attempts_failed",
    "Attempts at the upstream that failed, by code",
    ["code"],
    registry=registry,
)
sends_refused = Counter(
    "evoweb_sends_refused", "Sends that changed nothing, by reason", ["reason"], registry=registry
)

# A series that is there from the start can be seen to rise from nothing.
for _state in (*MessageState, LOST):
    if _state not in RUNNING_STATES:
        replies_ended.labels(_state)
for _code in Fault:
    # What a restart interrupts is a reply, and no attempt that failed.
    if _code != Fault.RESTARTED:
        attempts_failed.labels(_code)


def commit_of(pieces: Sized) -> AbstractContextManager[object]:
    """Measures the block, unless nothing is written in it and the journal only looks."""
    return journal_commit.time() if pieces else nullcontext()


def note_shown(read_at: Iterable[float]) -> None:
    """Pieces were committed and published whose oldest text was read at these moments."""
    now = monotonic()
    for moment in read_at:
        token_age.observe(now - moment)
