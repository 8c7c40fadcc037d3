"""What the rules of WCAG 2.2 AA can check by machine, in both themes and at both widths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import FOLDER, sign_in
from tests.browser.test_conversation import converse, reply, send, text_of
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream

AXE = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
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
    themed.get_by_role("textbox", name="Message", exact=True).press("ArrowUp")
    box = themed.get_by_role("textbox", name="Your message")
    expect(box).to_be_focused()
    for opened in (".figures__line", ".again__summary"):
        reply(themed).locator(opened).click()
    assert complaints(themed) == []
    box.press("Escape")
    assert themed.evaluate("document.documentElement.scrollWidth <= innerWidth")

    upstream.holds_after(1, "One", " two")
    send(themed, "Count")
    expect(text_of(reply(themed))).to_have_text("One")
    assert complaints(themed) == []

    themed.get_by_role("button", name="Stop").click()
    expect(reply(themed)).to_have_attribute("data-state", "stopped")
    upstream.fails(401)
    send(themed, "Fail")
    expect(reply(themed)).to_have_attribute("data-state", "failed")
    assert complaints(themed) == []


def test_the_profile(ana: Page, evoweb: EvowebProcess) -> None:
    ana.goto(evoweb.url + "/profile/")

    assert complaints(ana) == []


def complaints(page: Page) -> list[str]:
    """What axe finds wrong, one line a rule, with the first element that breaks it."""
    # `evaluate` runs in the page's own world, which the content security policy does not reach.
    if not page.evaluate("'axe' in window"):
        page.evaluate(Path(AXE).read_text())
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
    )
    return [
        f"{rule['id']}: {rule['help']}: {rule['nodes'][0]['html'][:200]}"
        for rule in found["violations"]
    ]
