"""Presets: made of a chat, chosen for the next one, without script too, and on a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from tests.browser.conftest import sign_in, wait_for_page
from tests.browser.test_accessibility import complaints_in_both_themes
from tests.browser.test_conversation import converse, reply, send, text_of, wait_for_scripts
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream


@pytest.fixture
def tidy(ana: Page, evoweb: EvowebProcess) -> Iterator[Page]:
    """Ana's tab; what she makes here is gone for the tests that follow."""
    yield ana
    ana.goto(f"{evoweb.url}/presets/")
    delete = ana.get_by_role("button", name="Delete:")
    while delete.count():
        delete.first.click()


def make(page: Page, evoweb: EvowebProcess, name: str, *, system_prompt: str) -> None:
    page.goto(f"{evoweb.url}/presets/new/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("System prompt").fill(system_prompt)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def choose(page: Page, name: str) -> None:
    page.get_by_role("button", name="Preset:").click()
    page.get_by_role("navigation", name="Presets").get_by_role("link", name=name).click()


def asked(upstream: Upstream) -> list[str]:
    return [message["content"] for message in upstream.last.body["messages"]]


def test_the_settings_of_a_chat_become_a_preset_with_which_the_next_begins(
    tidy: Page, upstream: Upstream
) -> None:
    converse(tidy, upstream, "Hello", answer="Good day")
    tidy.get_by_role("button", name="Settings of this chat").click()
    tidy.get_by_label("System prompt").fill("Be kind.")
    tidy.get_by_role("button", name="Save", exact=True).click()
    tidy.get_by_role("button", name="Rename or delete").click()
    tidy.get_by_role("link", name="Save as a preset").click()
    assert complaints_in_both_themes(tidy) == []
    tidy.get_by_label("Name").fill("Kind")
    tidy.get_by_role("button", name="Save").click()
    assert complaints_in_both_themes(tidy) == []
    tidy.get_by_role("button", name="Make default: Kind").click()
    expect(tidy.get_by_role("button", name="No default: Kind")).to_be_visible()
    wait_for_page(tidy)

    tidy.get_by_role("button", name="New chat").first.click()
    expect(tidy.get_by_role("button", name="Preset:")).to_have_accessible_name("Preset: Kind")
    tidy.get_by_role("button", name="Preset:").click()
    assert complaints_in_both_themes(tidy) == []
    tidy.keyboard.press("Escape")
    upstream.says("How kind")
    send(tidy, "And now?")

    expect(text_of(reply(tidy))).to_have_text("How kind")
    assert asked(upstream) == ["Be kind.", "And now?"]


def test_another_preset_leaves_what_is_written(
    tidy: Page, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    make(tidy, evoweb, "Brief", system_prompt="Be brief.")
    tidy.goto(evoweb.url)
    wait_for_scripts(tidy)
    box = tidy.get_by_role("textbox", name="Message")
    box.fill("What is a fugue?")

    choose(tidy, "Brief")
    expect(tidy.get_by_role("main").get_by_text("Be brief.").first).to_be_visible()
    expect(box).to_have_value("What is a fugue?")
    upstream.says("A chase")
    tidy.get_by_role("button", name="Send").click()

    expect(text_of(reply(tidy))).to_have_text("A chase")
    assert asked(upstream) == ["Be brief.", "What is a fugue?"]


def test_a_preset_that_is_being_written_is_not_lost_by_leaving(
    tidy: Page, evoweb: EvowebProcess
) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    tidy.on("dialog", stay)
    tidy.goto(f"{evoweb.url}/presets/new/")
    wait_for_scripts(tidy)
    prompt = tidy.get_by_label("System prompt")
    prompt.press_sequentially("Be kind.")

    tidy.get_by_role("link", name="Usage").click(no_wait_after=True)
    expect(prompt).to_have_value("Be kind.")
    assert asked == ["beforeunload"]
    # Refused, it is as unsaved as before.
    tidy.get_by_role("button", name="Save").click()
    expect(tidy.get_by_text("This field is required.")).to_be_visible()
    wait_for_scripts(tidy)
    tidy.get_by_label("Name").click()
    tidy.get_by_role("link", name="Usage").click(no_wait_after=True)
    expect(prompt).to_have_value("Be kind.")
    assert asked == ["beforeunload"] * 2
    tidy.get_by_label("Name").fill("Kind")
    tidy.get_by_role("button", name="Save").click()

    expect(tidy.get_by_role("heading", name="Kind")).to_be_visible()
    assert asked == ["beforeunload"] * 2


def test_without_script_on_a_phone_a_preset_is_made_chosen_deleted_and_taken_back(
    chromium: Browser, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    context = chromium.new_context(
        locale="en-GB",
        java_script_enabled=False,
        has_touch=True,
        viewport={"width": 375, "height": 700},
    )
    page = context.new_page()
    sign_in(page, evoweb)
    make(page, evoweb, "Rhymes", system_prompt="Rhyme.")
    page.goto(evoweb.url)

    choose(page, "Rhymes")
    expect(page.get_by_role("button", name="Preset:")).to_contain_text("Rhymes")
    page.get_by_role("button", name="Settings of this chat").click()
    expect(page.get_by_label("System prompt")).to_have_value("Rhyme.")
    page.get_by_role("button", name="Done").click()
    upstream.says("Sun and fun")
    send(page, "A poem")
    expect(text_of(reply(page))).to_have_text("Sun and fun")
    assert asked(upstream) == ["Rhyme.", "A poem"]

    page.goto(f"{evoweb.url}/presets/")
    for button in page.locator(".presets__actions .button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    page.get_by_role("button", name="Delete: Rhymes").click()
    expect(page.get_by_role("heading", name="Rhymes")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Rhymes")).to_be_visible()
    page.get_by_role("button", name="Delete: Rhymes").click()
    context.close()
