"""A long conversation: up to its first message, a link to one of them, and live text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import before_its_scripts, recognise, wait_for_page
from tests.browser.test_conversation import messages, reply, send, text_of
from tests.browser.test_reading import BELOW, LINES
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream
from tests.waiting import eventually

TURNS = 150
GO_TO = """(message, top) => {
    scrollTo(0, top);
    return message.getBoundingClientRect().top;
}"""
# Where it stands, in the frame after the next: what moves then is seen to move.
TOP_OF = """(message) => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
    () => done(message.getBoundingClientRect().top))))"""


@pytest.fixture(scope="module")
def begin_talk(evoweb_session: EvowebProcess) -> Callable[[], str]:
    """Of 300 messages."""
    words = f"from tests.long_talk import print_address; print_address(turns={TURNS})"

    def begin() -> str:
        done = evoweb_session.manage("shell", "--no-imports", "-c", words)
        assert done.returncode == 0, done.stderr
        return evoweb_session.url + done.stdout.strip()

    return begin


@pytest.fixture
def talk(ana: Page, begin_talk: Callable[[], str]) -> Page:
    """Ana's page of it."""
    ana.goto(begin_talk())
    return ana


def test_the_first_message_is_reached_without_a_jump_while_an_answer_comes(
    talk: Page, upstream: Upstream
) -> None:
    upstream.holds_after(1, "It goes", " on", " and on")
    send(talk, "More")
    expect(text_of(reply(talk))).to_have_text("It goes")
    expect(messages(talk)).to_have_count(22)

    while (count := messages(talk).count()) < 2 * TURNS + 2:
        first = messages(talk).first.element_handle()
        # To the very top, and to somewhat below it.
        before = first.evaluate(GO_TO, count % 80 * 10)
        expect(messages(talk)).not_to_have_count(count)
        assert abs(first.evaluate(TOP_OF) - before) < 1
    expect(talk.get_by_role("button", name="New text")).to_be_hidden()
    upstream.release()

    expect(talk.get_by_text("Question 1", exact=True)).to_be_attached()
    expect(talk.locator("#earlier")).to_have_count(0)
    expect(reply(talk)).to_have_attribute("data-state", "complete")
    expect(text_of(reply(talk))).to_have_text("It goes on and on")
    keys = messages(talk).evaluate_all("(all) => all.map((one) => Number(one.id.slice(8)))")
    assert keys == sorted(set(keys))
    assert abs(first.evaluate(TOP_OF) - before) < 1


def test_a_link_to_a_message_shows_it_and_what_is_sent_from_there_stands_at_the_end(
    talk: Page, upstream: Upstream
) -> None:
    address = talk.url
    # From a page of its own: a second tab watches the end.
    watching = talk.context.new_page()
    watching.goto(address)
    key = int(messages(talk).first.get_attribute("id")[8:]) - 200  # type: ignore[index]
    talk.goto(f"{address}?message={key}#message-{key}")
    named = talk.locator(f"#message-{key}")
    expect(named).to_be_in_viewport()
    expect(messages(talk)).to_have_count(20)

    # What happens at the end is not shown in the middle.
    upstream.says("From the other tab")
    send(watching, "Said there")
    expect(text_of(reply(watching))).to_have_text("From the other tab")
    expect(reply(watching)).to_have_attribute("data-state", "complete")
    expect(talk.get_by_text("Answer finished")).to_be_attached()
    expect(messages(talk)).to_have_count(20)
    expect(named).to_be_in_viewport()
    talk.locator("#later").evaluate("(way) => way.scrollIntoView()")
    expect(messages(talk)).to_have_count(40)

    upstream.says("At the end")
    send(talk, "Said here")
    expect(text_of(reply(talk))).to_have_text("At the end")
    expect(talk).to_have_url(address)
    expect(messages(talk)).to_have_count(20)


def test_who_scrolls_before_the_page_has_its_script_stays_there(
    ana: Page, begin_talk: Callable[[], str]
) -> None:
    with before_its_scripts(ana, begin_talk()):
        expect(messages(ana).last).to_be_in_viewport()
        ana.mouse.move(600, 300)
        ana.mouse.wheel(0, -300)
        place = eventually(lambda: ana.evaluate(BELOW), lambda pixels: pixels > 200)

    assert ana.evaluate(BELOW) == place


def test_who_comes_back_to_more_text_stands_at_its_end(
    ana: Page, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    upstream.holds_after(80, *LINES, "More.\n\n" * 20, "The end.")
    send(ana, "Write a lot")
    expect(text_of(reply(ana))).to_contain_text("Line 79.")
    wait_for_page(ana)
    address = ana.url
    ana.goto(f"{evoweb.url}/help/")
    upstream.release(1)
    with evoweb.session() as client:
        eventually(lambda: client.get(address).text, lambda page: "More." in page)

    ana.go_back()
    wait_for_page(ana)

    expect(text_of(reply(ana))).to_contain_text("More.")
    assert ana.evaluate(BELOW) < 2
    upstream.release()


def test_without_script_plain_links_lead_up_and_down(
    chromium: Browser, evoweb: EvowebProcess, begin_talk: Callable[[], str]
) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    recognise(context, evoweb)
    page = context.new_page()
    page.goto(begin_talk())
    expect(messages(page).last).to_be_in_viewport()

    for _ in range(14):
        page.get_by_role("link", name="Earlier messages").click()
    expect(page.get_by_text("Question 1", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Earlier messages")).to_have_count(0)
    page.get_by_role("link", name="Later messages").click()
    expect(page.get_by_text("Question 11", exact=True)).to_be_in_viewport()
    page.get_by_role("link", name="To the end").click()
    expect(page.get_by_text(f"Question {TURNS}", exact=True)).to_be_visible()
    context.close()
