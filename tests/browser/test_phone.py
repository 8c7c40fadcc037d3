"""The chat on a telephone: everything is large enough for a thumb, and the box above the keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import sign_in
from tests.browser.test_conversation import converse, reply, send, text_of, wait_for_scripts
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream

TALL: ViewportSize = {"width": 375, "height": 812}
# As much of it as a keyboard leaves.
SHORT: ViewportSize = {"width": 375, "height": 420}
ANSWER = """A plan, see [the page](https://example.org):

```python
x = 1
```

| a | b |
|---|---|
| 1 | 2 |
"""
# Links within sentences are as high as their lines, and what a label surrounds is pressed by it.
SMALL = """() =>
  [...document.querySelectorAll(":is(a, button, summary, input, select, textarea)")]
  .filter((each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
  .filter((each) => !each.matches(".message__text a, p a, .skip, .visually-hidden *"))
  .map((each) => each.closest("label") ?? each)
  .filter((each) => {
    const { width, height, bottom, right } = each.getBoundingClientRect();
    const isHere = bottom > 0 && right > 0;
    return isHere && (Math.round(height) < 44 || Math.round(width) < 44);
  })
  .map((each) => each.outerHTML.slice(0, 160))"""


@pytest.fixture
def phone(chromium: Browser, evoweb: EvowebProcess) -> Iterator[Page]:
    context = chromium.new_context(
        locale="en-GB", viewport=TALL, has_touch=True, is_mobile=True, reduced_motion="reduce"
    )
    page = context.new_page()
    sign_in(page, evoweb)
    yield page
    context.close()


def test_everything_is_large_enough_for_a_thumb(phone: Page, upstream: Upstream) -> None:
    wait_for_scripts(phone)
    assert phone.evaluate(SMALL) == []

    converse(phone, upstream, "A plan", answer=ANSWER)
    wait_for_scripts(phone)
    assert phone.evaluate(SMALL) == []
    upstream.says("Another plan")
    reply(phone).get_by_role("button", name="Try again").tap()
    expect(text_of(reply(phone))).to_have_text("Another plan")
    assert phone.evaluate(SMALL) == []

    upstream.holds_after(1, "One", ".")
    send(phone, "Count")
    expect(text_of(reply(phone))).to_have_text("One")
    send(phone, "And then")
    expect(phone.get_by_role("region", name="Next messages")).to_contain_text("And then")
    assert phone.evaluate(SMALL) == []
    phone.get_by_role("button", name="Conversations").tap()
    expect(phone.get_by_role("link", name="Find")).to_be_in_viewport()
    assert phone.evaluate(SMALL) == []
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_box_stays_above_the_keys_and_the_end_in_view(phone: Page, upstream: Upstream) -> None:
    converse(phone, upstream, "A plan", answer="\n\n".join(f"Line {n}." for n in range(40)))
    wait_for_scripts(phone)
    box = phone.get_by_role("textbox", name="Message", exact=True)
    # The page asks for it, so that what is visible gets shorter, and nothing is covered.
    viewport = phone.locator("meta[name=viewport]")
    assert "interactive-widget=resizes-content" in (viewport.get_attribute("content") or "")

    box.tap()
    phone.set_viewport_size(SHORT)

    expect(box).to_be_in_viewport(ratio=1)
    expect(phone.get_by_role("button", name="Send")).to_be_in_viewport(ratio=1)
    expect(text_of(reply(phone)).get_by_text("Line 39.")).to_be_in_viewport(ratio=1)
    assert phone.evaluate("document.querySelector('.dock').getBoundingClientRect().bottom") <= 420
