"""Steering a conversation: a prompt edited in its place, versions walked, another model asked."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.test_conversation import converse, messages, reply, send, text_of
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream

# The line breaks: another socket sends what has changed since the page was loaded, and with it the
# message that is being edited. Waits until that one has taken the place of the other.
RECONNECT = """() => {
  const edited = document.querySelector(".edit").parentElement;
  document.querySelector("[hx-ws\\\\:connect]")._htmx.ws.connection.socket.close();
  return new Promise((done) => {
    const look = () => (edited.isConnected ? setTimeout(look, 20) : done());
    look();
  });
}"""


def test_a_message_is_edited_in_its_place_and_its_versions_are_walked(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "First question", answer="First answer")
    converse(ana, upstream, "Second question", answer="Second answer")
    composer = ana.get_by_role("textbox", name="Message", exact=True)
    box = ana.get_by_role("textbox", name="Your message")

    # By the keys alone: up from the empty box, and back with nothing changed.
    expect(composer).to_have_value("")
    composer.press("ArrowUp")
    expect(box).to_be_focused()
    expect(box).to_have_value("Second question")
    expect(text_of(messages(ana).nth(2))).to_be_hidden()
    box.press("Escape")
    expect(composer).to_be_focused()
    expect(text_of(messages(ana).nth(2))).to_be_visible()

    # While an answer is being written an edit is refused, and what was typed stays, though the
    # message that it stands in is rendered anew.
    upstream.holds_after(1, "Third", " answer")
    send(ana, "Third question")
    expect(text_of(reply(ana))).to_have_text("Third")
    expect(composer).to_have_value("")
    composer.press("ArrowUp")
    box.fill("Another third")
    box.press("Enter")
    expect(ana.get_by_role("alert")).to_contain_text("still being written")
    ana.evaluate(RECONNECT)
    expect(box).to_have_value("Another third")
    upstream.release()
    expect(reply(ana)).to_have_attribute("data-state", "complete")
    expect(box).to_have_value("Another third")
    upstream.says("Another answer")
    box.press("Enter")
    expect(text_of(reply(ana))).to_have_text("Another answer")
    expect(box).to_have_count(0)
    expect(composer).to_be_focused()

    # The first message, by its button; what followed is on the branch of its own version.
    _edit(messages(ana).first)
    box.fill("Other words")
    upstream.says("Other answer")
    box.press("Enter")
    expect(text_of(reply(ana))).to_have_text("Other answer")
    expect(messages(ana)).to_have_count(2)
    _walk(messages(ana).first, "Previous version")
    expect(messages(ana)).to_have_count(6)
    expect(text_of(reply(ana))).to_have_text("Another answer")
    _walk(messages(ana).nth(4), "Previous version")
    expect(text_of(reply(ana))).to_have_text("Third answer")
    _walk(messages(ana).first, "Next version")
    expect(text_of(reply(ana))).to_have_text("Other answer")
    _walk(messages(ana).first, "Previous version")
    expect(text_of(reply(ana))).to_have_text("Third answer")


def test_an_answer_is_tried_again_with_another_model(ana: Page, upstream: Upstream) -> None:
    converse(ana, upstream, "Who are you?", answer="One of them")
    ana.set_viewport_size({"width": 320, "height": 640})

    upstream.says("The other one")
    reply(ana).hover()
    menu = reply(ana).locator("summary[aria-label='Try again in another way']")
    menu.click()
    expect(reply(ana).get_by_role("button", name="gemini-2.5-pro")).to_be_visible()
    assert ana.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ana.keyboard.press("Escape")
    expect(reply(ana).get_by_role("button", name="gemini-2.5-pro")).to_be_hidden()
    menu.click()
    reply(ana).get_by_role("button", name="gemini-2.5-pro").click()

    expect(text_of(reply(ana))).to_have_text("The other one")
    expect(reply(ana).locator(".figures__line")).to_contain_text("gemini-2.5-pro")
    assert upstream.last.body["model"] == "gemini-2.5-pro"
    expect(ana.locator(".composer__model")).to_have_text("Gemini-3.0-pro")


def test_without_script_a_message_is_edited_on_a_page_of_its_own(
    chromium: Browser, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    context = chromium.new_context(locale="en-GB", java_script_enabled=False)
    plain = context.new_page()
    sign_in(plain, evoweb)
    converse(plain, upstream, "One question", answer="One answer")

    _edit(messages(plain).first)
    plain.get_by_role("link", name="Cancel").click()
    expect(plain).to_have_url(re.compile(r"#message-\d+$"))
    _edit(messages(plain).first)
    upstream.says("Another answer")
    plain.get_by_role("textbox", name="Your message").fill("Another question")
    plain.get_by_role("button", name="Send").click()

    expect(text_of(reply(plain))).to_have_text("Another answer")
    _walk(messages(plain).first, "Previous version")
    expect(text_of(messages(plain).first)).to_have_text("One question")
    expect(text_of(reply(plain))).to_have_text("One answer")
    context.close()


def _edit(message: Locator) -> None:
    message.hover()
    message.get_by_role("link", name="Edit").click()


def _walk(message: Locator, way: str) -> None:
    message.hover()
    message.get_by_role("button", name=way).click()
