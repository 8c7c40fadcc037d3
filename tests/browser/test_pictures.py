"""Pictures in a real browser: chosen, pasted, dropped, described, removed, sent; without script."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import hold, sign_in
from tests.browser.test_accessibility import complaints
from tests.browser.test_conversation import messages, reply, text_of
from tests.evoweb_process import EvowebProcess
from tests.pictures import moving, picture
from tests.upstream.process import Upstream
from tests.waiting import eventually

# What a browser does with a file that is dropped, or pasted out of another program.
HAND_OVER = """([kind, files, words]) => {
  const transfer = new DataTransfer();
  if (words) for (const type of ["text/plain", "text/html"]) transfer.setData(type, words);
  for (const [name, type, content] of files) {
    const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
  }
  const box = document.getElementById("composer-text");
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
  box.dispatchEvent(event);
  return event.defaultPrevented;
}"""


def hand_over(page: Page, kind: str, *files: tuple[str, bytes], words: str = "") -> bool:
    given = [[name, "image/png", base64.b64encode(content).decode()] for name, content in files]
    return bool(page.evaluate(HAND_OVER, [kind, given, words]))


def lying(page: Page) -> Locator:
    return page.locator(".attached__item:not([data-state])")


def choose(page: Page, *paths: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(list(paths))


def accessible(page: Page) -> None:
    looks: tuple[tuple[int, Literal["light", "dark"]], ...] = ((375, "light"), (1280, "dark"))
    for width, theme in looks:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        assert complaints(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_pictures_are_added_in_every_way_and_sent_with_their_message(
    ana: Page, upstream: Upstream, tmp_path: Path
) -> None:
    cat, film = tmp_path / "cat.jpg", tmp_path / "film.gif"
    cat.write_bytes(picture(size=(900, 600)))
    film.write_bytes(moving("GIF"))
    box = ana.get_by_role("textbox", name="Message", exact=True)

    # A file that is not taken says so, beside one that is.
    choose(ana, cat, film)
    expect(lying(ana)).to_have_count(1)
    expect(ana.get_by_role("alert")).to_contain_text("film.gif moves")
    assert hand_over(ana, "paste", ("pasted.png", picture("PNG", colour="red")))
    expect(lying(ana)).to_have_count(2)
    assert hand_over(ana, "drop", ("dropped.png", picture("PNG", colour="blue")))
    expect(lying(ana)).to_have_count(3)
    # Words that come with a picture of them are words.
    assert not hand_over(ana, "paste", ("words.png", picture("PNG")), words="A table")
    lying(ana).nth(0).get_by_label("Description of the picture").fill("A cat")
    lying(ana).nth(1).get_by_label("Remove this picture").click()
    expect(lying(ana)).to_have_count(2)

    # They are there after a reload, described.
    ana.reload()
    expect(lying(ana)).to_have_count(2)
    expect(lying(ana).nth(0).get_by_label("Description of the picture")).to_have_value("A cat")
    accessible(ana)

    # A model that takes none says so before anything is sent.
    note = ana.get_by_text("This model takes no pictures.")
    expect(note).to_be_hidden()
    ana.locator(".attached").evaluate("(place) => (place.dataset.blind = 'gemini-2.5-pro')")
    ana.locator("select[name=model]").select_option("gemini-2.5-pro")
    expect(note).to_be_visible()
    ana.locator("select[name=model]").select_option("Gemini-3.0-pro")
    expect(note).to_be_hidden()

    box.fill("What is it?")
    upstream.says("A cat, and blue")
    ana.get_by_role("button", name="Send").click()
    expect(text_of(reply(ana))).to_have_text("A cat, and blue")
    expect(lying(ana)).to_have_count(0)
    (asked,) = upstream.last.body["messages"]
    assert [part["type"] for part in asked["content"]] == ["text", "image_url", "image_url"]
    shown = messages(ana).first.get_by_role("img")
    expect(shown).to_have_count(2)
    expect(shown.first).to_have_attribute("alt", "A cat")
    # As large as its place, which was there before it.
    assert shown.first.evaluate("(image) => image.width") == 320
    eventually(lambda: shown.first.evaluate("(image) => image.naturalWidth"), lambda size: size > 0)
    accessible(ana)

    # In a chat it is the same, and nothing of the page is loaded again.
    assert hand_over(ana, "paste", ("again.png", picture("PNG", colour="green")))
    box.fill("And this?")
    upstream.says("Green")
    # Sent before it has arrived, the message waits for it.
    ana.get_by_role("button", name="Send").click()
    expect(text_of(reply(ana))).to_have_text("Green")
    expect(messages(ana).nth(2).get_by_role("img")).to_have_count(1)
    expect(lying(ana)).to_have_count(0)
    assert len(upstream.last.body["messages"][2]["content"]) == 2


@pytest.mark.parametrize("comes", [True, False])
def test_a_message_that_is_sent_before_the_script_of_its_pictures_waits_for_it(
    ana: Page, upstream: Upstream, comes: bool
) -> None:
    held = hold(ana, "**/pictures*.js")
    assert hand_over(ana, "paste", ("red.png", picture("PNG", colour="red")))
    ana.get_by_role("textbox", name="Message", exact=True).fill("What is it?")
    upstream.says("Red")
    ana.get_by_role("button", name="Send").click()

    if comes:
        held().continue_()
        expect(text_of(reply(ana))).to_have_text("Red")
        assert len(upstream.last.body["messages"][0]["content"]) == 2
    else:
        held().abort()
        expect(ana.get_by_role("alert")).to_contain_text("evoweb cannot be reached.")
        expect(messages(ana)).to_have_count(0)


def test_a_picture_alone_is_sent_and_edited(ana: Page, upstream: Upstream) -> None:
    sending = ana.get_by_role("button", name="Send")
    expect(sending).to_be_disabled()
    assert hand_over(ana, "paste", ("red.png", picture("PNG", colour="red")))
    expect(lying(ana)).to_have_count(1)
    expect(sending).to_be_enabled()
    lying(ana).get_by_label("Remove this picture").click()
    expect(sending).to_be_disabled()
    assert hand_over(ana, "paste", ("blue.png", picture("PNG", colour="blue")))

    upstream.says("Blue")
    ana.get_by_role("textbox", name="Message", exact=True).press("Enter")
    expect(text_of(reply(ana))).to_have_text("Blue")
    expect(messages(ana).first.get_by_role("img")).to_have_count(1)
    expect(messages(ana).first.get_by_role("button", name="Copy")).to_have_count(0)
    expect(sending).to_be_disabled()
    accessible(ana)

    ana.keyboard.press("ArrowUp")
    box = messages(ana).first.get_by_role("textbox")
    expect(box).to_be_focused()
    upstream.says("Still blue")
    ana.keyboard.press("Enter")
    expect(text_of(reply(ana))).to_have_text("Still blue")
    (asked,) = upstream.last.body["messages"]
    assert [part["type"] for part in asked["content"]] == ["image_url"]


def test_without_script_pictures_go_with_the_form(
    chromium: Browser, evoweb: EvowebProcess, upstream: Upstream, tmp_path: Path
) -> None:
    context = chromium.new_context(
        java_script_enabled=False, viewport={"width": 375, "height": 700}
    )
    page = context.new_page()
    sign_in(page, evoweb)
    cat, words = tmp_path / "cat.jpg", tmp_path / "words.txt"
    cat.write_bytes(picture())
    words.write_text("No picture")

    choose(page, cat, words)
    page.get_by_role("textbox", name="Message", exact=True).fill("What is it?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("words.txt is no picture")
    expect(lying(page)).to_have_count(1)
    upstream.says("A cat")
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_text("A cat", exact=True).first).to_be_visible()
    expect(page.locator(".pictures img")).to_have_count(1)
    context.close()
