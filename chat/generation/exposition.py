"""The page of metrics: what was counted, and beside it what is so at the moment of asking."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chat.generation import service
from chat.generation.metrics import registry

__all__ = ("CONTENT_TYPE", "page")

# The pool's own name for each figure, and ours.
_POOL_NOW = {
    "pool_size": ("size", "Connections to PostgreSQL that are open"),
    "pool_available": ("available", "Connections that nobody uses"),
    "pool_max": ("max", "Connections that may be open"),
    "requests_waiting": ("waiting", "Threads that wait for a connection"),
}
_POOL_SINCE = {
    "requests_num": ("requests", "Connections that were asked for"),
    "requests_queued": ("queued", "Requests that had to wait for one"),
    "requests_errors": ("errors", "Requests that got none"),
    "connections_lost": ("lost", "Connections that were found to be dead"),
}


def page() -> bytes:
    return generate_latest(registry)


class _Present(Collector):
    def collect(self) -> Iterator[Metric]:
        running = service.current_or_none()
        yield GaugeMetricFamily(
            "evoweb_replies_running",
            "Replies that this process runs",
            value=len(running.supervisor.attended()) if running else 0,
        )
        yield GaugeMetricFamily(
            "evoweb_sockets_open",
            "Sockets by which somebody watches a conversation",
            value=running.open_sockets if running else 0,
        )
        yield from _pool()


def _pool() -> Iterator[Metric]:
    """Only PostgreSQL has a pool. Asking it opens no connection."""
    pool = getattr(connection, "pool", None)
    if pool is None:
        return
    # A figure that is still zero is left out.
    figures = pool.get_stats()
    for key, (name, meaning) in _POOL_NOW.items():
        yield GaugeMetricFamily(f"evoweb_database_pool_{name}", meaning, figures.get(key, 0))
    for key, (name, meaning) in _POOL_SINCE.items():
        yield CounterMetricFamily(f"evoweb_database_pool_{name}", meaning, figures.get(key, 0))


registry.register(_Present())
