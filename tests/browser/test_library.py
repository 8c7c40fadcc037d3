"""The library of prompts: made, put to use without script, and by a `/` in the composer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests.browser.conftest import before_its_scripts, hold, sign_in, wait_for_page
from tests.browser.test_accessibility import complaints_in_both_themes
from tests.browser.test_conversation import converse, messages, reply, text_of
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream

PHONE = ViewportSize(width=375, height=700)
TEXT = "Translate into {{language}}: {{ text }}"


@pytest.fixture
def library(ana: Page, evoweb: EvowebProcess) -> Iterator[Page]:
    """Ana's tab; what she makes here is gone for the tests that follow."""
    yield ana
    ana.goto(f"{evoweb.url}/prompts/")
    delete = ana.get_by_role("button", name="Delete:")
    while delete.count():
        delete.first.click()


@pytest.fixture
def plain(chromium: Browser, evoweb: EvowebProcess) -> Iterator[Page]:
    """A phone without script."""
    context = chromium.new_context(java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    sign_in(page, evoweb)
    yield page
    context.close()


def make(page: Page, evoweb: EvowebProcess, name: str, text: str, *, title: str = "") -> None:
    page.goto(f"{evoweb.url}/prompts/new/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Title").fill(title)
    page.get_by_label("Text").fill(text)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=f"/{name}")).to_be_visible()


def test_its_pages_keep_the_rules_of_accessibility(library: Page, evoweb: EvowebProcess) -> None:
    library.goto(evoweb.url)
    library.get_by_role("button", name="ana").click()
    library.get_by_role("link", name="Prompts").click()
    expect(library.get_by_text("There are none yet.")).to_be_visible()
    assert complaints_in_both_themes(library) == []
    library.get_by_role("link", name="Make a prompt").click()
    assert complaints_in_both_themes(library) == []
    make(library, evoweb, "translate", TEXT, title="Into another language")
    assert complaints_in_both_themes(library) == []
    library.get_by_role("link", name="/translate").click()
    assert complaints_in_both_themes(library) == []
    library.get_by_role("link", name="Back").click()
    library.get_by_role("button", name="Delete: translate").click()
    expect(library.get_by_text("“translate” is deleted.")).to_be_visible()
    library.get_by_role("button", name="Undo").click()

    expect(library.get_by_role("heading", name="/translate")).to_be_visible()


def test_without_script_its_page_asks_and_fills_the_box_of_a_new_chat(
    library: Page, plain: Page, evoweb: EvowebProcess
) -> None:
    make(library, evoweb, "translate", TEXT)
    plain.goto(f"{evoweb.url}/prompts/")
    assert plain.evaluate("document.documentElement.scrollWidth") <= 375
    plain.get_by_role("link", name="/translate").click()
    plain.get_by_label("language").fill("Basque")
    plain.get_by_label("text", exact=True).fill("Good morning")

    plain.get_by_role("button", name="Put it in").click()

    box = plain.get_by_role("textbox", name="Message")
    expect(box).to_have_value("Translate into Basque: Good morning")


# By a `/` in the composer


