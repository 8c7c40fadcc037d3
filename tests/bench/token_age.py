"""Many answers at once: how old their tokens are in the browser, and what they cost the server."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import httpx

from tests.bench import watching
from tests.bench.people import Person, Talk, begin_talks, send_to_all, signed_in
from tests.bench.site import Site
from tests.bench.table import Lost, Row, percentile
from tests.bench.watching import Straight
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
    def name(self) -> str:
        return f"{self.streams} × {self.rate:g} tokens/s"

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

    @property
    def together(self) -> list[float]:
        """The ages of those that were written while all streams ran."""
        return [
            age
            for ages in self.ages
            for stamp, age in ages.items()
            if self.begin <= stamp < self.end
        ]

    def share(self, load: Load) -> float:
        """In percent, of the tokens that were to be written meanwhile: the upstream, too, takes
        part in what the machine has."""
        expected = load.streams * load.rate * (self.end - self.begin) / 1e9
        return len(self.together) / expected * 100


def measure(site: Site, upstream: Upstream, load: Load) -> list[Row]:
    straight = _straight(upstream, load)
    found = _through(site, upstream, load)
    return _rows(site, found, straight, load)


def measure_heavy(site: Site, upstream: Upstream, load: Load) -> list[Row]:
    """With more streams than are promised to be quick: that they are not slow either."""
    found = _through(site, upstream, load)
    return [
        Row(f"token age, {load.name}, p99", percentile(found.together, 99), "ms", 1000),
        Row("    tokens of those that were to be sent meanwhile", found.share(load), "%"),
    ]


def _straight(upstream: Upstream, load: Load) -> Straight:
    """The same streams, read from the upstream by something that does nothing else."""
    seconds = load.seconds / 2
    upstream.stamps(rate=load.rate, count=int(load.rate * (SETTLING + seconds)), times=0)
    arguments = upstream.base_url, upstream.key, load.streams
    with watching.reading(watching.straight, *arguments) as reader:
        straight: Straight = reader.result(PATIENCE + seconds)
    upstream.wait_until_over(load.streams)
    upstream.reset()
    return straight


def _through(site: Site, upstream: Upstream, load: Load) -> Found:
    with signed_in(site) as (person, client):
        talks = begin_talks(site, client, load.streams)
        upstream.stamps(rate=load.rate, count=load.tokens, times=0)
        found = _run(site, person, client, talks, load)
    upstream.wait_until_over(load.streams)
    upstream.reset()
    _nothing_lost(found.ages, load)
    return found


def _run(site: Site, person: Person, client: httpx.Client, talks: list[Talk], load: Load) -> Found:
    patience = PATIENCE + load.sending + load.seconds
    with ExitStack() as stack:
        watchers = stack.enter_context(
            watching.reading(watching.stamps, person, talks, load.tokens, patience)
        )
        # One at each process.
        pingers = [
            stack.enter_context(watching.reading(watching.pings, person, talk))
            for talk in talks[: len(site.nodes)]
        ]
        watchers.ready(PATIENCE)
        for pinger in pingers:
            pinger.ready(PATIENCE)
        site.forget_peak()
        memory = site.memory()
        spent = [site.processor_seconds()]
        times: list[int] = []
        send_to_all(client, talks, "Stamps, please")
        for seconds in (0, SETTLING, load.seconds):
            time.sleep(seconds)
            times.append(time.monotonic_ns())
            spent.append(site.processor_seconds())
        ages = watchers.result(patience + PATIENCE)
        for pinger in pingers:
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
            pings=[ping for pinger in pingers for ping in pinger.result(PATIENCE)],
        )


def _nothing_lost(ages: Sequence[dict[int, float]], load: Load) -> None:
    expected, arrived = load.streams * load.tokens, sum(map(len, ages))
    if arrived != expected:
        raise Lost(f"{expected - arrived} of {expected} stamps never came")


def _rows(site: Site, found: Found, straight: Straight, load: Load) -> list[Row]:
    together = found.together
    everything = [age for ages in found.ages for age in ages.values()]
    each = found.processor / len(together)
    # What the streams cost that had begun before the last was sent is not the sends'.
    already = sum(stamp < found.sent for ages in found.ages for stamp in ages)
    send = (found.sending - each * already) / load.streams
    peak = site.peak_memory()
    pings = [took for at, took in found.pings if found.begin <= at < found.end]
    age = f"token age, {load.name}"
    return [
        Row(
            f"{age}, p50", percentile(together, 50), "ms", 80, direct=percentile(straight.ages, 50)
        ),
        Row(
            f"{age}, p99", percentile(together, 99), "ms", 300, direct=percentile(straight.ages, 99)
        ),
        Row("    the oldest", max(together), "ms"),
        Row("    the oldest while the replies were begun and sealed", max(everything), "ms"),
        Row("    tokens of those that were to be sent meanwhile", found.share(load), "%"),
        Row("processor per 10,000 tokens", each * 10_000, "s", 1.2, 2, straight.each * 10_000),
        Row("    for a send and its first token", send * 1000, "ms"),
        Row("answer to a ping meanwhile, p99", percentile(pings, 99), "ms"),
        Row("answer to a ping meanwhile, slowest", max(pings), "ms", 50),
        Row("memory of a running stream", (peak - found.memory) / load.streams * 1024, "kB", 250),
        Row("    at its peak, all together", peak, "MB"),
    ]
