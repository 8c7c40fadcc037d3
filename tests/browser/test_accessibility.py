"""What can be checked by machine of WCAG 2.2 AA and of good practice, in both themes and widths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import FOLDER, sign_in
from tests.browser.test_conversation import converse, reply, send, text_of, wait_for_scripts
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream

AXE = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
ANSWER = (
    "A **plan** that is long enough to need a second line on any telephone that there is:\n\n"
    "1. one\n2. two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nx = 1\n```\n\n"
    "Read [the page about it](https://example.org) for more."
)


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, page: Page) -> Page:
    page.emulate_media(color_scheme=request.param, reduced_motion="reduce")
    return page


def test_the_sign_in_page(themed: Page, evoweb: EvowebProcess) -> None:
    themed.goto(evoweb.url)

    assert complaints(themed) == []


@pytest.mark.parametrize("width", [375, 1440])
def test_the_chat_in_its_states(
    themed: Page, evoweb: EvowebProcess, upstream: Upstream, width: int
) -> None:
    themed.set_viewport_size({"width": width, "height": 800})
    sign_in(themed, evoweb)
    assert complaints(themed) == []

    converse(themed, upstream, "A plan", answer=ANSWER)
    wait_for_scripts(themed)
    themed.get_by_role("textbox", name="Message", exact=True).press("ArrowUp")
    box = themed.get_by_role("textbox", name="Your message")
    expect(box).to_be_focused()
    for opened in (".figures__line", ".message__together .again__summary"):
        reply(themed).locator(opened).click()
    assert complaints(themed) == []
    box.press("Escape")
    assert themed.evaluate("document.documentElement.scrollWidth <= innerWidth")

    upstream.holds_after(1, "One", " two")
    send(themed, "Count")
    expect(text_of(reply(themed))).to_have_text("One")
    send(
        themed, "Then count on, and do it for so long that nobody would want to read all of it here"
    )
    expect(themed.get_by_role("region", name="Next messages")).to_contain_text("Then count on")
    assert complaints(themed) == []
    assert themed.evaluate("document.documentElement.scrollWidth <= innerWidth")
    themed.get_by_role("button", name="Edit: Then count on").click()
    expect(themed.get_by_role("dialog")).to_be_visible()
    assert complaints(themed) == []
    themed.keyboard.press("Escape")
    expect(themed.get_by_role("button", name="Put back")).to_be_hidden()
    themed.get_by_role("button", name="Remove: Then count on").click()
    expect(themed.get_by_role("button", name="Undo")).to_be_visible()
    assert complaints(themed) == []

    themed.get_by_role("button", name="Stop").click()
    expect(reply(themed)).to_have_attribute("data-state", "stopped")
    upstream.fails(401)
    send(themed, "Fail")
    expect(reply(themed)).to_have_attribute("data-state", "failed")
    assert complaints(themed) == []


def test_the_help_and_the_notice_that_leads_to_it(page: Page, own_evoweb: EvowebProcess) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    sign_in(page, own_evoweb)
    notice = page.get_by_role("region", name="Where answers come from")
    expect(notice).to_be_visible()
    assert complaints_in_both_themes(page) == []
    notice.get_by_role("button", name="Got it").click()
    expect(notice).to_have_count(0)
    page.reload()
    assert complaints_in_both_themes(page) == []

    page.get_by_role("link", name="What leaves this server").click()

    expect(page.get_by_role("heading", name="What leaves this server")).to_be_in_viewport()
    assert complaints_in_both_themes(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_profile(ana: Page, evoweb: EvowebProcess) -> None:
    ana.goto(evoweb.url + "/profile/")

    assert complaints(ana) == []


def complaints_in_both_themes(page: Page) -> list[str]:
    found: list[str] = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found += complaints(page)
    return found


def complaints(page: Page) -> list[str]:
    """What axe finds wrong, one line a rule, with the first element that breaks it."""
    page.wait_for_load_state()
    # `evaluate` runs in the page's own world, which the content security policy does not reach.
    if not page.evaluate("'axe' in window"):
        page.evaluate(Path(AXE).read_text())
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {rule['help']}: {rule['nodes'][0]['html'][:200]}"
        for rule in found["violations"]
    ]
