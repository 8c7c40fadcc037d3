"""An answer as it is written: at every moment the page that a reload would give."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_conversation import reply, send, text_of, wait_for_scripts
from tests.upstream.process import Upstream

ANSWER = """## What to do

Some *words* and **bold `code`** that go on & on, a < b, 漢字 👩‍👩‍👧, https://a.example/b?c=d.

1. First
2. Second, with

   ```python
   if a < b:
       return "x"
   ```

- [x] done
- open
  > quoted

| Name | Value |
|:--|--:|
| *one* | 1 |
| two | `2` |

Title
---

The end, [with a link](https://b.example "title").
"""
# What a page shows, apart from the tools that its script adds to code.
SHOWN = """(text) => {
    const copy = text.cloneNode(true);
    for (const bar of copy.querySelectorAll(".code__tools")) bar.remove();
    copy.normalize();
    return copy.innerHTML;
}"""

# A page that draws nothing until it is let.
STOP_DRAWING = """() => {
    const draw = requestAnimationFrame.bind(window);
    const asked = [];
    window.requestAnimationFrame = (done) => asked.push(done);
    window.letItDraw = () => {
        window.requestAnimationFrame = draw;
        for (const done of asked) draw(done);
    };
}"""
HIDE = """() => {
    Object.defineProperty(document, "hidden", { value: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def pieces(size: int) -> list[str]:
    return [ANSWER[start : start + size] for start in range(0, len(ANSWER), size)]


def shown(page: Page) -> Any:
    return text_of(reply(page)).evaluate(SHOWN)


@pytest.mark.parametrize("size", [1, 7])
def test_at_every_moment_it_is_the_page_that_a_reload_would_give(
    ana: Page, upstream: Upstream, size: int
) -> None:
    parts = pieces(size)
    upstream.holds_after(ANSWER.index("Title") // size + 1, *parts)
    send(ana, "What shall I do?")
    expect(text_of(reply(ana)).locator("td").last).to_have_text("2")
    # Colours come when they are known, which nothing else waits for.
    expect(text_of(reply(ana)).locator("pre span").first).to_be_visible()
    # Its socket has had its say.
    expect(ana.locator("#status")).to_have_text("Answer started")
    in_the_middle = shown(ana)
    reloaded = ana.context.new_page()
    reloaded.goto(ana.url)
    assert shown(reloaded) == in_the_middle

    # An element that somebody may be reading, or has selected, is still that one at the end.
    text_of(reply(ana)).locator("ol").evaluate("(list) => { list.isTheSame = true; }")
    upstream.release()
    for page in (ana, reloaded):
        expect(reply(page)).to_have_attribute("data-state", "complete")
    at_the_end = shown(ana)

    assert shown(reloaded) == at_the_end
    assert text_of(reply(ana)).locator("ol").evaluate("(list) => list.isTheSame")
    expect(text_of(reply(ana)).locator(".code").get_by_role("button", name="Copy")).to_be_visible()
    ana.reload()
    assert shown(ana) == at_the_end


@pytest.fixture
def slow(ana: Page, upstream: Upstream) -> Page:
    """Shows two pieces of four; of the next ones it draws none."""
    upstream.holds_after(1, "It", " goes", " on", " and on")
    send(ana, "Go on")
    expect(text_of(reply(ana))).to_have_text("It")
    wait_for_scripts(ana)
    ana.evaluate(STOP_DRAWING)
    upstream.release(1)
    expect(text_of(reply(ana))).to_have_text("It goes")
    return ana


def test_what_comes_while_a_page_draws_is_shown_in_one_step(slow: Page, upstream: Upstream) -> None:
    quick = slow.context.new_page()
    quick.goto(slow.url)

    for text in ("It goes on", "It goes on and on"):
        upstream.release(1)
        expect(text_of(reply(quick))).to_have_text(text)
    assert text_of(reply(slow)).inner_text() == "It goes"

    slow.evaluate("letItDraw()")
    expect(text_of(reply(slow))).to_have_text("It goes on and on")


def test_an_answer_that_ends_while_a_page_draws_is_there_in_full(
    slow: Page, upstream: Upstream
) -> None:
    upstream.release()

    expect(reply(slow)).to_have_attribute("data-state", "complete")
    expect(text_of(reply(slow))).to_have_text("It goes on and on")


def test_a_page_that_nobody_looks_at_need_not_draw_what_it_takes(
    slow: Page, upstream: Upstream
) -> None:
    quick = slow.context.new_page()
    quick.goto(slow.url)
    upstream.release(1)
    expect(text_of(reply(quick))).to_have_text("It goes on")

    slow.evaluate(HIDE)
    expect(text_of(reply(slow))).to_have_text("It goes on")
    upstream.release(1)
    expect(text_of(reply(slow))).to_have_text("It goes on and on")


def test_a_page_that_something_else_has_changed_is_loaded_again(
    ana: Page, upstream: Upstream
) -> None:
    upstream.holds_after(1, "- One\n- *Two*", " and three", "\n- Four")
    send(ana, "Count")
    expect(text_of(reply(ana)).locator("em")).to_have_text("Two")
    # As an extension does that puts other words there.
    text_of(reply(ana)).evaluate("(text) => { text.textContent = 'Uno'; }")

    upstream.release()

    expect(reply(ana)).to_have_attribute("data-state", "complete")
    expect(text_of(reply(ana)).locator("li")).to_have_text(["One", "Two and three", "Four"])


def test_code_can_be_copied_whether_its_page_came_before_or_while_it_was_written(
    ana: Page, upstream: Upstream
) -> None:
    upstream.holds_after(2, "```\nOne\n", "Two\n", "Three\n", "```\n\n- More\n", "  ```\n  Four\n")
    send(ana, "Some code")
    expect(text_of(reply(ana)).locator(".code")).to_contain_text("Two")
    late = ana.context.new_page()
    late.goto(ana.url)
    expect(text_of(reply(late)).get_by_role("button", name="Copy")).to_have_count(1)

    upstream.release()

    for page in (ana, late):
        expect(reply(page)).to_have_attribute("data-state", "complete")
        expect(text_of(reply(page)).get_by_role("button", name="Copy")).to_have_count(2)


def test_thoughts_that_somebody_reads_stay_open_at_the_end(ana: Page, upstream: Upstream) -> None:
    upstream.script(pieces=[{"reasoning": "I *see*"}, {"reasoning": " it"}, "Yes."], hold_after=1)
    send(ana, "Think")
    thoughts = reply(ana).locator(".reasoning")
    thoughts.get_by_text("Thoughts").click()
    expect(thoughts.locator("em")).to_have_text("see")

    upstream.release()

    expect(reply(ana)).to_have_attribute("data-state", "complete")
    expect(thoughts.get_by_text("I see it")).to_be_visible()
    # By then it is known how long they took.
    expect(thoughts.locator("summary")).to_have_text(re.compile(r"Thoughts, [\d.]+ m?s"))
