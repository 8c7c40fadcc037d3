"""The settings beside a chat: where they stand, and that nothing changed there is lost unasked."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from tests.browser.test_accessibility import complaints_in_both_themes
from tests.browser.test_conversation import converse, reply, send, text_of
from tests.upstream.process import Upstream

UNSAVED = "Not saved yet: messages go with what was saved."
PRESS_AND_ESCAPE = """(button) => {
    button.click();
    const how = { key: "Escape", bubbles: true, cancelable: true };
    document.body.dispatchEvent(new KeyboardEvent("keydown", how));
}"""


@pytest.fixture
def chat(ana: Page, upstream: Upstream) -> Page:
    """Ana's tab at a conversation, wide enough for a panel beside it."""
    ana.set_viewport_size({"width": 1440, "height": 800})
    converse(ana, upstream, "Hello", answer="Good day")
    return ana


def settings(page: Page) -> Locator:
    return page.get_by_role("region", name="Settings of this chat")


def toggle(page: Page) -> Locator:
    return page.locator(".header__settings")


def answered(page: Page, *, stay: bool) -> list[str]:
    """What the browser asks, which is answered so."""
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        if stay:
            dialog.dismiss()
        else:
            dialog.accept()

    page.on("dialog", answer)
    return asked


def test_where_there_is_room_the_settings_stand_beside_the_thread_while_it_goes_on(
    chat: Page, upstream: Upstream
) -> None:
    toggle(chat).click()
    panel = settings(chat)
    expect(panel.get_by_label("Model", exact=True)).to_be_focused()
    composer, box = chat.locator(".composer").bounding_box(), panel.bounding_box()
    assert composer is not None
    assert box is not None
    assert composer["x"] + composer["width"] <= box["x"]
    assert complaints_in_both_themes(chat) == []

    upstream.holds_after(1, "One", " two")
    send(chat, "Count")
    expect(text_of(reply(chat))).to_have_text("One")
    expect(panel).to_be_visible()
    # Outside of them keys are the thread's, and inside their own.
    chat.get_by_role("textbox", name="Message").press("Escape")
    expect(reply(chat)).to_have_attribute("data-state", "stopped")
    expect(panel).to_be_visible()
    panel.get_by_label("System prompt").press("Escape")

    expect(panel).to_be_hidden()


def test_what_was_changed_is_not_lost_by_closing(chat: Page, upstream: Upstream) -> None:
    toggle(chat).click()
    panel = settings(chat)
    temperature = panel.get_by_label("Temperature", exact=True)
    question = chat.get_by_role("dialog", name="Your changes are not saved")
    expect(panel.get_by_text(UNSAVED)).to_be_hidden()

    temperature.fill("0.2")
    expect(panel.get_by_text(UNSAVED)).to_be_visible()
    for close in ("Escape", "button", "toggle"):
        if close == "Escape":
            chat.keyboard.press("Escape")
        elif close == "button":
            panel.get_by_role("button", name="Close the settings").click()
        else:
            toggle(chat).click()
        expect(question).to_be_visible()
        assert complaints_in_both_themes(chat) == []
        question.get_by_role("button", name="Keep editing").click()
        expect(question).to_be_hidden()
        expect(temperature).to_have_value("0.2")

    chat.keyboard.press("Escape")
    question.get_by_role("button", name="Save").click()
    expect(chat.get_by_text("Settings saved.")).to_be_visible()
    upstream.says("Cool")
    send(chat, "And now?")
    expect(text_of(reply(chat))).to_have_text("Cool")
    assert upstream.last.body["temperature"] == 0.2


def test_the_question_is_answered_also_when_it_comes_again_at_once(chat: Page) -> None:
    toggle(chat).click()
    settings(chat).get_by_label("Temperature", exact=True).fill("0.2")
    expect(settings(chat).get_by_text(UNSAVED)).to_be_visible()
    question = chat.get_by_role("dialog", name="Your changes are not saved")
    chat.keyboard.press("Escape")

    # Before it has told of its end.
    question.get_by_role("button", name="Keep editing").evaluate(PRESS_AND_ESCAPE)
    question.get_by_role("button", name="Save").click()

    expect(chat.get_by_text("Settings saved.")).to_be_visible()


def test_changes_are_undone_and_then_nothing_is_asked(chat: Page) -> None:
    toggle(chat).click()
    panel = settings(chat)
    prompt = panel.get_by_label("System prompt")
    prompt.fill("Be kind.")

    panel.get_by_role("button", name="Undo changes").click()
    expect(prompt).to_have_value("")
    expect(panel.get_by_text(UNSAVED)).to_be_hidden()
    panel.get_by_role("button", name="Close the settings").click()

    expect(panel).to_be_hidden()


def test_the_browser_asks_before_the_page_goes_with_what_was_changed(chat: Page) -> None:
    asked = answered(chat, stay=True)
    address = chat.url
    toggle(chat).click()
    prompt = settings(chat).get_by_label("System prompt")
    prompt.press_sequentially("Be kind.")
    expect(chat.get_by_text(UNSAVED)).to_be_visible()
    prompt.press("Escape")
    chat.get_by_role("button", name="Keep editing").click()

    chat.get_by_role("link", name="Usage").click(no_wait_after=True)
    expect(prompt).to_have_value("Be kind.")
    assert (asked, chat.url) == (["beforeunload"], address)
    settings(chat).get_by_role("button", name="Save").click()
    expect(chat.get_by_text("Settings saved.")).to_be_visible()
    assert asked == ["beforeunload"]


def test_settings_of_a_new_chat_go_with_its_first_message_without_a_question(
    ana: Page, upstream: Upstream
) -> None:
    asked = answered(ana, stay=False)
    toggle(ana).click()
    prompt = settings(ana).get_by_label("System prompt")
    expect(prompt).to_be_focused()
    prompt.press_sequentially("Be kind.")
    ana.keyboard.press("Escape")
    expect(settings(ana)).to_be_hidden()

    upstream.says("How kind")
    send(ana, "Hello")

    expect(text_of(reply(ana))).to_have_text("How kind")
    assert upstream.last.body["messages"][0] == {"role": "system", "content": "Be kind."}
    assert asked == []


def test_on_a_phone_they_are_a_sheet_at_the_bottom(chat: Page) -> None:
    chat.set_viewport_size({"width": 375, "height": 700})
    chat.emulate_media(reduced_motion="reduce")

    toggle(chat).click()
    panel = settings(chat)

    expect(panel.get_by_label("Model", exact=True)).to_be_focused()
    box = panel.bounding_box()
    assert box is not None
    assert (box["x"], round(box["y"] + box["height"])) == (0, 700)
    assert chat.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints_in_both_themes(chat) == []
    # The way out is in reach though the sheet covers nearly all.
    toggle(chat).click()
    expect(panel).to_be_hidden()
