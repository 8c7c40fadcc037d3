"""evoweb as it is measured: one process on SQLite, or two on PostgreSQL and Valkey."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import machine
from tests.evoweb_process import EvowebProcess, for_many, on_servers
from tests.postgres import PostgresProcess
from tests.upstream.process import UpstreamProcess
from tests.valkey import ValkeyProcess


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
    with for_many(folder, upstream) as node:
        yield Site("One process on SQLite", (node,))


@contextlib.contextmanager
def two_processes(folder: Path, upstream: UpstreamProcess) -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(PostgresProcess())
        valkey = stack.enter_context(ValkeyProcess())
        shared = on_servers(postgres.url, valkey.url)
        nodes = [
            stack.enter_context(for_many(folder / name, upstream, **shared))
            for name in ("first", "second")
        ]
        name = "Two processes on PostgreSQL and Valkey: sent to one, watched through the other"
        yield Site(name, tuple(nodes))