def test_a_prompt_is_chosen_by_its_name_and_asks_for_what_it_leaves_open(
    library: Page, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    make(library, evoweb, "translate", TEXT, title="Into another language")
    make(library, evoweb, "minutes", "Summarise these minutes.")
    fresh(library, evoweb)
    box(library).press_sequentially("/")
    expect(choices(library)).to_have_text(
        ["/minutes Summarise these minutes.", "/translate Into another language"]
    )
    expect(library.get_by_role("status").get_by_text("2 to choose from")).to_be_attached()
    assert complaints_in_both_themes(library) == []
    library.keyboard.press("ArrowDown")
    expect(chosen(library)).to_contain_text("/translate")
    library.keyboard.press("ArrowDown")
    expect(chosen(library)).to_contain_text("/minutes")
    assert is_told(library)
    # A word of its title is as good.
    box(library).press_sequentially("ano")
    expect(chosen(library)).to_contain_text("/translate")

    library.keyboard.press("Enter")

    dialog = library.get_by_role("dialog", name="Into another language")
    expect(dialog.get_by_label("language")).to_be_focused()
    assert complaints_in_both_themes(library) == []
    library.keyboard.type("Basque")
    library.keyboard.press("Tab")
    library.keyboard.type("Good {{language}}")
    library.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(box(library)).to_be_focused()
    expect(box(library)).to_have_value("Translate into Basque: Good {{language}}")
    upstream.says("Egun on")
    library.keyboard.press("Enter")
    expect(text_of(reply(library))).to_have_text("Egun on")
    assert upstream.last.body["messages"][-1]["content"] == (
        "Translate into Basque: Good {{language}}"
    )


def test_what_is_typed_faster_than_the_list_comes_means_what_stands_in_it(
    library: Page, evoweb: EvowebProcess
) -> None:
    make(library, evoweb, "minutes", "Summarise these minutes.")
    fresh(library, evoweb)
    held = hold(library, "**/prompts/")

    box(library).press_sequentially("/min")
    library.keyboard.press("Enter")
    held().continue_()

    expect(box(library)).to_have_value("Summarise these minutes.")
    expect(messages(library)).to_have_count(0)


@pytest.mark.parametrize("way", ["Escape", "an unknown name", "a path", "no prompts at all"])
def test_a_message_that_begins_so_can_be_sent(
    library: Page, evoweb: EvowebProcess, upstream: Upstream, way: str
) -> None:
    text = {"an unknown name": "/nothing", "a path": "/minutes/of: where?"}.get(way, "/min")
    if way != "no prompts at all":
        make(library, evoweb, "minutes", "Summarise these minutes.")
    converse(fresh(library, evoweb), upstream, "First", answer="Well")
    box(library).press_sequentially(text[:1])
    expect(library.locator("#prompts")).to_be_visible()
    box(library).press_sequentially(text[1:])
    if way == "Escape":
        library.keyboard.press("Escape")
    expect(library.locator("#prompts")).to_be_hidden()

    upstream.says("Indeed")
    library.keyboard.press("Enter")

    expect(messages(library)).to_have_count(4)
    expect(text_of(messages(library).nth(2))).to_have_text(text)


def test_whoever_thinks_better_of_it_has_the_name_still_and_is_asked_again(
    library: Page, evoweb: EvowebProcess
) -> None:
    make(library, evoweb, "translate", TEXT)
    fresh(library, evoweb)
    box(library).press_sequentially("/tr and more")
    for _ in " and more":
        library.keyboard.press("ArrowLeft")
    box(library).press_sequentially("an")
    expect(choices(library)).to_have_count(1)
    library.keyboard.press("Tab")
    dialog = library.get_by_role("dialog")
    expect(dialog.get_by_label("language")).to_be_focused()
    library.keyboard.press("Escape")
    expect(box(library)).to_be_focused()
    expect(box(library)).to_have_value("/tran and more")
    expect(box(library)).to_be_editable()

    library.keyboard.press("Enter")

    dialog.get_by_role("button", name="Put it in").click()
    expect(box(library)).to_have_value("Translate into :  and more")
    expect(messages(library)).to_have_count(0)


def test_on_a_phone_a_press_chooses(
    library: Page, chromium: Browser, evoweb: EvowebProcess
) -> None:
    make(library, evoweb, "minutes", "Summarise these minutes. " * 20 + "All.")
    context = chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    phone = context.new_page()
    sign_in(phone, evoweb)
    box(phone).tap()
    box(phone).press_sequentially("/m")
    expect(choices(phone)).to_have_count(1)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 375
    place = choices(phone).bounding_box()
    assert place is not None
    assert place["height"] >= 44

    choices(phone).tap()

    expect(box(phone)).to_have_value("Summarise these minutes. " * 20 + "All.")
    context.close()


def test_who_types_before_the_page_has_its_script_is_shown_the_list(
    library: Page, evoweb: EvowebProcess
) -> None:
    make(library, evoweb, "minutes", "Summarise these minutes.")

    with before_its_scripts(library, evoweb.url):
        box(library).press_sequentially("/mi")

    expect(choices(library)).to_have_text(["/minutes Summarise these minutes."])


def test_a_name_that_was_left_in_the_box_opens_no_list(
    library: Page, evoweb: EvowebProcess
) -> None:
    make(library, evoweb, "minutes", "Summarise these minutes.")
    fresh(library, evoweb)
    with library.expect_response("**/draft/"):
        box(library).press_sequentially("/mi")
    fresh(library, evoweb)
    library.wait_for_load_state("networkidle")

    expect(box(library)).to_have_value("/mi")
    expect(library.locator("#prompts")).to_have_count(0)


def test_a_list_that_cannot_be_had_is_said(library: Page, evoweb: EvowebProcess) -> None:
    fresh(library, evoweb)
    library.route("**/prompts/", lambda route: route.abort(), times=1)

    box(library).press_sequentially("/")

    expect(library.get_by_role("alert")).to_contain_text("evoweb cannot be reached.")
    expect(box(library)).to_have_value("/")


def fresh(page: Page, evoweb: EvowebProcess) -> Page:
    page.goto(evoweb.url)
    wait_for_page(page)
    return page


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


def choices(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Prompts").get_by_role("option")


def chosen(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Prompts").get_by_role("option", selected=True)


def is_told(page: Page) -> bool:
    """Whether the box names the option that is chosen, for screen readers."""
    return box(page).get_attribute("aria-activedescendant") == chosen(page).get_attribute("id")
