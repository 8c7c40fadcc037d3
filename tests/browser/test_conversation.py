"""A conversation as a person sees it: live text, stop, reload, try again, two tabs."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from tests.browser.conftest import sign_in, wait_for_page
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream

PIECES = ("One", " two", " three", " four")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_page_shows_exactly_what_the_model_has_said_so_far(
    ana: Page, upstream: Upstream, count: int
) -> None:
    upstream.holds_after(count, *PIECES)

    send(ana, "Count")

    expect(text_of(reply(ana))).to_have_text("".join(PIECES[:count]))

    upstream.release()
    expect(reply(ana)).to_have_attribute("data-state", "complete")
    expect(text_of(reply(ana))).to_have_text("".join(PIECES))
    expect(ana.get_by_text("Answer finished")).to_be_attached()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_was_shown_stays_after_stop_and_reload(
    ana: Page, upstream: Upstream, count: int
) -> None:
    upstream.holds_after(count, *PIECES)
    send(ana, "Count")
    shown = "".join(PIECES[:count])
    expect(text_of(reply(ana))).to_have_text(shown)

    ana.get_by_role("button", name="Stop").click()
    expect(reply(ana)).to_have_attribute("data-state", "stopped")
    expect(text_of(reply(ana))).to_have_text(shown)
    ana.reload()

    expect(reply(ana)).to_have_attribute("data-state", "stopped")
    expect(text_of(reply(ana))).to_have_text(shown)


def test_a_reload_in_the_middle_shows_the_same_text_and_goes_on(
    ana: Page, upstream: Upstream
) -> None:
    upstream.holds_after(2, *PIECES)
    send(ana, "Count")
    expect(text_of(reply(ana))).to_have_text("One two")

    ana.reload()

    expect(text_of(reply(ana))).to_have_text("One two")
    upstream.release()
    expect(text_of(reply(ana))).to_have_text("One two three four")
    expect(reply(ana)).to_have_attribute("data-state", "complete")


def test_a_second_tab_shows_the_same_and_sees_new_turns(ana: Page, upstream: Upstream) -> None:
    converse(ana, upstream, "First", answer="First answer")
    second = ana.context.new_page()
    second.goto(ana.url)
    expect(text_of(reply(second))).to_have_text("First answer")

    upstream.holds_after(1, "Second", " answer")
    send(ana, "Second")

    expect(messages(second)).to_have_count(4)
    expect(text_of(reply(second))).to_have_text("Second")
    upstream.release()
    expect(text_of(reply(second))).to_have_text("Second answer")
    expect(messages(ana)).to_have_count(4)


def test_stop_keeps_the_text_and_lets_the_next_message_go(ana: Page, upstream: Upstream) -> None:
    upstream.holds_after(2, *PIECES)
    send(ana, "Count")
    expect(text_of(reply(ana))).to_have_text("One two")

    ana.get_by_role("button", name="Stop").click()

    expect(reply(ana)).to_have_attribute("data-state", "stopped")
    expect(text_of(reply(ana))).to_have_text("One two")
    upstream.wait_until_client_left()
    upstream.says("Gladly")
    send(ana, "Go on")
    expect(text_of(reply(ana))).to_have_text("Gladly")


def test_an_answer_to_a_send_that_comes_late_undoes_nothing_that_the_socket_showed(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "One", answer="First")
    kept: list[tuple[Route, APIResponse]] = []
    ana.route("**/messages/", lambda route: kept.append((route, route.fetch())))

    upstream.says("Second")
    send(ana, "Two")
    expect(text_of(reply(ana))).to_have_text("Second")
    expect(reply(ana)).to_have_attribute("data-state", "complete")
    route, answer = kept[0]
    with ana.expect_response("**/messages/"):
        route.fulfill(response=answer)

    expect(ana.get_by_role("textbox", name="Message")).to_have_value("")
    expect(reply(ana)).to_have_attribute("data-state", "complete")
    expect(messages(ana)).to_have_count(4)
    expect(ana.get_by_role("button", name="Stop")).to_have_count(0)


def test_try_again_makes_another_answer_and_keeps_the_first(ana: Page, upstream: Upstream) -> None:
    upstream.says("First try")
    send(ana, "Try")
    expect(text_of(reply(ana))).to_have_text("First try")
    upstream.says("Second try")

    reply(ana).hover()
    reply(ana).get_by_role("button", name="Try again").click()

    expect(text_of(reply(ana))).to_have_text("Second try")
    expect(messages(ana)).to_have_count(2)
    reply(ana).hover()
    reply(ana).get_by_role("button", name="Previous answer").click()
    expect(text_of(reply(ana))).to_have_text("First try")


def test_a_stopped_answer_goes_on_where_it_ended(ana: Page, upstream: Upstream) -> None:
    upstream.holds_after(1, "Once upon a time there", " is lost")
    send(ana, "A story")
    expect(text_of(reply(ana))).to_have_text("Once upon a time there")
    ana.get_by_role("button", name="Stop").click()
    upstream.holds_after(1, "a time there was", " a queen")

    reply(ana).get_by_role("button", name="Continue").click()

    expect(text_of(reply(ana))).to_have_text("Once upon a time there was")
    upstream.release()
    expect(reply(ana)).to_have_attribute("data-state", "complete")
    expect(text_of(reply(ana))).to_have_text("Once upon a time there was a queen")
    expect(messages(ana)).to_have_count(2)


def test_what_the_model_writes_is_never_markup(ana: Page, upstream: Upstream) -> None:
    hostile = "<img src=x onerror=alert(1)><hx-partial hx-target='body'>gone</hx-partial> **bold**"
    words = hostile.replace("*", "")
    upstream.holds_after(1, hostile, hostile, " end")

    send(ana, "Attack")

    # The first piece comes within its message, the second is put into the page by itself.
    expect(text_of(reply(ana))).to_have_text(words)
    upstream.release(1)
    expect(text_of(reply(ana))).to_have_text(words * 2)
    upstream.release()
    expect(reply(ana)).to_have_attribute("data-state", "complete")
    expect(text_of(reply(ana)).locator("strong")).to_have_text(["bold", "bold"])
    expect(text_of(reply(ana)).locator("img")).to_have_count(0)
    expect(messages(ana)).to_have_count(2)


def test_enter_sends_and_shift_enter_breaks_the_line(ana: Page, upstream: Upstream) -> None:
    upstream.says("Fine")
    box = ana.get_by_role("textbox", name="Message")

    box.press_sequentially("Upper")
    box.press("Shift+Enter")
    box.press_sequentially("lower")
    box.press("Enter")

    expect(text_of(messages(ana).first)).to_have_text("Upper\nlower", use_inner_text=True)
    assert upstream.wait_for_requests()[-1].body["messages"][-1]["content"] == "Upper\nlower"


def test_a_refused_send_keeps_its_text(ana: Page, upstream: Upstream) -> None:
    converse(ana, upstream, "Count", answer="One")
    text = "x" * 200_001

    send(ana, text)

    expect(ana.get_by_role("alert")).to_contain_text("up to 200,000 characters")
    expect(ana.get_by_role("textbox", name="Message")).to_have_value(text)
    ana.reload()
    expect(ana.get_by_role("textbox", name="Message")).to_have_value(text)


def test_a_setting_of_a_new_chat_that_is_out_of_range_is_said_and_the_text_kept(
    ana: Page, upstream: Upstream
) -> None:
    upstream.says("Good morning")
    ana.get_by_role("button", name="Settings of this chat").click()
    ana.get_by_label("Temperature").fill("3")
    ana.get_by_role("button", name="Done").click()

    send(ana, "Greet me")

    expect(ana.get_by_text("A setting of this chat is out of its range.")).to_be_visible()
    expect(ana.get_by_role("textbox", name="Message")).to_have_value("Greet me")
    ana.get_by_role("button", name="Look at the settings").click()
    expect(ana.get_by_text("Give a number from 0 to 2.")).to_be_visible()
    ana.get_by_label("Temperature").fill("1")
    ana.get_by_role("button", name="Done").click()
    ana.get_by_role("button", name="Send").click()
    expect(text_of(reply(ana))).to_have_text("Good morning")


def test_a_failed_reply_says_what_to_do_and_can_be_tried_again(
    ana: Page, upstream: Upstream
) -> None:
    upstream.fails(401)
    send(ana, "Hello")

    expect(reply(ana)).to_have_attribute("data-state", "failed")
    expect(reply(ana)).to_contain_text("Tell your administrator")
    upstream.says("Now it works")
    reply(ana).get_by_role("button", name="Try again").click()
    expect(text_of(reply(ana))).to_have_text("Now it works")


def test_an_answer_that_was_cut_says_so_and_leads_to_the_limit(
    ana: Page, upstream: Upstream
) -> None:
    figures = {"completion_tokens_details": {"reasoning_tokens": 40}}
    upstream.says("Half a", finish="length", completion_tokens=50, usage=figures)

    send(ana, "Write a lot")

    expect(reply(ana)).to_contain_text("Cut at 50 tokens, of which 40 were thinking.")
    reply(ana).get_by_role("link", name="Raise the limit").click()
    expect(ana.get_by_label("Longest answer, in tokens")).to_be_visible()


def test_a_deleted_conversation_can_be_taken_back(ana: Page, upstream: Upstream) -> None:
    converse(ana, upstream, "Something to delete", answer="Kept")
    address = ana.url

    ana.get_by_role("button", name="Rename or delete").click()
    ana.get_by_role("button", name="Delete this chat").click()
    expect(ana.get_by_text("is deleted")).to_be_visible()
    ana.get_by_role("button", name="Undo").click()

    ana.wait_for_url(address)
    expect(text_of(reply(ana))).to_have_text("Kept")


def test_the_conversation_is_in_the_list_under_its_first_words(
    ana: Page, upstream: Upstream
) -> None:
    upstream.says("Yes")
    send(ana, "A quite particular question about herons")

    listed = ana.get_by_role("navigation", name="Conversations")
    expect(listed.get_by_text("A quite particular question about herons")).to_be_visible()


def test_the_seeds_figures_stand_under_the_reply_and_on_both_usage_pages(
    page: Page, own_evoweb: EvowebProcess
) -> None:
    sign_in(page, own_evoweb)
    send(page, "Please introduce yourself")
    expect(reply(page)).to_have_attribute("data-state", "complete")

    expect(reply(page)).to_contain_text("13 in")
    expect(reply(page)).to_contain_text("1,891 out, of which 1,480 thinking")
    for path in ("/usage/", "/usage/team/"):
        page.goto(own_evoweb.url + path)
        row = page.get_by_role("row").nth(1)
        for figure in ("13", "1,891", "1,480", "0.0182 USD"):
            expect(row.get_by_role("cell", name=figure, exact=True)).to_be_visible()


def test_every_message_is_named_by_its_author(ana: Page, upstream: Upstream) -> None:
    upstream.says("Hello")
    send(ana, "Hello")

    expect(ana.get_by_role("article", name="You")).to_have_count(1)
    expect(ana.get_by_role("article", name="Gemini-3.0-pro")).to_have_count(1)
    log = ana.get_by_role("log", name="Conversation")
    expect(log).to_have_attribute("aria-live", "off")


def send(page: Page, text: str) -> None:
    wait_for_page(page)
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="Send").click()


def converse(page: Page, upstream: Upstream, prompt: str, *, answer: str, **fields: Any) -> None:
    """A whole turn: sent, answered, and shown to its end."""
    upstream.says(answer, **fields)
    send(page, prompt)
    expect(reply(page)).to_have_attribute("data-state", "complete")
    # Its answer may be there before the send has been answered, which then empties the box.
    expect(page.locator("#composer")).not_to_have_attribute("aria-busy", "true")
    wait_for_page(page)


def wait_for_scripts(page: Page) -> None:
    """Until the page has all its scripts, so that it can do without a server."""
    page.wait_for_load_state("networkidle")


def messages(page: Page) -> Locator:
    return page.get_by_role("log").get_by_role("article")


def reply(page: Page) -> Locator:
    """The last message, which is the model's once the turn is there."""
    return page.locator("article[data-role=assistant]").last


def text_of(message: Locator) -> Locator:
    return message.locator("[id$='-text']:not([id$='-reasoning-text'])")
