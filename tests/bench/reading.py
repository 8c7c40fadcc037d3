"""What a reader's browser has to do: a long conversation, and an answer that comes fast."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import Browser, BrowserContext, CDPSession, Locator, Page, sync_playwright

from tests.bench.people import Person, signed_in
from tests.bench.site import Site
from tests.bench.table import Lost, Row, percentile
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.upstream.process import Upstream

TURNS, ASKED = 500, 11
TOKENS_A_SECOND = 200
TAPS = 40
SLOWER = 4
# As Lighthouse has it: 150 ms there and back, 1.6 Mbit/s down and 750 kbit/s up.
SLOW_4G = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_638_400 / 8,
    "uploadThroughput": 750_000 / 8,
}
LIST = ["- **One** with `code` and some words", " that", " go", " on", "\n"]
TABLE = ["\n| Name | Value |\n|:--|--:|\n", *["| word", " | 1 |\n"] * 10, "\n"]
CODE = ["\n```python\n", *["for number", " in range(10):\n", "    print(number)\n"] * 8, "```\n\n"]
PROSE = ["The", " answer", " goes", " on", " and", " on", " with", " *words*", ".", "\n\n"]
ANSWER = [*PROSE * 10, *LIST * 10, *TABLE, *CODE]
# Asked from outside, a slow page first has to read what asks, for half a second: so it says by
# itself when it takes what is typed and has drawn that, in milliseconds since it was gone to.
USABLE = """window.usable = new Promise((done) => {
    const look = () => document.querySelector(".composer__send:disabled")
        ? setTimeout(() => done(performance.now()))
        : requestAnimationFrame(look);
    requestAnimationFrame(look);
  })"""
# Resolves once a frame with what the tap did has been made, to the milliseconds since the finger.
TAPPED = """() => new Promise((done) => addEventListener("pointerdown", ({ timeStamp }) =>
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - timeStamp))),
    { once: true }))"""


def measure(site: Site, upstream: Upstream, *, tokens: int) -> list[Row]:
    words = f"from tests.long_talk import print_address as p; p(turns={TURNS}, has_ledger=True)"
    done = site.nodes[0].manage("shell", "--no-imports", "-c", words)
    if done.returncode:
        raise Lost(f"no conversation was written:\n{done.stderr}")
    address = site.nodes[0].url + done.stdout.strip()
    with signed_in(site) as (person, client):
        times = []
        for _ in range(ASKED):
            began = time.monotonic()
            client.get(address).raise_for_status()
            times.append((time.monotonic() - began) * 1000)
        server = Row("page of 1,000 messages", statistics.median(times), "ms", 150, 1)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            with contextlib.closing(browser):
                desk = _desk(browser, person, address, upstream, tokens)
                phone = _phone(browser, person, address, upstream, tokens)
    return [server, *desk, *phone]


def _desk(
    browser: Browser, person: Person, address: str, upstream: Upstream, tokens: int
) -> list[Row]:
    with _tab(browser, person, address) as (page, line):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        _ask(page, upstream, tokens)
        before, began = _busy(line), time.monotonic()
        page.wait_for_timeout(tokens / TOKENS_A_SECOND * 1000 * 0.8)
        share = (_busy(line) - before) / (time.monotonic() - began)
        _ended(page)
    return [Row(f"main thread, at {TOKENS_A_SECOND} tokens a second", share * 100, "%", 25, 1)]


def _phone(
    browser: Browser, person: Person, address: str, upstream: Upstream, tokens: int
) -> list[Row]:
    options: dict[str, Any] = {
        "viewport": {"width": 375, "height": 740},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    }
    with _tab(browser, person, address, **options) as (page, line):
        line.send("Network.emulateNetworkConditions", SLOW_4G)
        line.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        first = _usable(page, address)
        again = _usable(page, address)
        # Without a mouse: one that rests is over this and that, by turns with where fingers tap.
        _ask(page, upstream, tokens, press=Locator.tap)
        taps = []
        for _ in range(TAPS):
            answered = page.evaluate_handle(f"({{ it: ({TAPPED})() }})")
            page.touchscreen.tap(3, 300)
            taps.append(answered.evaluate("({ it }) => it"))
            page.wait_for_timeout(tokens / TOKENS_A_SECOND * 1000 * 0.6 / TAPS)
        _ended(page)
    return [
        Row("phone: the first page can be used", first, "ms", 1500),
        Row("    the next one", again, "ms", 1500),
        Row("    a tap while text comes, p50", percentile(taps, 50), "ms"),
        Row("    p95", percentile(taps, 95), "ms", 100),
    ]


@contextlib.contextmanager
def _tab(
    browser: Browser, person: Person, address: str, **options: Any
) -> Iterator[tuple[Page, CDPSession]]:
    # By their path, cookies of an address would be of that alone.
    home = urljoin(address, "/")
    context: BrowserContext = browser.new_context(service_workers="block", **options)
    context.add_cookies(
        [{"name": name, "value": value, "url": home} for name, value in person.cookies.items()]
    )
    page = context.new_page()
    page.add_init_script(USABLE)
    line = context.new_cdp_session(page)
    # Of the processor: others use the machine too.
    line.send("Performance.enable", {"timeDomain": "threadTicks"})
    line.send("Network.enable")
    yield page, line
    context.close()


def _usable(page: Page, address: str) -> float:
    """Milliseconds until the page takes what is typed, its script included."""
    page.goto(address, wait_until="commit")
    return float(page.evaluate("usable"))


def _ask(
    page: Page, upstream: Upstream, tokens: int, *, press: Callable[..., None] = Locator.click
) -> None:
    pieces = (ANSWER * (tokens // len(ANSWER) + 1))[:tokens]
    upstream.script(pieces=pieces, delay=1 / TOKENS_A_SECOND)
    page.locator("#composer-text").fill("Write a lot")
    press(page.locator("#send"))
    page.locator("article[data-role=assistant]:not([data-state=complete]) p").first.wait_for()


def _ended(page: Page) -> None:
    page.locator("article[data-role=assistant][data-state=complete]:last-child").wait_for(
        timeout=120_000, state="attached"
    )


def _busy(line: CDPSession) -> float:
    """Seconds that the page's main thread has worked."""
    metrics = line.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))
