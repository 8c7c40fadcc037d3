"""What somebody thinks of an answer: pressed, explained, changed, taken back."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import wait_for_page
from tests.browser.test_accessibility import complaints_in_both_themes
from tests.browser.test_conversation import converse, reply
from tests.upstream.process import Upstream

WORDS = "The second step does not work"


def test_an_answer_is_found_good_then_bad_with_a_reason_and_then_neither(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "A question", answer="An answer")
    ana.set_viewport_size({"width": 320, "height": 640})
    good, bad = (button(ana, f"{verdict} answer") for verdict in ("Good", "Bad"))
    why, panel = ana.get_by_role("link", name="Say why"), ana.locator("#feedback-form")

    good.focus()
    good.press("Enter")
    expect(good).to_have_attribute("aria-pressed", "true")
    expect(good).to_be_focused()
    bad.click()
    expect(good).to_have_attribute("aria-pressed", "false")
    why.click()
    expect(panel.get_by_label("Something is missing")).to_be_visible()
    assert complaints_in_both_themes(ana) == []
    assert ana.evaluate("document.documentElement.scrollWidth <= innerWidth")

    # What is being written stays when it cannot be saved.
    panel.get_by_label("In your own words").fill(WORDS)
    ana.route("**/feedback/", lambda route: route.abort())
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_role("alert")).to_contain_text("It was not saved")
    ana.unroute("**/feedback/")
    panel.get_by_label("Something is missing").check()
    panel.get_by_role("button", name="Save").click()
    expect(panel).to_have_count(0)
    expect(why).to_be_focused()

    ana.reload()
    wait_for_page(ana)
    expect(bad).to_have_attribute("aria-pressed", "true")
    why.click()
    expect(panel.get_by_label("Something is missing")).to_be_checked()
    expect(panel.get_by_label("In your own words")).to_have_value(WORDS)
    expect(panel.get_by_role("checkbox").first).to_be_focused()
    panel.press("Escape")
    expect(panel).to_have_count(0)
    why.click()
    panel.get_by_role("button", name="Take back").click()
    expect(bad).to_have_attribute("aria-pressed", "false")
    expect(why).to_have_count(0)


def button(page: Page, name: str) -> Locator:
    return reply(page).get_by_role("button", name=name)
