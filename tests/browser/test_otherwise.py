"""Another answer with settings of its own: by keys, on a phone, with what is wrong in place."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import complaints
from tests.browser.test_conversation import converse, reply, text_of, wait_for_scripts
from tests.upstream.process import Upstream


def test_an_answer_is_tried_again_with_another_temperature(ana: Page, upstream: Upstream) -> None:
    converse(ana, upstream, "Name a colour", answer="Blue")
    wait_for_scripts(ana)
    ana.set_viewport_size({"width": 320, "height": 640})
    menu = reply(ana).locator("summary[aria-label='Try again in another way']")
    sheet = ana.get_by_role("dialog", name="Try again with other settings")

    menu.click()
    reply(ana).get_by_role("link", name="With other settings…").press("Enter")
    expect(sheet.get_by_label("Model")).to_be_focused()
    for theme in ("light", "dark"):
        ana.emulate_media(color_scheme=theme, reduced_motion="reduce")
        assert complaints(ana) == []
    assert ana.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ana.keyboard.press("Escape")
    expect(sheet).to_have_count(0)

    menu.click()
    reply(ana).get_by_role("link", name="With other settings…").click()
    temperature = sheet.get_by_label("Temperature", exact=True)
    temperature.fill("3")
    sheet.get_by_role("button", name="Try again").click()
    expect(sheet).to_contain_text("Give a number from 0 to 2.")
    expect(temperature).to_have_value("3")
    temperature.fill("0.2")
    upstream.says("Red")
    sheet.get_by_role("button", name="Try again").click()

    expect(sheet).to_have_count(0)
    expect(text_of(reply(ana))).to_have_text("Red")
    assert upstream.last.body["temperature"] == 0.2
    reply(ana).locator(".figures__line").click()
    expect(reply(ana)).to_contain_text("Temperature: 0.2")
