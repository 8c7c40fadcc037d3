"""Links of an answer say where they lead, widen no page, and are copied as they were written."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import complaints
from tests.browser.test_conversation import converse, reply, text_of, wait_for_scripts
from tests.browser.test_quoting import CLIPBOARD, SELECT, quote
from tests.upstream.process import Upstream
from tests.waiting import eventually

LONG = "https://a.example/" + "b" * 900 + "/end"
ANSWER = f"""Read [the manual](https://docs.example/a) or <https://docs.example>.

Not [https://bank.example](https://evil.example/login).

- {LONG}
- [a host](https://{"bank.example." * 12}evil.example)
"""


def test_links_say_where_they_lead_and_are_copied_as_they_were_written(
    ana: Page, upstream: Upstream
) -> None:
    ana.set_viewport_size({"width": 320, "height": 700})
    ana.emulate_media(reduced_motion="reduce")
    ana.context.grant_permissions(["clipboard-read", "clipboard-write"])
    converse(ana, upstream, "Where?", answer=ANSWER)
    wait_for_scripts(ana)
    text = text_of(reply(ana))

    # As somebody hears it who goes from link to link.
    for name in ("the manual (docs.example)", "https://bank.example (evil.example)"):
        expect(text.get_by_role("link", name=name, exact=True)).to_be_visible()
    expect(text.get_by_role("link", name="https://docs.example", exact=True)).to_be_visible()
    long = text.locator("li a").first
    expect(long).to_have_attribute("href", LONG)
    box = long.bounding_box()
    assert box
    assert box["height"] < 130
    assert ana.evaluate("document.documentElement.scrollWidth") <= 320
    assert complaints(ana) == []

    text.locator("p").first.evaluate(SELECT)
    quote(ana).click()
    written = "[the manual](https://docs.example/a) or [https://docs.example](https://docs.example)"
    expect(ana.get_by_role("textbox", name="Message")).to_have_value(f"> Read {written}.\n\n")
    reply(ana).get_by_label("More ways to copy").click()
    reply(ana).get_by_role("button", name="Copy as text").click()
    read = (
        "Read the manual or https://docs.example.\n\nNot https://bank.example.\n\n"
        f"- {LONG}\n- a host"
    )
    eventually(lambda: ana.evaluate(CLIPBOARD), lambda words: words == read)
