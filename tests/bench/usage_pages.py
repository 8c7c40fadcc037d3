"""The usage pages and the ledger as a file, in a team that has used much for a year."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import httpx

from tests.bench import closing
from tests.bench.people import signed_in
from tests.bench.site import Site
from tests.bench.table import Lost, Row

ASKED = 11
# Of an export nobody reads in one go, the server may have about so much in memory.
FILE_MB = 30
# Twenty thousand rows a second.
MOST_MICROSECONDS = 50
PATIENCE_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Page:
    """`{year}` in its address becomes the period of a year until today."""

    name: str
    address: str
    goal: float


TEAM, MINE = 200, 50
PAGES = (
    Page("team usage, this month", "/usage/team/", TEAM),
    Page("    a year by day", "/usage/team/?{year}", TEAM),
    Page("    by month", "/usage/team/?{year}&by=month", TEAM),
    Page("    by hour of the day", "/usage/team/?{year}&by=hour", TEAM),
    Page("    by person", "/usage/team/?{year}&by=person", TEAM),
    Page("    by group", "/usage/team/?{year}&by=group", TEAM),
    Page("    by model", "/usage/team/?{year}&by=model", TEAM),
    Page("    errors and waiting", "/usage/team/?{year}&by=outcome", TEAM),
    Page("    without use", "/usage/team/without-use/?{year}", TEAM),
    Page("    one person's year", "/usage/team/people/2/?{year}", TEAM),
    Page("    one person's requests", "/usage/team/people/2/requests/?{year}", TEAM),
    Page("my usage, this month", "/usage/", MINE),
    Page("    a year by day", "/usage/?{year}", MINE),
    Page("    by conversation", "/usage/?{year}&by=conversation", MINE),
)
FILES = ("/usage/team/ledger.csv", "/usage/team/focus.csv")


def fill(site: Site, *, rows: int) -> None:
    done = site.nodes[0].manage("invent_usage", "--rows", str(rows), seconds=PATIENCE_SECONDS)
    if done.returncode:
        raise Lost(f"no ledger was invented:\n{done.stderr}")


def measure(site: Site) -> list[Row]:
    """Whoever asks administers, and has used more than most."""
    with signed_in(site) as (_person, client):
        client.base_url = site.nodes[0].url
        pages = [Row(page.name, _page(client, page.address), "ms", page.goal, 1) for page in PAGES]
        files = [row for file in FILES for row in _file(site, client, file)]
        return [*pages, *files, *closing.measure(site)]


def _page(client: httpx.Client, address: str) -> float:
    """The median, in milliseconds from the request to the last byte."""
    times = []
    for _ in range(ASKED):
        began = time.monotonic()
        answer = client.get(_with_period(address))
        times.append((time.monotonic() - began) * 1000)
        if answer.status_code != 200:
            raise Lost(f"{address} is answered {answer.status_code}")
    return statistics.median(times)


def _file(site: Site, client: httpx.Client, address: str) -> list[Row]:
    """On a machine that is shared, what evoweb itself used tells more than what it took."""
    site.forget_peak()
    before, used, began, lines = site.memory(), site.processor_seconds(), time.monotonic(), 0
    with client.stream("GET", _with_period(address), timeout=PATIENCE_SECONDS) as answer:
        if answer.status_code != 200:
            raise Lost(f"{address} is answered {answer.status_code}")
        for piece in answer.iter_raw():
            lines += piece.count(b"\n")
    took, used = time.monotonic() - began, site.processor_seconds() - used
    name = address.rpartition("/")[2]
    return [
        Row(f"a line of {name}", took / lines * 1e6, "µs", MOST_MICROSECONDS, 1),
        Row("    of the processor", used / lines * 1e6, "µs", digits=1),
        Row(f"    memory for {lines:,} of them", site.peak_memory() - before, "MB", FILE_MB, 1),
    ]


def _with_period(address: str) -> str:
    today: date = datetime.now(UTC).date()
    return address.format(year=f"start={today - timedelta(days=365)}&end={today}")
