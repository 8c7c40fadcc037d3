"""Many answers at once: how old their tokens are in the browser, and what they cost the server."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from tests.bench import machine, watching
from tests.bench.people import Person, Talk, begin_talks, send_to_all, signed_in
from tests.bench.table import Lost, Row, percentile
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream

PATIENCE = 30.0
# Before the measuring begins: the last of the sends has its first tokens out.
SETTLING = 1.0


@dataclass(frozen=True, slots=True)
class Load:
    """All streams run for `seconds` together; before, there is time to send their prompts."""

    streams: int
    rate: float
    seconds: float
    sending: float

    @property
    def tokens(self) -> int:
        """Of one stream."""
        return int(self.rate * (self.sending + SETTLING + self.seconds))


@dataclass(frozen=True, slots=True)
class Found:
    """What one run gave. Times are nanoseconds of the machine's clock, ages are milliseconds."""

    sent: int
    begin: int
    end: int
    sending: float  # seconds of processor time until the last send was answered
    processor: float  # and from `begin` to `end`
    memory: float  # before the sends
    ages: list[dict[int, float]]
    pings: list[tuple[int, float]]  # when, and how long it took


def measure(evoweb: EvowebProcess, upstream: Upstream, load: Load) -> list[Row]:
    with signed_in(evoweb) as (person, client):
        talks = begin_talks(client, load.streams)
        upstream.stamps(rate=load.rate, count=load.tokens, times=0)
        found = _run(evoweb, person, client, talks, load)
    upstream.wait_until_over(load.streams)
    upstream.reset()
    _nothing_lost(found.ages, load)
    return _rows(evoweb, found, load)


def _run(
    evoweb: EvowebProcess, person: Person, client: httpx.Client, talks: list[Talk], load: Load
) -> Found:
    patience = PATIENCE + load.sending + load.seconds
    with (
        watching.reading(watching.stamps, person, talks, load.tokens, patience) as watchers,
        watching.reading(watching.pings, person, talks[0]) as pinger,
    ):
        watchers.ready(PATIENCE)
        pinger.ready(PATIENCE)
        machine.forget_peak(evoweb.pid)
        memory = machine.memory(evoweb.pid)
        spent = [machine.processor_seconds(evoweb.pid)]
        times: list[int] = []
        send_to_all(client, talks, "Stamps, please")
        for seconds in (0, SETTLING, load.seconds):
            time.sleep(seconds)
            times.append(time.monotonic_ns())
            spent.append(machine.processor_seconds(evoweb.pid))
        ages = watchers.result(patience + PATIENCE)
        pinger.tell()
        sent, begin, end = times
        return Found(
            sent=sent,
            begin=begin,
            end=end,
            sending=spent[1] - spent[0],
            processor=spent[3] - spent[2],
            memory=memory,
            ages=ages,
            pings=pinger.result(PATIENCE),
        )


def _nothing_lost(ages: Sequence[dict[int, float]], load: Load) -> None:
    expected, arrived = load.streams * load.tokens, sum(map(len, ages))
    if arrived != expected:
        raise Lost(f"{expected - arrived} of {expected} stamps never came")


def _rows(evoweb: EvowebProcess, found: Found, load: Load) -> list[Row]:
    together = [
        age
        for ages in found.ages
        for stamp, age in ages.items()
        if found.begin <= stamp < found.end
    ]
    everything = [age for ages in found.ages for age in ages.values()]
    each = found.processor / len(together)
    # What the streams cost that had begun before the last was sent is not the sends'.
    already = sum(stamp < found.sent for ages in found.ages for stamp in ages)
    send = (found.sending - each * already) / load.streams
    peak = machine.peak_memory(evoweb.pid)
    pings = [took for at, took in found.pings if found.begin <= at < found.end]
    streams = f"{load.streams} × {load.rate:g} tokens/s"
    expected = load.streams * load.rate * (found.end - found.begin) / 1e9
    return [
        Row(f"token age, {streams}, p50", percentile(together, 50), "ms", 80),
        Row(f"token age, {streams}, p99", percentile(together, 99), "ms", 300),
        Row("    the oldest", max(together), "ms"),
        Row("    the oldest while the replies were begun and sealed", max(everything), "ms"),
        Row(
            "    tokens of those that were to be sent meanwhile",
            len(together) / expected * 100,
            "%",
        ),
        Row("processor per 10,000 tokens", each * 10_000, "s", 1.2, 2),
        Row("    for a send and its first token", send * 1000, "ms"),
        Row("answer to a ping meanwhile, p99", percentile(pings, 99), "ms"),
        Row("answer to a ping meanwhile, slowest", max(pings), "ms", 50),
        Row("memory of a running stream", (peak - found.memory) / load.streams * 1024, "kB", 250),
        Row("    at its peak, all together", peak, "MB"),
    ]
