"""evoweb as an app: what a browser needs to install it, and the page that shows without a line."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.test_accessibility import complaints
from tests.browser.test_conversation import converse
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream
from tests.waiting import eventually

IS_WAITING = "navigator.serviceWorker.getRegistration().then(({ waiting }) => Boolean(waiting))"


@pytest.fixture(params=["en-GB", "es-ES"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def installed(chromium: Browser, evoweb: EvowebProcess, language: str) -> Iterator[BrowserContext]:
    """A browser that has been here before."""
    context = chromium.new_context(locale=language, viewport={"width": 375, "height": 700})
    page = context.new_page()
    sign_in(page, evoweb)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.close()
    yield context
    context.close()


def test_browsers_find_all_they_need_to_install_it(ana: Page, evoweb: EvowebProcess) -> None:
    address = ana.locator("link[rel=manifest]").get_attribute("href") or ""
    answer = httpx.get(evoweb.url + address)
    manifest = answer.json()

    assert answer.headers["content-type"] == "application/manifest+json"
    assert manifest["start_url"] == manifest["scope"] == "/"
    assert manifest["display"] == "standalone"
    sizes = {(icon["sizes"], icon.get("purpose")) for icon in manifest["icons"]}
    assert {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")} <= sizes
    for icon in manifest["icons"]:
        found = httpx.get(evoweb.url + icon["src"])
        assert found.headers["content-type"] == icon["type"]
        assert "immutable" in found.headers["cache-control"]


def test_without_a_line_writing_goes_on_and_the_text_is_in_the_box_afterwards(
    installed: BrowserContext, evoweb: EvowebProcess, upstream: Upstream, language: str
) -> None:
    page = installed.new_page()
    page.goto(evoweb.url)
    names = {"en-GB": ("Message", "Your message"), "es-ES": ("Mensaje", "Tu mensaje")}[language]
    composer = page.get_by_role("textbox", name=names[0], exact=True)
    offline = page.get_by_role("textbox", name=names[1])
    if language == "en-GB":
        converse(page, upstream, "Hello", answer="Hi")
    composer.fill("Half a")
    expect(composer).to_have_value("Half a")

    installed.set_offline(True)
    page.reload()
    expect(offline).to_have_value("Half a")
    assert complaints(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    offline.fill("Half a thought, and the other half")
    installed.set_offline(False)

    expect(composer).to_have_value("Half a thought, and the other half")


def test_another_version_of_the_script_waits_until_no_page_is_open(
    installed: BrowserContext, evoweb: EvowebProcess, language: str
) -> None:
    page = installed.new_page()
    other = {"en-GB": "es", "es-ES": "en"}[language]

    for chosen, shown in ((other, other), ("", language[:2])):
        page.goto(f"{evoweb.url}/profile/")
        page.locator("select[name=language]").select_option(chosen)
        page.locator("main form button").first.click()
        expect(page.locator("html")).to_have_attribute("lang", shown)
        if chosen:
            eventually(lambda: page.evaluate(IS_WAITING), bool)


def test_what_is_kept_belongs_to_nobody(installed: BrowserContext, evoweb: EvowebProcess) -> None:
    page = installed.new_page()
    page.goto(evoweb.url)
    kept = page.evaluate(
        """async () => {
          const texts = [];
          for (const name of await caches.keys()) {
            const cache = await caches.open(name);
            for (const request of await cache.keys()) {
              const kept = await cache.match(request);
              texts.push([new URL(request.url).pathname, await kept.text()]);
            }
          }
          return texts;
        }"""
    )

    assert "/offline/" in [address for address, _ in kept]
    assert all("/static/" in address or address == "/offline/" for address, _ in kept)
    assert not any("ana@" in text or "csrf" in text for _, text in kept)
