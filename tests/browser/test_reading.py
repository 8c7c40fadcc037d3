"""The page while one reads: scrolling, copying, going back, settings, a line that is down."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import MISSED, sign_in, wait_for_page
from tests.browser.test_conversation import (
    converse,
    messages,
    reply,
    send,
    text_of,
    wait_for_scripts,
)
from tests.browser.test_line import Cable
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream
from tests.waiting import eventually

BELOW = "document.documentElement.scrollHeight - innerHeight - scrollY"
CLIPBOARD = "navigator.clipboard.readText()"
LINES = [f"Line {number}.\n\n" for number in range(80)]


def test_the_least_way_up_lets_go_of_the_end_and_the_way_down_takes_hold_again(
    ana: Page, upstream: Upstream
) -> None:
    upstream.holds_after(80, *LINES, "More.\n\n" * 20, "The end.")
    send(ana, "Write a lot")
    expect(text_of(reply(ana))).to_contain_text("Line 79.")
    wait_for_page(ana)
    eventually(lambda: ana.evaluate(BELOW), lambda pixels: pixels < 2)

    ana.mouse.move(600, 300)
    ana.mouse.wheel(0, -12)
    eventually(lambda: ana.evaluate(BELOW), lambda pixels: pixels > 2)
    upstream.release(1)
    expect(text_of(reply(ana))).to_contain_text("More.")
    expect(ana.get_by_role("button", name="New text")).to_be_visible()
    assert ana.evaluate(BELOW) > 100

    ana.get_by_role("button", name="New text").click()
    eventually(lambda: ana.evaluate(BELOW), lambda pixels: pixels < 2)
    upstream.release()
    expect(reply(ana)).to_have_attribute("data-state", "complete")
    eventually(lambda: ana.evaluate(BELOW), lambda pixels: pixels < 2)


def test_who_reads_further_up_stays_there_when_the_text_becomes_markdown(
    ana: Page, upstream: Upstream
) -> None:
    upstream.holds_after(80, *LINES, "The end.")
    send(ana, "Write a lot")
    expect(text_of(reply(ana))).to_contain_text("Line 79.")
    eventually(lambda: ana.evaluate(BELOW), lambda pixels: pixels < 2)
    wait_for_scripts(ana)
    ana.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    # Until the page has heard of it.
    ana.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    upstream.release()
    expect(reply(ana)).to_have_attribute("data-state", "complete")

    # A little below the middle of the lines, which take another height now.
    expect(ana.get_by_text("Line 46.", exact=True)).to_be_in_viewport()


def test_who_reads_further_up_stays_there_while_text_comes(ana: Page, upstream: Upstream) -> None:
    more = [f"More {number}.\n\n" for number in range(10)]
    upstream.holds_after(80, *LINES, *more, "The end.")
    send(ana, "Write a lot")
    expect(text_of(reply(ana))).to_contain_text("Line 79.")
    eventually(lambda: ana.evaluate(BELOW), lambda pixels: pixels < 2)
    wait_for_scripts(ana)
    ana.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    ana.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    place = ana.evaluate("scrollY")

    places = []
    for line in more:
        upstream.release(1)
        expect(text_of(reply(ana))).to_contain_text(line.strip())
        places.append(ana.evaluate("scrollY"))

    assert max(abs(now - place) for now in places) < 2
    upstream.release()


def test_who_reads_further_up_stays_there_when_text_that_was_missed_comes_at_once(
    ana: Page, upstream: Upstream
) -> None:
    cable = Cable(ana)
    upstream.holds_after(80, *LINES, "More.\n\n" * 20, "The end.")
    send(ana, "Write a lot")
    expect(text_of(reply(ana))).to_contain_text("Line 79.")
    wait_for_scripts(ana)
    eventually(lambda: ana.evaluate(BELOW), lambda pixels: pixels < 2)
    ana.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    ana.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    place = ana.evaluate("scrollY")

    cable.cut()
    upstream.release(1)
    ana.evaluate("document.dispatchEvent(new Event('resume'))")

    expect(text_of(reply(ana))).to_contain_text("More.")
    assert abs(ana.evaluate("scrollY") - place) < 2
    upstream.release()


def test_who_scrolls_up_in_the_moment_that_text_comes_is_let_go(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "Write a lot", answer="A line.")
    # Nobody but this test writes into the page from here.
    ana.route_web_socket("**/ws/**", lambda socket: None)
    ana.reload()
    wait_for_scripts(ana)

    middle, later = text_of(reply(ana)).evaluate(
        """async (text) => {
            const line = () => Object.assign(document.createElement("p"), { textContent: "More." });
            const write = () => text.append(...Array.from({ length: 100 }, line));
            const drawn = () => new Promise(requestAnimationFrame);
            await drawn();
            write();
            // After the page has followed the text, before it hears that it has been scrolled.
            await Promise.resolve();
            scrollTo(0, document.documentElement.scrollHeight / 2);
            const middle = scrollY;
            await drawn().then(drawn);
            write();
            await drawn().then(drawn);
            return [middle, scrollY];
        }"""
    )

    assert middle > 500
    assert later == middle


def test_an_answer_is_copied_as_it_was_written_and_code_without_its_frame(
    ana: Page, upstream: Upstream
) -> None:
    ana.context.grant_permissions(["clipboard-read", "clipboard-write"])
    markdown = "1. one\n2. two\n\n```python\nx = 1\n```\n"
    converse(ana, upstream, "A list", answer=markdown)
    wait_for_scripts(ana)

    reply(ana).get_by_role("button", name="Copy", exact=True).last.click()
    expect(reply(ana).get_by_role("button", name="Copied")).to_be_visible()
    assert ana.evaluate(CLIPBOARD) == markdown

    reply(ana).locator(".code").get_by_role("button", name="Copy").click()
    eventually(lambda: ana.evaluate(CLIPBOARD), lambda words: words == "x = 1")


def test_where_there_is_no_clipboard_it_is_copied_all_the_same(
    ana: Page, upstream: Upstream
) -> None:
    ana.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    converse(ana, upstream, "Say them", answer="Plain words")

    reply(ana).get_by_role("button", name="Copy").click()

    expect(reply(ana).get_by_role("button", name="Copied")).to_be_visible()
    ana.keyboard.press("Control+v")
    box = ana.get_by_role("textbox", name="Message")
    box.focus()
    ana.keyboard.press("Control+v")
    expect(box).to_have_value("Plain words")


def test_a_page_that_one_comes_back_to_can_be_sent_from_again(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "First", answer="First answer")
    upstream.says("Second answer")
    send(ana, "Second")
    expect(text_of(reply(ana))).to_have_text("Second answer")
    ana.get_by_role("link", name="Usage").click()
    expect(ana.get_by_role("heading", name="My usage")).to_be_visible()

    ana.go_back()
    upstream.says("Third answer")
    send(ana, "Third")

    expect(text_of(reply(ana))).to_have_text("Third answer")
    expect(messages(ana)).to_have_count(6)


def test_the_box_of_a_new_chat_is_empty_for_whoever_comes_back(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "Sent already", answer="Yes")

    ana.go_back()

    expect(ana.get_by_role("heading", name="What are you working on?")).to_be_visible()
    expect(ana.get_by_role("textbox", name="Message")).to_have_value("")


def test_what_is_typed_while_a_message_is_on_its_way_is_the_next_message(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "One", answer="Yes")
    box = ana.get_by_role("textbox", name="Message")

    def type_ahead(route: object) -> None:
        box.press_sequentially(" and more")
        route.continue_()  # type: ignore[attr-defined]

    ana.route("**/messages/", type_ahead)
    send(ana, "Two")

    expect(messages(ana)).to_have_count(4)
    expect(box).to_have_value("and more")


def test_settings_stay_open_until_they_are_saved_or_cancelled(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "One", answer="Yes")
    settings = ana.get_by_role("button", name="Settings of this chat")
    model = ana.get_by_label("Model", exact=True)

    settings.click()
    expect(model).to_be_focused()
    model.select_option("gemini-2.5-pro")
    ana.mouse.click(400, 300)
    expect(model).to_be_visible()
    ana.keyboard.press("Escape")
    ana.get_by_role("button", name="Discard").click()
    expect(model).to_be_hidden()
    settings.click()
    expect(model).to_have_value("Gemini-3.0-pro")

    model.select_option("gemini-2.5-pro")
    ana.get_by_role("button", name="Save").click()
    expect(ana.get_by_text("Settings saved.")).to_be_visible()
    settings.click()
    expect(model).to_have_value("gemini-2.5-pro")


def test_a_stop_that_does_not_arrive_is_said(
    page: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    sign_in(page, own_evoweb)
    upstream.holds_after(1, "One", " two")
    send(page, "Count")
    expect(text_of(reply(page))).to_have_text("One")

    wait_for_scripts(page)
    own_evoweb.kill()
    page.get_by_role("button", name="Stop").click()

    expect(page.get_by_role("alert")).to_have_text(
        "evoweb cannot be reached. Try again in a moment."
    )
    own_evoweb.start()
    expect(reply(page)).to_have_attribute("data-state", "interrupted", timeout=MISSED)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_another_answer_is_shown_where_one_was_reading(ana: Page, upstream: Upstream) -> None:
    converse(ana, upstream, "Early", answer="First try")
    upstream.says("Second try")
    reply(ana).get_by_role("button", name="Try again").click()
    expect(text_of(reply(ana))).to_have_text("Second try")
    for number in range(2):
        converse(ana, upstream, f"Late {number}", answer="".join(LINES))
    upstream.says("Yes")

    early = ana.locator("article[data-role=assistant]").first
    early.hover()
    early.get_by_role("button", name="Previous answer").click()
    expect(text_of(ana.locator("article[data-role=assistant]").first)).to_have_text("First try")
    early.hover()
    early.get_by_role("button", name="Next answer").click()

    expect(text_of(early)).to_have_text("Second try")
    expect(text_of(early)).to_be_in_viewport()
