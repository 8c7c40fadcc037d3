"""The next message, written while an answer is: it waits by the composer, and goes in its turn."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import sign_in
from tests.browser.test_accessibility import complaints
from tests.browser.test_conversation import messages, reply, send, text_of, wait_for_scripts
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream

# What the test upstream says of itself.
HELLO = "Hello from the test upstream."

REMOVE_IN_ANOTHER_TAB = """async () => {
  const form = document.getElementById("page-actions");
  const { formAction } = document.querySelector("#queue button[id$=-last]");
  await fetch(formAction, { method: "POST", body: new FormData(form) });
}"""


def queue(page: Page) -> Locator:
    return page.get_by_role("region", name="Next messages")


def waiting(page: Page) -> Locator:
    return queue(page).get_by_role("listitem")


def begin(page: Page, upstream: Upstream) -> None:
    """An answer that is being written until the test lets it go on."""
    upstream.holds_after(1, "One", ".")
    send(page, "First")
    expect(text_of(reply(page))).to_have_text("One")
    wait_for_scripts(page)


def test_what_is_written_meanwhile_goes_in_its_turn_and_every_tab_shows_it(
    ana: Page, upstream: Upstream
) -> None:
    begin(ana, upstream)
    box = ana.get_by_role("textbox", name="Message", exact=True)
    other = ana.context.new_page()
    other.goto(ana.url)

    send(ana, "Second")
    expect(box).to_have_value("")
    send(ana, "Third")

    for page in (ana, other):
        expect(waiting(page)).to_have_count(2)
        expect(queue(page)).to_contain_text("Sent when the answer ends")
        expect(waiting(page).first).to_contain_text("Second")
        expect(messages(page)).to_have_count(2)
    expect(ana.locator("#queue-news")).to_have_text("Your message is sent when the answer ends.")
    expect(ana.get_by_role("alert")).to_have_count(0)
    expect(queue(ana).get_by_role("button", name="Send now")).to_be_hidden()
    # A reload knows it too.
    ana.reload()
    expect(waiting(ana)).to_have_count(2)

    upstream.release()
    for page in (ana, other):
        expect(text_of(messages(page))).to_have_text(
            ["First", "One.", "Second", HELLO, "Third", HELLO]
        )
        expect(queue(page)).to_have_count(0)


def test_what_waits_is_edited_removed_and_taken_back(ana: Page, upstream: Upstream) -> None:
    begin(ana, upstream)
    for text in ("Second", "Third"):
        send(ana, text)
    expect(waiting(ana)).to_have_count(2)

    ana.get_by_role("button", name="Remove: Third").focus()
    ana.keyboard.press("Enter")
    undo = ana.get_by_role("button", name="Undo: Third")
    expect(undo).to_be_focused()
    expect(waiting(ana).nth(1)).to_have_text("Removed. It is not sent. Undo")
    expect(ana.locator("#queue-news")).to_have_text("Removed. It is not sent.")
    ana.keyboard.press("Enter")
    expect(waiting(ana).nth(1)).to_contain_text("Third")
    expect(ana.get_by_role("button", name="Remove: Third")).to_be_focused()

    # By the keys alone. Nothing is sent while it is being edited.
    edit = waiting(ana).first.get_by_role("button", name="Edit")
    edit.focus()
    ana.keyboard.press("Enter")
    box = ana.get_by_role("dialog").get_by_role("textbox", name="Message")
    expect(box).to_have_value("Second")
    expect(waiting(ana).first).to_contain_text("Waits while it is being edited.")
    box.fill("Second, and better")
    upstream.release()
    expect(reply(ana)).to_have_attribute("data-state", "complete")
    expect(box).to_have_value("Second, and better")
    expect(messages(ana)).to_have_count(2)

    ana.get_by_role("button", name="Save").click()
    expect(text_of(messages(ana))).to_have_text(
        ["First", "One.", "Second, and better", HELLO, "Third", HELLO]
    )


def test_an_edit_that_is_given_up_lets_it_go_on_waiting(ana: Page, upstream: Upstream) -> None:
    begin(ana, upstream)
    send(ana, "Second")
    expect(waiting(ana)).to_have_count(1)

    waiting(ana).first.get_by_role("button", name="Edit").click()
    expect(waiting(ana)).to_contain_text("Waits while it is being edited.")
    ana.keyboard.press("Escape")

    expect(waiting(ana)).not_to_contain_text("Waits while it is being edited.")
    upstream.release()
    expect(text_of(messages(ana))).to_have_text(["First", "One.", "Second", HELLO])


def test_after_a_stop_it_waits_until_it_is_sent_by_hand(ana: Page, upstream: Upstream) -> None:
    begin(ana, upstream)
    send(ana, "Second")
    expect(waiting(ana)).to_have_count(1)

    ana.get_by_role("button", name="Stop").click()
    expect(reply(ana)).to_have_attribute("data-state", "stopped")
    expect(queue(ana)).to_contain_text("Waiting to be sent")
    expect(messages(ana)).to_have_count(2)

    upstream.says("Two.")
    queue(ana).get_by_role("button", name="Send now").click()
    expect(text_of(messages(ana))).to_have_text(["First", "One", "Second", "Two."])
    expect(queue(ana)).to_have_count(0)


def test_a_killed_server_loses_nothing_that_waits(
    page: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    sign_in(page, own_evoweb)
    begin(page, upstream)
    send(page, "Second")
    expect(waiting(page)).to_have_count(1)

    own_evoweb.kill()
    own_evoweb.start()

    expect(reply(page)).to_have_attribute("data-state", "interrupted", timeout=60_000)
    expect(waiting(page)).to_contain_text("Second")
    upstream.says("Two.")
    queue(page).get_by_role("button", name="Send now").click()
    expect(text_of(messages(page)).last).to_have_text("Two.")
    expect(text_of(messages(page)).nth(2)).to_have_text("Second")


@pytest.mark.parametrize("trouble", ["it was removed", "the server fails", "no line"])
def test_an_edit_that_cannot_be_saved_keeps_its_words(
    ana: Page, upstream: Upstream, trouble: str
) -> None:
    begin(ana, upstream)
    send(ana, "Second")
    waiting(ana).first.get_by_role("button", name="Edit").click()
    box = ana.get_by_role("dialog").get_by_role("textbox", name="Message")
    box.fill("Second, and better")
    if trouble == "it was removed":
        ana.evaluate(REMOVE_IN_ANOTHER_TAB)
        ana.get_by_role("button", name="Save").click()
        words = "This message was sent or removed in the meantime."
    else:
        words = "It was not saved. What you wrote is still here: try again in a moment."
        ana.route("**/queue/*/", lambda route: fail(route, trouble))
        ana.get_by_role("button", name="Save").click()

    expect(ana.get_by_role("dialog").get_by_role("alert")).to_have_text(words)
    expect(box).to_have_value("Second, and better")
    assert complaints(ana) == []
    if trouble != "it was removed":
        ana.unroute("**/queue/*/")
        ana.get_by_role("button", name="Save").click()
        expect(ana.get_by_role("dialog")).to_have_count(0)
        expect(waiting(ana)).to_contain_text("Second, and better")


def fail(route: Route, trouble: str) -> None:
    if trouble == "no line":
        route.abort()
    else:
        route.fulfill(status=500, body="<h1>Something broke</h1>", content_type="text/html")
