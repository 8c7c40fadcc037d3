"""What is asked beside and of a conversation: titles, wherever the page has them; where the model's
view begins; how much the next request would send."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.browser.test_conversation import converse, wait_for_scripts
from tests.conftest import copy_of
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream, UpstreamProcess
from tests.waiting import eventually


@pytest.fixture(scope="module")
def titled(
    tmp_path_factory: pytest.TempPathFactory,
    upstream_process: UpstreamProcess,
    evoweb_before: EvowebProcess,
) -> Iterator[EvowebProcess]:
    """One that asks for titles, of a model that reads little."""
    said = {"EVOWEB_TITLES": "on", "EVOWEB_CONTEXT_WINDOWS": "Gemini-3.0-pro=4000"}
    folder = tmp_path_factory.mktemp("titled") / "evoweb"
    with copy_of(evoweb_before, folder, upstream_process, **said) as process:
        yield process


def test_a_title_comes_without_a_reload_and_is_changed_in_its_place(
    page: Page, titled: EvowebProcess, upstream: Upstream
) -> None:
    upstream.holds_after(0, "*<b>Winter</b> birds*", match="title")
    sign_in(page, titled)
    heading = page.get_by_role("banner").get_by_role("heading", level=1)
    here = page.locator(".conversations [aria-current=page]")

    converse(page, upstream, "Which birds stay here?", answer="Herons")
    expect(heading).to_have_text("Which birds stay here?")
    upstream.release()

    expect(heading).to_have_text("Winter birds")
    expect(here).to_have_text("Winter birds")
    expect(page).to_have_title("Winter birds · evoweb")

    # By the keys: Escape takes back, Enter saves; other tabs follow.
    other = page.context.new_page()
    other.goto(page.url)
    title = heading.get_by_role("link")
    box = page.get_by_role("banner").get_by_role("textbox", name="Title")
    title.press("Enter")
    expect(box).to_be_focused()
    box.fill("Something else")
    box.press("Escape")
    expect(heading).to_have_text("Winter birds")
    expect(title).to_be_focused()
    title.press("Enter")
    box.fill("Herons & <i>co</i>")
    box.press("Enter")
    for tab in (page, other):
        expect(tab.get_by_role("heading", level=1)).to_have_text("Herons & <i>co</i>")
        expect(tab.locator(".conversations [aria-current=page]")).to_have_text(re.compile("Herons"))
        expect(tab).to_have_title("Herons & <i>co</i> · evoweb")
    expect(title).to_be_focused()

    # What could not be saved stays where it was typed.
    title.click()
    page.context.set_offline(True)
    box.fill("Lost?")
    box.press("Enter")
    eventually(lambda: box.evaluate("(box) => box.validationMessage"), bool)
    expect(box).to_have_value("Lost?")
    page.context.set_offline(False)
    box.press("Enter")
    expect(heading).to_have_text("Lost?")
    page.reload()
    expect(heading).to_have_text("Lost?")


def test_a_new_chat_says_what_its_first_request_has_also_of_a_text_that_was_left_there(
    page: Page, titled: EvowebProcess
) -> None:
    sign_in(page, titled)
    estimate = page.locator("#estimate")
    box = page.get_by_role("textbox", name="Message", exact=True)
    wait_for_scripts(page)

    box.fill("word " * 400)
    expect(estimate).to_have_text("")
    with page.expect_response("**/draft/"):
        box.fill("word " * 1600)
    expect(estimate).to_have_text("about 2,000 tokens, ± 25 %")
    # As on another device.
    page.evaluate("localStorage.clear()")
    page.reload()
    expect(box).to_have_value("word " * 1600)
    expect(estimate).to_have_text("about 2,000 tokens, ± 25 %")


def test_the_page_says_where_the_model_s_view_begins_and_what_the_next_request_has(
    page: Page, titled: EvowebProcess, upstream: Upstream
) -> None:
    sign_in(page, titled)
    line = page.get_by_text("The model no longer sees what is above.")
    estimate = page.locator("#estimate")
    box = page.get_by_role("textbox", name="Message", exact=True)
    # About a thousand tokens, as they are reckoned.
    long = "word " * 600

    upstream.says("Words", match="title of at most")
    converse(page, upstream, f"One {long}", answer="Yes", prompt_tokens=751, completion_tokens=1)
    expect(page).to_have_title("Words · evoweb")
    expect(estimate).to_have_text("")
    converse(page, upstream, f"Two {long}", answer="No", prompt_tokens=1502, completion_tokens=1)
    expect(estimate).to_have_text("about 1,500 tokens, ± 10 %")
    expect(line).to_have_count(0)

    box.press_sequentially("x")
    box.fill("word " * 400)
    expect(estimate).to_have_text("about 2,000 tokens, ± 10 %")
    box.fill("")
    expect(estimate).to_have_text("about 1,500 tokens, ± 10 %")

    # The third does not fit with the others: the page says so without a reload, and after one.
    other = page.context.new_page()
    other.goto(page.url)
    converse(page, upstream, f"Three {long}", answer="Perhaps", prompt_tokens=752)
    expect(page.get_by_role("log")).to_contain_text("Perhaps")
    assert [each["content"].split()[0] for each in upstream.last.body["messages"]] == ["Three"]
    for tab in (page, other):
        marked = tab.locator(".message").filter(has_text="no longer sees")
        expect(marked).to_have_count(1)
        expect(marked).to_contain_text("Three word")
    page.reload()
    expect(line).to_be_visible()
    assert "no longer sees" not in page.request.get(f"{page.url}.md").text()
