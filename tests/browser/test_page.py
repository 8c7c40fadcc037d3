"""The page around the conversation: without script, on a phone, in Spanish, after a restart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect

from chat.consumers import NOT_SIGNED_IN
from tests.browser.conftest import MISSED, before_its_scripts, sign_in
from tests.browser.test_conversation import (
    converse,
    messages,
    reply,
    send,
    text_of,
    wait_for_scripts,
)
from tests.evoweb_process import EMAIL, PASSWORD, EvowebProcess
from tests.upstream.process import Upstream
from tests.waiting import eventually


@pytest.fixture
def plain(chromium: Browser, evoweb: EvowebProcess) -> Iterator[Page]:
    """Ana's tab in a browser without script."""
    context = chromium.new_context(locale="en-GB", java_script_enabled=False)
    context.set_default_timeout(10_000)
    page = context.new_page()
    sign_in(page, evoweb)
    yield page
    context.close()


def test_without_script_an_answer_streams_and_then_stands_in_the_page(
    plain: Page, upstream: Upstream
) -> None:
    upstream.holds_after(2, "One", " two", " three")
    plain.get_by_role("textbox", name="Message").fill("Count")
    plain.get_by_role("button", name="Send").click(no_wait_after=True)

    expect(plain.get_by_role("log").get_by_text("One two", exact=True)).to_be_visible()
    upstream.release()
    expect(reply(plain)).to_have_attribute("data-state", "complete")
    expect(text_of(reply(plain))).to_have_text("One two three")


def test_without_script_a_conversation_can_be_gone_on_with_renamed_and_deleted(
    plain: Page, upstream: Upstream
) -> None:
    converse(plain, upstream, "One", answer="First")
    upstream.says("Second")
    send(plain, "Two")
    expect(text_of(reply(plain))).to_have_text("Second")
    upstream.says("Another second")
    reply(plain).get_by_role("button", name="Try again").click()
    expect(text_of(reply(plain))).to_have_text("Another second")

    plain.get_by_role("button", name="Rename or delete").click()
    plain.get_by_label("Title").fill("Numbers")
    plain.get_by_role("button", name="Rename", exact=True).click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Numbers")
    plain.get_by_role("button", name="Rename or delete").click()
    plain.get_by_role("button", name="Delete this chat").click()

    expect(plain.get_by_text("“Numbers” is deleted.")).to_be_visible()
    plain.get_by_role("button", name="Undo").click()
    expect(messages(plain)).to_have_count(4)


def test_on_a_phone_the_sidebar_is_a_drawer_that_escape_closes(ana: Page) -> None:
    ana.set_viewport_size({"width": 320, "height": 640})
    listed = ana.get_by_role("navigation", name="Conversations")
    expect(listed).to_be_hidden()

    ana.get_by_role("button", name="Conversations").click()
    expect(listed).to_be_visible()
    ana.keyboard.press("Escape")

    expect(listed).to_be_hidden()
    assert ana.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_who_is_quicker_than_the_script_stays_where_they_are(
    ana: Page, evoweb: EvowebProcess
) -> None:
    find = ana.get_by_role("link", name="Find", exact=True)

    with before_its_scripts(ana, evoweb.url):
        find.focus()

    expect(find).to_be_focused()


def test_the_page_follows_the_browsers_language_and_then_the_profile(
    chromium: Browser, evoweb: EvowebProcess
) -> None:
    context = chromium.new_context(locale="es-ES")
    page = context.new_page()
    page.goto(evoweb.url)
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.locator("input[name=login]").fill(EMAIL)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main form button").first.click()
    expect(page.get_by_role("button", name="Enviar")).to_be_visible()

    page.goto(f"{evoweb.url}/profile/")
    page.locator("select[name=language]").select_option("en")
    page.locator("main form button").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "en")

    page.goto(f"{evoweb.url}/profile/")
    page.locator("select[name=language]").select_option("")
    page.locator("main form button").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    context.close()


