"""evoweb as it is measured: one process on SQLite, or two on PostgreSQL and Valkey."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import machine
from tests.evoweb_process import EvowebProcess
from tests.postgres import PostgresProcess
from tests.upstream.process import UpstreamProcess
from tests.valkey import ValkeyProcess

# What a developer has set for their own evoweb must not reach this one.
UNSET = dict.fromkeys(("DATABASE_URL", "SECRET_KEY", "PUBLIC_URL", "TRUSTED_PROXIES"), "")


@dataclass(frozen=True, slots=True)
class Site:
    """All its processes, started. What they use is what all of them use together."""

    name: str
    nodes: tuple[EvowebProcess, ...]

    def ways(self) -> Iterator[tuple[str, str]]:
        """Without end: where to send, and where to watch what comes of it. Of several processes
        it is never the same one."""
        urls = [node.url for node in self.nodes]
        return itertools.cycle(zip(urls, [*urls[1:], urls[0]], strict=True))

    def processor_seconds(self) -> float:
        return sum(machine.processor_seconds(node.pid) for node in self.nodes)

    def memory(self) -> float:
        return sum(machine.memory(node.pid) for node in self.nodes)

    def peak_memory(self) -> float:
        return sum(machine.peak_memory(node.pid) for node in self.nodes)

    def forget_peak(self) -> None:
        for node in self.nodes:
            machine.forget_peak(node.pid)


@contextlib.contextmanager
def one_process(folder: Path, upstream: UpstreamProcess) -> Iterator[Site]:
    with _evoweb(folder, upstream) as node:
        yield Site("One process on SQLite", (node,))


@contextlib.contextmanager
def two_processes(folder: Path, upstream: UpstreamProcess) -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(PostgresProcess())
        valkey = stack.enter_context(ValkeyProcess())
        shared = {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url, "SECRET_KEY": "x" * 50}
        nodes = [
            stack.enter_context(_evoweb(folder / name, upstream, **shared))
            for name in ("first", "second")
        ]
        name = "Two processes on PostgreSQL and Valkey: sent to one, watched through the other"
        yield Site(name, tuple(nodes))


def _evoweb(folder: Path, upstream: UpstreamProcess, **variables: str) -> EvowebProcess:
    return EvowebProcess(
        folder,
        EVOLINK_API_KEY=upstream.key,
        EVOLINK_BASE_URL=upstream.base_url,
        EVOLINK_MODELS="Gemini-3.0-pro",
        # One person stands for all of them.
        EVOWEB_MAX_REPLIES_PER_USER="1000",
        **UNSET | variables,
    )
