"""Keys that hold on every page, the palette, and the search without script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.test_accessibility import complaints
from tests.browser.test_conversation import converse, reply, send, text_of, wait_for_scripts
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream


def palette(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Find a chat or do something")


def chosen(page: Page) -> Locator:
    return palette(page).locator("[aria-selected=true]")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_palette_finds_a_chat_and_leads_to_it(
    ana: Page, upstream: Upstream, theme: str
) -> None:
    ana.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    converse(ana, upstream, f"Harvest of {theme} apples", answer="Yes")
    ana.get_by_role("link", name="evoweb").click()
    wait_for_scripts(ana)

    ana.keyboard.press("Control+k")
    box = palette(ana).get_by_role("combobox")
    expect(box).to_be_focused()
    assert complaints(ana) == []
    ana.keyboard.type(f"{theme.upper()} harv")
    expect(chosen(ana)).to_have_text(f"Harvest of {theme} apples")
    expect(palette(ana).get_by_role("status")).to_contain_text("to choose from")
    ana.keyboard.press("Enter")

    expect(ana.get_by_role("heading", level=1)).to_have_text(f"Harvest of {theme} apples")


def test_the_palette_does_what_the_page_can_do(ana: Page, upstream: Upstream) -> None:
    wait_for_scripts(ana)
    ana.keyboard.press("Control+k")
    expect(palette(ana)).to_be_visible()
    # There is no answer that could be tried again.
    expect(palette(ana).get_by_role("option", name="Try the last answer again")).to_have_count(0)
    ana.keyboard.press("Escape")
    expect(palette(ana)).to_be_hidden()
    converse(ana, upstream, "Count", answer="One")
    wait_for_scripts(ana)

    ana.keyboard.press("Control+k")
    ana.keyboard.type("again")
    expect(chosen(ana)).to_have_text("Try the last answer again")
    upstream.says("Two")
    ana.keyboard.press("Enter")
    expect(text_of(reply(ana))).to_have_text("Two")

    ana.keyboard.press("Control+k")
    ana.keyboard.type("xyzzy")
    expect(palette(ana).get_by_text("No chat has these words in its title.")).to_be_visible()
    expect(palette(ana).get_by_role("option")).to_have_count(0)
    ana.keyboard.press("Control+k")
    expect(palette(ana)).to_be_hidden()


def test_escape_stops_only_when_nothing_is_open(ana: Page, upstream: Upstream) -> None:
    converse(ana, upstream, "Hello", answer="Hi")
    upstream.holds_after(1, "One", " two")
    send(ana, "Count")
    expect(text_of(reply(ana))).to_have_text("One")

    ana.get_by_role("button", name="Rename or delete").click()
    ana.keyboard.press("Escape")
    expect(ana.get_by_role("textbox", name="Title")).to_be_hidden()
    expect(ana.get_by_role("button", name="Stop")).to_be_visible()
    ana.keyboard.press("Escape")

    expect(reply(ana)).to_have_attribute("data-state", "stopped")


def test_the_keys_are_listed_and_lead_around(ana: Page) -> None:
    wait_for_scripts(ana)
    box = ana.get_by_role("textbox", name="Message", exact=True)
    # In a box they are letters.
    box.press("?")
    box.press("/")
    expect(box).to_have_value("?/")
    box.fill("")
    box.blur()

    ana.keyboard.press("?")
    listed = ana.get_by_role("dialog", name="Keyboard shortcuts")
    expect(listed.get_by_text("Stop the answer, or close what is open")).to_be_visible()
    assert complaints(ana) == []
    ana.keyboard.press("Escape")
    expect(listed).to_be_hidden()
    box.blur()
    ana.keyboard.press("/")
    expect(box).to_be_focused()
    expect(box).to_have_value("")
    ana.goto(ana.url + "profile/")
    wait_for_scripts(ana)
    ana.keyboard.press("Control+Shift+O")
    expect(box).to_be_visible()


def test_on_a_phone_it_opens_from_the_drawer_by_touch(
    chromium: Browser, evoweb: EvowebProcess
) -> None:
    context = chromium.new_context(
        locale="es-ES", viewport={"width": 320, "height": 640}, has_touch=True
    )
    page = context.new_page()
    sign_in(page, evoweb)
    wait_for_scripts(page)
    page.get_by_role("button", name="Conversaciones").tap()
    page.get_by_role("link", name="Buscar").tap()

    found = page.get_by_role("dialog", name="Buscar un chat o hacer algo")
    expect(found).to_be_visible()
    option = found.get_by_role("option", name="Consumo", exact=True)
    box = option.bounding_box()
    assert box
    assert box["height"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    option.tap()
    expect(page.get_by_role("heading", level=1)).to_contain_text("consumo")
    context.close()


def test_without_script_a_page_finds_chats(
    chromium: Browser, ana: Page, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    converse(ana, upstream, "Ginger and lemon tea", answer="Yes")
    context = chromium.new_context(locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    sign_in(page, evoweb)

    page.get_by_role("link", name="Find", exact=True).click()
    page.get_by_role("searchbox", name="Words in the title").fill("lemon ginger")
    page.get_by_role("button", name="Find").click()

    listed = page.get_by_role("main").get_by_role("listitem")
    expect(listed.get_by_role("link")).to_have_text("Ginger and lemon tea")
    page.get_by_role("searchbox").fill("nothing of the sort")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text("No chat has these words in its title.")).to_be_visible()
    context.close()
