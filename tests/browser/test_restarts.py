"""A message that meets a restart: sent once, by itself, unless somebody thinks better of it."""

from __future__ import annotations

import signal

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.browser.conftest import MISSED, sign_in
from tests.browser.test_conversation import (
    converse,
    messages,
    reply,
    send,
    text_of,
    wait_for_scripts,
)
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream
from tests.waiting import eventually

RESTARTING = "evoweb is restarting. Your message will be sent when it is back."
OFFLINE = "You are offline. Your message will be sent when you are back."


@pytest.fixture
def anas(page: Page, own_evoweb: EvowebProcess, upstream: Upstream) -> Page:
    """Ana's tab at a conversation with one turn, before an evoweb that may be stopped."""
    sign_in(page, own_evoweb)
    converse(page, upstream, "One", answer="First")
    wait_for_scripts(page)
    return page


def test_a_message_that_meets_a_server_which_drains_is_sent_by_the_next_one(
    anas: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    other = anas.context.new_page()
    other.goto(own_evoweb.url)
    upstream.holds_after(1, "Still", " here")
    send(other, "Keep it busy")
    expect(text_of(reply(other))).to_have_text("Still")
    own_evoweb.signal(signal.SIGTERM)
    eventually(own_evoweb.health, lambda status: status == 503)

    send(anas, "Two")
    expect(waiting(anas)).to_have_text(RESTARTING)
    expect(anas.get_by_role("alert")).to_have_count(0)
    expect(box(anas)).to_have_value("Two")
    upstream.release()
    own_evoweb.wait()
    upstream.says("Second")
    own_evoweb.start()

    expect(text_of(reply(anas))).to_have_text("Second")
    expect(messages(anas)).to_have_count(4)
    expect(box(anas)).to_have_value("")
    expect(waiting(anas)).to_have_text("")
    anas.reload()
    expect(messages(anas)).to_have_count(4)
    expect(box(anas)).to_have_value("")


def test_a_message_whose_answer_was_lost_is_one_turn(
    anas: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    lose_the_answer(anas, own_evoweb)
    upstream.holds_after(0, "Second")

    send(anas, "Two")
    expect(waiting(anas)).to_have_text(RESTARTING)
    own_evoweb.start()

    expect(box(anas)).to_have_value("")
    expect(waiting(anas)).to_have_text("")
    expect(texts(anas)).to_have_text(["One", "First", "Two", ""])
    anas.reload()
    expect(messages(anas)).to_have_count(4)


def test_a_first_message_is_sent_by_itself_and_makes_one_conversation(
    page: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    sign_in(page, own_evoweb)
    wait_for_scripts(page)
    upstream.says("Hello")
    lose_the_answer(page, own_evoweb)

    send(page, "A first one")
    expect(waiting(page)).to_have_text(RESTARTING)
    own_evoweb.start()

    expect(texts(page).first).to_have_text("A first one")
    expect(messages(page)).to_have_count(2)
    expect(page.get_by_role("navigation").get_by_text("A first one")).to_have_count(1)
    # Nor is it left in the box in which it waited.
    page.goto(own_evoweb.url)
    expect(box(page)).to_have_value("")
    expect(box(page)).to_have_value("")
    page.goto(own_evoweb.url)
    expect(box(page)).to_have_value("")


def test_cancel_ends_the_trying_and_leaves_the_text(
    anas: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    own_evoweb.kill()
    send(anas, "Two")
    expect(waiting(anas)).to_have_text(RESTARTING)

    anas.get_by_role("button", name="Cancel").click()

    expect(waiting(anas)).to_have_text("")
    expect(box(anas)).to_have_value("Two")
    own_evoweb.start()
    goes_live_again(anas, upstream)
    expect(messages(anas)).to_have_count(4)
    expect(box(anas)).to_have_value("Two")


def test_a_message_that_is_changed_while_it_waits_is_a_draft(
    anas: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    upstream.holds_after(0, "Second")
    lose_the_answer(anas, own_evoweb)
    send(anas, "Two")
    expect(waiting(anas)).to_have_text(RESTARTING)

    box(anas).press_sequentially(", or three")
    expect(waiting(anas)).to_have_text("")
    own_evoweb.start()

    # The first had arrived; the other goes when Ana sends it, and is not taken for the first.
    expect(texts(anas)).to_have_text(["One", "First", "Two", ""])
    expect(reply(anas)).to_have_attribute("data-state", "interrupted", timeout=MISSED)
    expect(box(anas)).to_have_value("Two, or three")
    upstream.reset()
    upstream.says("Third")
    anas.get_by_role("button", name="Send").click()
    expect(text_of(reply(anas))).to_have_text("Third")
    expect(messages(anas)).to_have_count(6)


def test_a_reload_while_it_waits_leaves_a_draft_that_still_makes_one_turn(
    page: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    sign_in(page, own_evoweb)
    wait_for_scripts(page)
    lose_the_answer(page, own_evoweb)
    # The page is left before it finds evoweb again.
    page.route("**/healthz", lambda route: route.abort())
    send(page, "A first one")
    expect(waiting(page)).to_have_text(RESTARTING)
    own_evoweb.start()
    sent = sends(page)
    page.goto(own_evoweb.url)

    expect(box(page)).to_have_value("A first one")
    expect(waiting(page)).to_have_text("")
    page.get_by_role("button", name="Send").click()
    expect(messages(page)).to_have_count(2)
    expect(page.get_by_role("navigation").get_by_text("A first one")).to_have_count(1)
    assert len(sent) == 1


def test_it_waits_for_the_line_too_and_goes_as_soon_as_that_is_there(
    anas: Page, upstream: Upstream
) -> None:
    upstream.says("Second")
    anas.context.set_offline(True)

    send(anas, "Two")
    expect(waiting(anas)).to_have_text(OFFLINE)
    anas.context.set_offline(False)

    expect(text_of(reply(anas))).to_have_text("Second")
    expect(messages(anas)).to_have_count(4)


def test_a_screen_reader_is_told_once_however_often_it_is_tried(
    anas: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    anas.evaluate(
        """() => {
            window.told = [];
            const words = document.querySelector(".dock__waiting [role=status]");
            const note = () => window.told.push(words.textContent);
            new MutationObserver(note).observe(words, { childList: true, characterData: true });
        }"""
    )
    own_evoweb.kill()
    tried: list[str] = []
    anas.on("requestfailed", lambda request: tried.append(request.url))

    send(anas, "Two")
    eventually(lambda: (anas.title(), len(tried))[1], lambda count: count >= 4)

    assert anas.evaluate("window.told") == [RESTARTING]


def test_a_refusal_that_is_none_of_a_restart_is_said_and_not_repeated(
    anas: Page, upstream: Upstream
) -> None:
    send(anas, "x" * 200_001)

    expect(anas.get_by_role("alert")).to_contain_text("up to 200,000 characters")
    expect(waiting(anas)).to_have_text("")


def waiting(page: Page) -> Locator:
    return page.locator(".dock__waiting [role=status]")


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


def texts(page: Page) -> Locator:
    return text_of(messages(page))


def lose_the_answer(page: Page, evoweb: EvowebProcess) -> None:
    """The next message arrives, and evoweb is killed before anybody hears of it."""

    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)
        evoweb.kill()
        route.abort()

    action = page.locator("#composer").evaluate("form => form.action")
    page.route(action, lose, times=1)


def sends(page: Page) -> list[Request]:
    """What is posted from here on, beside drafts."""
    posted: list[Request] = []

    def note(request: Request) -> None:
        if request.method == "POST" and not request.url.endswith("/draft/"):
            posted.append(request)

    page.on("request", note)
    return posted


def goes_live_again(page: Page, upstream: Upstream) -> None:
    """Another tab writes, and the first shows it."""
    upstream.says("From elsewhere")
    other = page.context.new_page()
    other.goto(page.url)
    send(other, "Elsewhere")
    expect(text_of(reply(page))).to_have_text("From elsewhere")
