"""How long a second start takes until somebody gets a page, and what an idle process weighs."""

from __future__ import annotations

import http.client
import time

from tests.bench import machine
from tests.bench.site import Site
from tests.bench.table import Lost, Row
from tests.evoweb_process import EvowebProcess

PATIENCE = 30.0
PAGE = "/accounts/login/"


def measure(site: Site) -> list[Row]:
    """They have been started before, and run afterwards."""
    for node in site.nodes:
        node.stop()
    seconds = max(_start(node) for node in site.nodes)
    time.sleep(1)
    return [
        Row("second start to the first answered page", seconds, "s", 4, 2),
        Row("memory when idle", max(machine.memory(node.pid) for node in site.nodes), "MB", 130),
    ]


def _start(evoweb: EvowebProcess) -> float:
    began = time.monotonic()
    evoweb.launch()
    _first_page(evoweb)
    return time.monotonic() - began


def _first_page(evoweb: EvowebProcess) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _answers(evoweb.port):
        if not evoweb.is_running or time.monotonic() > deadline:
            raise Lost(f"evoweb did not come up:\n{evoweb.output}")
        time.sleep(0.01)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", PAGE)
        return connection.getresponse().status == 200
    except (ConnectionError, http.client.HTTPException):
        return False
    finally:
        connection.close()
