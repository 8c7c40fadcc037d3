"""Formulas and diagrams in an answer: set as they come, and with nothing that they could do."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.test_accessibility import complaints
from tests.browser.test_conversation import converse, reply, send, text_of
from tests.upstream.process import Upstream
from tests.waiting import eventually

GRAPH = "```mermaid\ngraph TD\n  A[Ask] --> B{Answer?}\n  B -->|yes| C[Read]\n```\n"
WIDE = "```mermaid\ngraph LR\n  A[Request] --> B[Queue] --> C[Worker] --> D[End]\n```\n"
SCALE = "(drawing) => drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width"
ANSWER = (
    r"It is \(x_1 = \frac{a}{b}\), so $y^2$ costs $5 and"
    "\n\n\\[\n\\sum_{i=1}^{n} i = \\frac{n(n+1)}{2}"
    + " + 1" * 60
    + "\n\\]\n\n"
    + GRAPH
    + "\nThe end."
)
HOSTILE = (
    r"$\href{javascript:alert(1)}{x}$ $\includegraphics{https://evil.example/a.png}$ "
    r"$\htmlClass{composer}{x}$ $\def\x{\x\x}\x$ $\unknown$ $\url{https://evil.example}$"
    "\n\n```mermaid\n%%{init: {'securityLevel': 'loose', 'themeCSS': 'body{display:none}'}}%%\n"
    'graph TD\n  A["<img src=https://evil.example/b.png onerror=parent.document.title=1>"] --> B\n'
    '  click A "javascript:alert(1)"\n  click B href "https://evil.example/c"\n```\n\n'
    "```mermaid\nno diagram at all\n```\n\nThe end."
)


def formulas(page: Page) -> Locator:
    return text_of(reply(page)).locator("[data-set=done] .katex")


def diagram(page: Page) -> Locator:
    return text_of(reply(page)).locator(".code__diagram")


def test_formulas_and_diagrams_stand_there_while_the_answer_is_written(
    ana: Page, upstream: Upstream
) -> None:
    ana.emulate_media(reduced_motion="reduce")
    ana.set_viewport_size({"width": 375, "height": 800})
    parts = [ANSWER[start : start + 5] for start in range(0, len(ANSWER), 5)]
    upstream.holds_after(len(parts) - 1, *parts)
    send(ana, "Some formulas")
    expect(formulas(ana)).to_have_count(3)
    expect(text_of(reply(ana))).to_contain_text("costs $5 and")
    expect(diagram(ana)).to_be_visible()
    frame = diagram(ana).content_frame
    expect(frame.get_by_text("Answer?")).to_be_visible()

    upstream.release()
    expect(reply(ana)).to_have_attribute("data-state", "complete")
    expect(text_of(reply(ana))).to_contain_text("The end.")
    expect(formulas(ana)).to_have_count(3)
    expect(frame.get_by_text("Answer?")).to_be_visible()
    assert complaints(ana) == []
    assert ana.evaluate("document.documentElement.scrollWidth <= innerWidth")
    text_of(reply(ana)).get_by_role("button", name="Source").click()
    expect(text_of(reply(ana)).get_by_text("graph TD")).to_be_visible()
    expect(diagram(ana)).to_be_hidden()

    ana.reload()
    expect(formulas(ana)).to_have_count(3)
    expect(diagram(ana)).to_be_visible()


def test_a_wide_diagram_stays_readable_on_a_phone_and_is_moved_sideways(
    ana: Page, upstream: Upstream
) -> None:
    ana.set_viewport_size({"width": 375, "height": 800})
    converse(ana, upstream, "Draw it", answer=WIDE)
    box = diagram(ana).content_frame.locator("#diagram")
    expect(box.get_by_text("Worker")).to_be_visible()

    assert box.locator("svg").evaluate(SCALE) >= 0.69
    expect(box.get_by_text("End")).not_to_be_in_viewport()
    # Not all browsers let keys move what nobody has named.
    expect(box).to_have_attribute("tabindex", "0")
    box.focus()
    ana.keyboard.press("End")
    for _ in range(20):
        ana.keyboard.press("ArrowRight")
    expect(box.get_by_text("End")).to_be_in_viewport()
    assert complaints(ana) == []

    ana.set_viewport_size({"width": 1280, "height": 800})
    expect(box).not_to_have_attribute("tabindex", "0")
    assert ana.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_hostile_one_does_nothing(ana: Page, upstream: Upstream) -> None:
    asked: list[str] = []
    ana.context.on("request", lambda request: asked.append(request.url))
    converse(ana, upstream, "Be nasty", answer=HOSTILE)
    text = text_of(reply(ana))
    expect(text.get_by_text("This cannot be drawn")).to_be_visible(timeout=30_000)
    expect(diagram(ana)).to_be_visible()
    expect(text.locator("[data-set]:not([data-set=done])").first).to_contain_text(r"\def")

    assert text.locator("a, img, .composer").count() == 0
    eventually(lambda: diagram(ana).content_frame.locator("svg").count(), lambda count: count == 1)
    diagram(ana).content_frame.locator("svg").get_by_text("B", exact=True).click(force=True)
    ana.wait_for_timeout(300)
    assert not [url for url in asked if "evil.example" in url]
    assert ana.title() != "1"
