"""Code of an answer: in colours once it is written, with lines that break or are numbered."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_accessibility import complaints
from tests.browser.test_conversation import converse, reply, send, text_of
from tests.upstream.process import Upstream

CODE = "```python\ndef f(x):  # " + "why " * 40 + '\n    return "a < b"\n```\n'
# Before and behind it, so that none of it is the end.
ANSWER = f"So:\n\n{CODE}\nAnd\n: a term\n\n```diff\n- old\n+ new\n```\n"
INNER = "(blocks) => blocks.map((block) => block.innerHTML)"


def code(page: Page) -> Locator:
    return text_of(reply(page)).locator(".code").first


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_code_is_coloured_when_its_end_is_written(
    ana: Page, upstream: Upstream, theme: str
) -> None:
    ana.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    end = ANSWER.index("And")
    upstream.holds_after(2, ANSWER[:40], ANSWER[40:end], ANSWER[end:])
    send(ana, "Some code")

    expect(code(ana).locator("span.k").first).to_have_text("def ")
    expect(code(ana).locator("span.c")).to_contain_text("# why")
    expect(reply(ana)).not_to_have_attribute("data-state", "complete")
    assert complaints(ana) == []
    upstream.release()
    expect(reply(ana)).to_have_attribute("data-state", "complete")
    expect(text_of(reply(ana)).locator("span.d")).to_have_text("- old\n")
    shown = text_of(reply(ana)).locator("pre").evaluate_all(INNER)
    ana.reload()
    assert text_of(reply(ana)).locator("pre").evaluate_all(INNER) == shown


def test_lines_break_or_are_numbered_and_the_choice_is_remembered(
    ana: Page, upstream: Upstream
) -> None:
    ana.set_viewport_size({"width": 375, "height": 800})
    converse(ana, upstream, "Some code", answer=ANSWER)
    inner = code(ana).locator("pre")
    wide = "(pre) => pre.scrollWidth > pre.clientWidth"
    assert inner.evaluate(wide)

    code(ana).get_by_role("button", name="Wrap").press("Enter")
    assert not inner.evaluate(wide)
    code(ana).get_by_role("button", name="Lines").press("Enter")
    expect(code(ana).get_by_role("button", name="Lines")).to_have_attribute("aria-pressed", "true")
    expect(code(ana).get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "false")
    expect(code(ana).locator(".code__lines")).to_have_text("1\n2")
    assert complaints(ana) == []
    assert ana.evaluate("document.documentElement.scrollWidth <= innerWidth")

    ana.reload()
    expect(code(ana).locator(".code__lines")).to_have_text("1\n2")
    # Whoever selects the code gets the code.
    code(ana).evaluate("(block) => getSelection().selectAllChildren(block)")
    selected = ana.evaluate("String(getSelection())")
    assert "return" in selected
    assert "1\n2" not in selected
