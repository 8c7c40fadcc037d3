"""Words that go from a message elsewhere: quoted, copied as text, kept while they are edited."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.test_accessibility import complaints
from tests.browser.test_conversation import converse, reply, text_of, wait_for_scripts
from tests.upstream.process import Upstream
from tests.waiting import eventually

CLIPBOARD = "navigator.clipboard.readText()"
ANSWER = """Two **ways**, of $n^2$:

3. by `hand`
4. by night

```python
x = 1

y = 2
```

| a | b |
|---|---|
| 1 | 2 |
"""
SELECT = "element => getSelection().selectAllChildren(element)"


def quote(page: Page) -> Locator:
    return page.get_by_role("button", name="Quote")


def test_a_passage_is_quoted_and_an_answer_copied_as_text(ana: Page, upstream: Upstream) -> None:
    # A button that is just being switched on has not got its contrast yet.
    ana.emulate_media(reduced_motion="reduce")
    ana.context.grant_permissions(["clipboard-read", "clipboard-write"])
    converse(ana, upstream, "How *many*?", answer=ANSWER)
    wait_for_scripts(ana)
    box = ana.get_by_role("textbox", name="Message")
    text = text_of(reply(ana))

    # By the button: an item of a list keeps its number, code its fence.
    text.locator("ol").evaluate(SELECT)
    expect(quote(ana)).to_be_visible()
    assert complaints(ana) == []
    quote(ana).click()
    expect(box).to_have_value("> 3. by `hand`\n> 4. by night\n\n")
    expect(box).to_be_focused()
    expect(quote(ana)).to_be_hidden()
    ana.keyboard.type("Why?")

    # What lies between two messages nobody wrote.
    text.locator("ol").evaluate(SELECT)
    expect(quote(ana)).to_be_visible()
    ana.get_by_role("log").evaluate(SELECT)
    expect(quote(ana)).to_be_hidden()

    # By its key, behind what stands there already.
    text.locator("pre").evaluate(SELECT)
    expect(quote(ana)).to_be_visible()
    box.evaluate("box => box.blur()")
    ana.keyboard.press(">")
    code = "> ```python\n> x = 1\n>\n> y = 2\n> ```\n\n"
    expect(box).to_have_value(f"> 3. by `hand`\n> 4. by night\n\nWhy?\n\n{code}")

    # On a phone it is within the page, and out of a prompt the words are as they were written.
    ana.set_viewport_size({"width": 320, "height": 640})
    box.fill("")
    ana.locator(".message__text").first.evaluate(SELECT)
    place = quote(ana).bounding_box()
    assert place
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= 320
    quote(ana).click()
    expect(box).to_have_value("> How *many*?\n\n")

    reply(ana).get_by_label("More ways to copy").click()
    assert complaints(ana) == []
    reply(ana).get_by_role("button", name="Copy as text").click()
    read = "Two ways, of $n^2$:\n\n3. by hand\n4. by night\n\nx = 1\n\ny = 2\n\na\tb\n1\t2"
    eventually(lambda: ana.evaluate(CLIPBOARD), lambda words: words == read)
    assert ana.evaluate("document.documentElement.scrollWidth") <= 320


def test_what_is_written_into_an_edited_message_outlives_a_reload(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "Count", answer="One")
    wait_for_scripts(ana)
    box = ana.get_by_role("textbox", name="Your message")
    edit = ana.get_by_role("link", name="Edit")
    ana.locator(".message").first.hover()
    edit.click()
    expect(box).to_be_focused()
    box.fill("Count to three")

    ana.reload()
    wait_for_scripts(ana)
    ana.locator(".message").first.hover()
    edit.click()
    expect(box).to_have_value("Count to three")

    # Whoever gives it up begins with what was said.
    ana.keyboard.press("Escape")
    ana.locator(".message").first.hover()
    edit.click()
    expect(box).to_have_value("Count")


def test_what_is_written_before_the_script_of_the_form_is_there_is_kept(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "Count", answer="One")
    wait_for_scripts(ana)
    box = ana.get_by_role("textbox", name="Your message")

    def be_quicker(route: Route) -> None:
        box.fill("Count to three")
        route.continue_()

    ana.route("**/edit.*.js", be_quicker, times=1)
    edit = ana.get_by_role("link", name="Edit")
    ana.locator(".message").first.hover()
    edit.click()
    expect(box).to_have_value("Count to three")
    wait_for_scripts(ana)

    ana.reload()
    wait_for_scripts(ana)
    ana.locator(".message").first.hover()
    edit.click()

    expect(box).to_have_value("Count to three")
