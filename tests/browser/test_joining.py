"""Whoever joins while an answer is being written: its text from the start to now, then live."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.stubborn_proxy import StubbornProxy
from tests.browser.test_conversation import messages, reply, send, text_of
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream

WORDS = [f"word{number} " + "\n\n" * (number % 5 == 4) for number in range(300)]
# Of every state in which the page is: what the last answer says, how many messages there are, and
# how far the end of the page is below the view; and whenever it is drawn, whether there is the
# script that keeps it there.
WATCH = """
window.states = [];
const look = () => {
    const page = document.scrollingElement;
    const last = [...document.querySelectorAll("article[data-role=assistant]")].at(-1);
    const text = last?.querySelector(".message__text")?.textContent ?? null;
    const below = page.scrollHeight - page.scrollTop - page.clientHeight;
    window.states.push([text, document.querySelectorAll("article").length, below]);
};
const everything = { childList: true, subtree: true, characterData: true };
new MutationObserver(look).observe(document, everything);
window.drawn = [];
const draw = () => {
    look();
    const files = performance.getEntriesByType("resource").map((file) => file.name);
    window.drawn.push([...window.states.at(-1), files.some((name) => /joined-thread/.test(name))]);
    requestAnimationFrame(draw);
};
addEventListener("load", () => requestAnimationFrame(draw));
"""


@pytest.fixture
def device(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser of Ana's beside her first one."""
    context = chromium.new_context(locale="en-GB", viewport={"width": 375, "height": 700})
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def writing(ana: Page, upstream: Upstream) -> Page:
    """Ana's tab while a long answer is being written, word by word."""
    upstream.says(*WORDS, delay=0.015)
    send(ana, "Write a lot")
    expect(text_of(reply(ana))).to_contain_text("word60 ")
    return ana


def test_a_reload_in_the_middle(writing: Page) -> None:
    so_far = str(text_of(reply(writing)).text_content())
    writing.add_init_script(WATCH)

    writing.reload()

    shows_all_of_it_in_order(writing, so_far)


def test_a_second_tab(writing: Page) -> None:
    so_far = str(text_of(reply(writing)).text_content())
    second = writing.context.new_page()
    second.add_init_script(WATCH)

    second.goto(writing.url)

    shows_all_of_it_in_order(second, so_far)


def test_a_second_device(writing: Page, device: BrowserContext, evoweb: EvowebProcess) -> None:
    so_far = str(text_of(reply(writing)).text_content())
    phone = device.new_page()
    sign_in(phone, evoweb)
    phone.add_init_script(WATCH)

    phone.goto(writing.url)

    shows_all_of_it_in_order(phone, so_far)


def test_a_second_device_behind_a_proxy_that_speaks_no_websocket(
    writing: Page, device: BrowserContext, evoweb: EvowebProcess
) -> None:
    so_far = str(text_of(reply(writing)).text_content())
    with StubbornProxy(evoweb.port) as proxy:
        phone = device.new_page()
        sign_in(phone, evoweb)
        phone.add_init_script(WATCH)

        phone.goto(writing.url.replace(evoweb.url, proxy.url))

        shows_all_of_it_in_order(phone, so_far)


def shows_all_of_it_in_order(page: Page, so_far: str) -> None:
    expect(reply(page)).to_have_attribute("data-state", "complete")
    expect(messages(page)).to_have_count(2)
    live = [state for state in page.evaluate("window.states") if state[0] is not None]
    texts = [_plain(text) for text, _, _ in live]
    # As the parser reads the page it comes in pieces; from then on nothing is ever taken back.
    assert texts[0] == "" or texts[0].startswith("word0")
    assert [
        new for old, new in zip(texts, texts[1:], strict=False) if not new.startswith(old)
    ] == []
    assert texts[-1] == _plain("".join(WORDS))
    assert max(count for _, count, _ in live) == 2
    drawn = [state for state in page.evaluate("window.drawn") if state and state[0] is not None]
    assert len(drawn) > 10
    assert _plain(drawn[0][0]).startswith(_plain(so_far))
    # At the end of the text as soon as there is the script for it, and from then on without a jump.
    followed = [below for _, _, below, can_follow in drawn if can_follow]
    assert len(followed) > 10
    assert [below for below in followed[5:] if below > 1] == []
    far = [number for number, (_, _, below, _) in enumerate(drawn) if below > 1]
    assert far == list(range(len(far)))


def _plain(text: str) -> str:
    return " ".join(text.split())
