"""A conversation shared: a colleague reads along while it is written, until the link is ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_accessibility import complaints, complaints_in_both_themes
from tests.browser.test_conversation import converse, messages, reply, send, text_of
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream

EMAIL, PASSWORD = "ben@example.org", "a long enough password"
JOIN = f"""
from chat.models import User
if not User.objects.filter(email="{EMAIL}"):
    User.objects.create_user("{EMAIL}", "{PASSWORD}", display_name="Ben")
"""


@pytest.fixture
def bens(chromium: Browser, evoweb: EvowebProcess) -> Iterator[BrowserContext]:
    """A colleague's browser, in which nobody is signed in yet."""
    joined = evoweb.manage("shell", "-c", JOIN)
    assert joined.returncode == 0, joined.stderr
    context = chromium.new_context(locale="en-GB", viewport={"width": 375, "height": 800})
    yield context
    context.close()


def share(owner: Page) -> str:
    """A new link, made from the conversation's menu."""
    owner.get_by_role("button", name="Rename or delete").click()
    owner.get_by_role("link", name="Share with colleagues").click()
    owner.get_by_role("button", name="Make a").click()
    return owner.get_by_label("Address").input_value()


def test_a_colleague_reads_along_until_the_link_is_ended(
    ana: Page, bens: BrowserContext, upstream: Upstream
) -> None:
    converse(ana, upstream, "First question", answer="First answer")
    chat = ana.url
    ben = bens.new_page()

    address = share(ana)
    assert complaints(ana) == []
    ben.goto(address)
    ben.get_by_label("E-mail").fill(EMAIL)
    ben.get_by_label("Password", exact=True).fill(PASSWORD)
    ben.get_by_role("button", name="Sign in").click()
    expect(text_of(reply(ben))).to_have_text("First answer")
    expect(ben).to_have_url(address)

    upstream.holds_after(1, "One", " two", " three")
    ana.goto(chat)
    send(ana, "Second question")
    expect(messages(ben)).to_have_count(4)
    expect(text_of(reply(ben))).to_have_text("One")
    upstream.release(1)
    expect(text_of(reply(ben))).to_have_text("One two")
    assert complaints_in_both_themes(ben) == []
    assert ben.evaluate("document.documentElement.scrollWidth <= innerWidth")

    ana.goto(f"{chat}share/")
    expect(ana.get_by_text("opened 1 time by Ben")).to_be_visible()
    ana.get_by_role("button", name="End").first.click()
    expect(ben.get_by_role("heading", name="This link opens nothing")).to_be_visible()
    expect(ben.locator("body")).not_to_contain_text("One two")
    upstream.release()


def test_without_script_and_without_a_socket_it_is_read_live_too(
    ana: Page, chromium: Browser, upstream: Upstream
) -> None:
    converse(ana, upstream, "First question", answer="First answer")
    chat, address = ana.url, share(ana)
    ana.goto(chat)
    cookies = ana.context.storage_state()
    plain = chromium.new_context(java_script_enabled=False, storage_state=cookies).new_page()
    ana.context.route_web_socket("**/ws/s/**", lambda socket: socket.close())
    asking = ana.context.new_page()

    upstream.holds_after(1, "One", " two", " three")
    send(ana, "Second question")
    expect(text_of(reply(ana))).to_have_text("One")
    plain.goto(address, wait_until="commit")
    asking.goto(address)
    for so_far in ("One", "One two"):
        for page in (plain, asking):
            expect(reply(page).locator(".message__text")).to_have_text(so_far)
        upstream.release(1)
    upstream.release()
    for page in (plain, asking):
        expect(text_of(reply(page))).to_have_text("One two three")
        expect(reply(page)).to_have_attribute("data-state", "complete")
    expect(plain).to_have_url(address)
    plain.context.close()
