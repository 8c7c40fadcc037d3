"""A budget that is used up: more is asked for beside the text, what was kept is sent, and the page
says what is left when the answer has ended."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.browser.test_conversation import reply, send, text_of
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream


def test_what_was_refused_is_sent_once_more_is_granted(
    page: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    sign_in(page, own_evoweb)
    set_budget(page, own_evoweb, tokens=60)
    page.goto(own_evoweb.url)
    send(page, "What does the year look like?")
    expect(page.locator("#composer-notice")).to_contain_text("is used up")

    page.locator("summary", has_text="Ask for more").click()
    page.get_by_label("What do you need it for?").fill("The yearly report")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text("You have asked for more.")).to_be_visible()

    grant(page, own_evoweb, tokens=1000)
    expect(page.locator("#composer-text")).to_have_value("What does the year look like?")
    upstream.holds_after(1, "Rosy", " indeed", prompt_tokens=100, completion_tokens=900)
    page.get_by_role("button", name="Send").click()

    expect(text_of(reply(page))).to_have_text("Rosy")
    expect(page.locator("#budget-left")).to_contain_text(": 0 of 1,060 tokens left.")
    upstream.release()
    expect(page.locator("#budget-left")).to_contain_text(": 60 of 1,060 tokens left.")


def set_budget(page: Page, evoweb: EvowebProcess, *, tokens: int) -> None:
    page.goto(f"{evoweb.url}/admin/chat/budget/add/")
    page.get_by_label("Each:").select_option("day")
    page.get_by_label("Tokens:").fill(str(tokens))
    page.get_by_role("button", name="Save", exact=True).click()


def grant(page: Page, evoweb: EvowebProcess, *, tokens: int) -> None:
    """In another tab: the text stays where it was written."""
    other = page.context.new_page()
    other.goto(f"{evoweb.url}/usage/requests/")
    expect(other.get_by_text("The yearly report")).to_be_visible()
    other.get_by_label("Tokens more").fill(str(tokens))
    other.get_by_role("button", name="Grant").click()
    expect(other.get_by_text("Granted.")).to_be_visible()
    other.close()
