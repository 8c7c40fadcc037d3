"""How long a second start takes until somebody gets a page, and what an idle process weighs."""

from __future__ import annotations

import http.client
import time

from tests.bench import machine
from tests.bench.table import Lost, Row, percentile
from tests.evoweb_process import EvowebProcess

PATIENCE = 30.0
PAGE = "/accounts/login/"


def measure(evoweb: EvowebProcess, *, starts: int) -> list[Row]:
    """`evoweb` has been started once before. It runs afterwards."""
    seconds = []
    for number in range(starts):
        if number:
            evoweb.stop()
        began = time.monotonic()
        evoweb.launch()
        _first_page(evoweb)
        seconds.append(time.monotonic() - began)
    time.sleep(1)
    return [
        Row("second start to the first answered page", percentile(seconds, 50), "s", 4, 2),
        Row("memory when idle", machine.memory(evoweb.pid), "MB", 130),
    ]


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