def test_after_a_restart_the_page_catches_up_by_itself(
    page: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    sign_in(page, own_evoweb)
    upstream.holds_after(2, "One", " two", " three")
    send(page, "Count")
    expect(text_of(reply(page))).to_have_text("One two")

    wait_for_scripts(page)
    own_evoweb.kill()
    own_evoweb.start()

    expect(reply(page)).to_have_attribute("data-state", "interrupted", timeout=MISSED)
    expect(text_of(reply(page))).to_have_text("One two")
    upstream.says("Once more")
    reply(page).get_by_role("button", name="Try again").click()
    expect(text_of(reply(page))).to_have_text("Once more")


def test_a_page_goes_live_however_late_its_scripts_come(ana: Page, upstream: Upstream) -> None:
    converse(ana, upstream, "Hello", answer="Hello")

    def late(route: Route) -> None:
        ana.wait_for_timeout(500)
        route.continue_()

    ana.route("**/js/joined-live.*.js", late)
    with ana.expect_websocket():
        ana.reload()


def test_a_socket_that_is_closed_for_good_at_once_brings_a_fresh_page(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "Hello", answer="Hello")
    sockets: list[WebSocketRoute] = []

    def close_the_first(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if len(sockets) == 1:
            socket.close(code=NOT_SIGNED_IN)
        else:
            socket.connect_to_server()

    ana.route_web_socket("**/ws/**", close_the_first)
    # What shows the state of the connection never comes to this page.
    ana.route("**/js/joined-thread.*.js", lambda route: None, times=1)
    ana.reload()

    # By then the fresh page is there. Sockets are heard of only while the page is waited for.
    def heard() -> int:
        ana.wait_for_timeout(50)
        return len(sockets)

    eventually(heard, lambda count: count == 2)
    send(ana, "Are you there?")
    expect(reply(ana)).to_have_attribute("data-state", "complete")
    assert len(sockets) == 2


def test_enter_that_ends_an_input_methods_word_does_not_send(ana: Page) -> None:
    box = ana.get_by_role("textbox", name="Message")
    box.fill("にほん")

    box.evaluate(
        "box => box.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', keyCode: 229, isComposing: true, bubbles: true, cancelable: true}))"
    )

    expect(box).to_have_value("にほん")
    expect(ana.get_by_role("log")).to_have_count(0)


def test_on_a_touch_keyboard_enter_breaks_the_line(
    chromium: Browser, evoweb: EvowebProcess
) -> None:
    context = chromium.new_context(locale="en-GB", has_touch=True, is_mobile=True)
    page = context.new_page()
    sign_in(page, evoweb)
    box = page.get_by_role("textbox", name="Message")

    box.press_sequentially("Upper")
    box.press("Enter")
    box.press_sequentially("lower")

    expect(box).to_have_value("Upper\nlower")
    expect(page).to_have_url(f"{evoweb.url}/")
    context.close()


def test_the_box_grows_with_its_text_up_to_a_part_of_the_page(ana: Page) -> None:
    box = ana.get_by_role("textbox", name="Message")

    heights = []
    for lines in (1, 4, 200):
        box.fill("line\n" * lines)
        heights.append(box.evaluate("box => box.clientHeight"))

    assert heights[0] < heights[1] < heights[2] <= 0.4 * 800 + 1


def test_the_theme_is_switched_at_once_and_kept(ana: Page, evoweb: EvowebProcess) -> None:
    ana.get_by_role("button", name="ana").click()
    with ana.expect_response("**/profile/theme/"):
        ana.get_by_role("button", name="Dark").click()
    expect(ana.locator("html")).to_have_attribute("data-theme", "dark")

    ana.goto(f"{evoweb.url}/usage/")

    expect(ana.locator("html")).to_have_attribute("data-theme", "dark")
    ana.get_by_role("button", name="ana").click()
    with ana.expect_response("**/profile/theme/"):
        ana.get_by_role("button", name="Like the device").click()
    expect(ana.locator("html")).to_have_attribute("data-theme", "auto")
