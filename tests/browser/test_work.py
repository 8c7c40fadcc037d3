"""What words that come make a browser do: counted, since how long it takes is another matter."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from playwright.sync_api import Page, expect

from tests.browser.test_conversation import converse, reply, send, text_of, wait_for_scripts
from tests.upstream.process import Upstream

PIECES = [f"word{number}\n\n" for number in range(60)]


def test_words_that_come_have_the_browser_look_at_few_elements(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "Hello", answer="Some **words**\n\n" * 10)
    wait_for_scripts(ana)
    upstream.holds_after(1, "Begin ", *PIECES, delay=0.06)
    send(ana, "Go on")
    expect(text_of(reply(ana))).to_contain_text("Begin")

    with looking(ana) as looks:
        upstream.release()
        expect(text_of(reply(ana))).to_contain_text("word40")

    # Most of them are frames of the caret.
    assert len(looks) > 30
    assert sum(looks) / len(looks) < 10


def test_what_comes_below_an_answer_has_the_browser_look_at_little_of_it(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "Hello", answer="```python\n" + "print(1)\n" * 100 + "```")
    wait_for_scripts(ana)
    expect(text_of(reply(ana)).locator("pre span")).not_to_have_count(0)

    with looking(ana) as looks:
        ana.locator("#thread").evaluate("(thread) => thread.append(document.createElement('div'))")
        ana.evaluate("document.body.offsetHeight")

    assert 0 < sum(looks) < 100


@contextlib.contextmanager
def looking(page: Page) -> Iterator[list[int]]:
    """At how many elements' style the browser has looked meanwhile, each time that it did."""
    browser = page.context.browser
    assert browser is not None
    looks: list[int] = []
    browser.start_tracing(page=page, categories=["disabled-by-default-devtools.timeline"])
    yield looks
    for event in json.loads(browser.stop_tracing())["traceEvents"]:
        if event["name"] == "UpdateLayoutTree":
            looks.append(int(event["args"].get("elementCount", 0)))
