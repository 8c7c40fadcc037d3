"""A real browser before a real evoweb. Every page is watched for errors and refused scripts."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from tests.conftest import MISSING_SECONDS
from tests.evoweb_process import EvowebProcess
from tests.waiting import eventually

# Milliseconds in which one that died is missed.
MISSED = 15_000 + MISSING_SECONDS * 1000
FOLDER = Path(__file__).resolve().parent
# Unpacked when it was installed: of processes that share the tests each would write it anew.
CHROMIUM = FOLDER / "node_modules/.chromium/chromium"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
# Each is run once, whoever asks for it first; and behind the last stands what has waited for it.
RUN_SCRIPTS = """async () => {
    if (!matchMedia("(scripting: enabled)").matches) return;
    for (const { src, href } of document.querySelectorAll("[type=module], [rel=modulepreload]"))
        await import(src || href);
    await new Promise((done) => setTimeout(done));
}"""


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Ends with this folder: while Playwright runs, its loop is in the way of async tests."""
    expect.set_options(timeout=15_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile. Fails the test for whatever a page complained of.

    Without the script that stands in for pages: a test that takes the line away means the page.
    Without motion, which has the browser draw all the time.
    """
    context = chromium.new_context(
        locale="en-GB",
        viewport={"width": 1280, "height": 800},
        service_workers="block",
        reduced_motion="reduce",
    )
    context.set_default_timeout(10_000)
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    yield context
    context.close()
    assert [words for words in complaints if not _expected(words)] == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def ana(page: Page, evoweb: EvowebProcess) -> Page:
    """Ana's tab, signed in, at an empty chat."""
    sign_in(page, evoweb)
    return page


def sign_in(page: Page, evoweb: EvowebProcess) -> None:
    forget_draft(evoweb)
    recognise(page.context, evoweb)
    page.goto(evoweb.url)
    wait_for_page(page)


def wait_for_page(page: Page) -> None:
    """Until it takes keys: the scripts that come with it have been run."""
    page.wait_for_load_state()
    page.evaluate(RUN_SCRIPTS)


@contextlib.contextmanager
def before_its_scripts(page: Page, address: str) -> Iterator[None]:
    """At a page whose scripts are still on their way; in the end they have come."""
    held = hold(page, "**/joined-thread*.js")
    page.goto(address, wait_until="commit")
    yield
    held().continue_()
    wait_for_page(page)


def hold(page: Page, pattern: str) -> Callable[[], Route]:
    """Hold back the next request for this; what is given waits until the page has asked."""
    held: list[Route] = []
    page.route(pattern, lambda route: held.append(route), times=1)

    def asked() -> Route:
        # Asking the page lets the browser tell what it holds.
        eventually(lambda: (page.title(), len(held))[1], lambda number: number == 1)
        return held[0]

    return asked


def forget_draft(evoweb: EvowebProcess) -> None:
    """What another test has typed into the box of a new chat, and not sent."""
    with evoweb.session() as client:
        based_on = client.get("/draft/").json()["version"]
        client.post("/draft/", data={"version": str(uuid.uuid4()), "based_on": based_on})


def recognise(context: BrowserContext, evoweb: EvowebProcess) -> None:
    """By the cookies of one signing in for all: the form has a test of its own."""
    context.add_cookies(
        [
            {"name": name, "value": value, "url": evoweb.url}
            for name, value in evoweb.cookies.items()
        ]
    )


def fill_in(evoweb: EvowebProcess, *, rows: int, people: int, days: int) -> None:
    """An invented ledger of so many requests, and what a team enters beside it."""
    ledger = f"invent_usage --rows {rows} --people {people} --days {days}".split()
    office = ("shell", "-c", "from tests.browser.office import enter; enter()")
    for words in (ledger, office):
        done = evoweb.manage(*words)
        assert done.returncode == 0, done.stderr


def _expected(words: str) -> bool:
    """Reports of a refused request or a lost socket, which some tests cause on purpose."""
    causes = ("Failed to load resource", "Failed to fetch", "WebSocket connection to", "htmx:ws:")
    return any(cause in words for cause in causes)
