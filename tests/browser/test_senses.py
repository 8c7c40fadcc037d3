"""For whoever hears the page, enlarges it, or wants no motion or other colours; and that nothing of
it jumps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_conversation import converse, reply, send, text_of, wait_for_scripts
from tests.browser.test_pictures import choose, lying
from tests.evoweb_process import EvowebProcess
from tests.pictures import picture
from tests.upstream.process import Upstream
from tests.waiting import eventually

PROSE = "Some words that stand above. " * 30
RICH = [
    f"# A heading\n\n{PROSE}\n\n",
    "- one\n- two\n  - three\n\n",
    "| Name | Value |\n|---|--:|\n| one | 1 |\n| two | 2 |\n\n",
    "```python\nfor number in range(10):\n    print(number)\n```\n\n",
    "> A quotation\n\nThe last words.",
]
WIDE = (
    "| " + " | ".join(f"column number {n}" for n in range(12)) + " |\n" + "|---" * 12 + "|\n"
    "| " + " | ".join(["a_value_that_has_no_place_to_break"] * 12) + " |\n\n"
    "```\n" + "x" * 300 + "\n```\n\n$$" + "x^2 + " * 60 + "1$$\n\n"
    f"https://example.org/{'long' * 40} and `{'code' * 40}`"
)
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const { startTime, sources } of list.getEntries()) {
    shifts.push([startTime, ...sources.map(({ node }) => node?.className ?? "words")]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""
# One that is made on purpose is told of after those before it.
JUMP = """() => {
  const above = document.createElement("p");
  above.className = "on-purpose";
  above.textContent = "Jump";
  document.querySelector(".dock").before(above);
  document.querySelector(".dock").prepend(above.cloneNode(true));
}"""
# Whatever is replaced is no shift to a browser, so places are compared as well. Who is at the end
# is taken along by it: then only how things stand to one another.
PLACES = """(isFollowing) => {
  const things = document.querySelectorAll(".message__text, .message__text > *, .pictures img");
  const places = [...things].map((each) => each.getBoundingClientRect());
  const from = isFollowing ? places[0].top : 0;
  return places.map(({ top, bottom }) => [Math.round(top - from), Math.round(bottom - from)]);
}"""
# What a screen reader says: what changes in a region that it listens to.
HEARD = """
window.heard = [];
const LIVE = "[role=status], [role=alert], [aria-live=polite], [aria-live=assertive]";
new MutationObserver((changes) => {
  const regions = new Set();
  for (const { target, addedNodes } of changes) {
    const element = target.nodeType === 1 ? target : target.parentElement;
    const region = element?.closest(LIVE);
    if (region && (addedNodes.length || target.nodeType === 3)) regions.add(region);
  }
  for (const region of regions) {
    const words = region.checkVisibility() ? region.innerText.trim().replaceAll(/\\s+/g, " ") : "";
    if (words) heard.push(words);
  }
}).observe(document, { childList: true, characterData: true, subtree: true });
"""
# Two frames later everything that was changed has been drawn.
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
# Those that time moves, and not the reader's own scrolling.
MOVING = """() => document.getAnimations()
  .filter(({ playState, timeline, effect }) => playState === "running"
    && timeline instanceof DocumentTimeline && effect.getTiming().duration > 0)
  .map(({ animationName, transitionProperty, effect }) =>
    `${animationName ?? transitionProperty} of ${effect.target.className}`)"""

BEYOND = """() => {
  const { scrollWidth } = document.documentElement;
  if (scrollWidth <= innerWidth) return [];
  const wide = [...document.body.querySelectorAll("*")].filter((each) =>
    each.checkVisibility() && each.getBoundingClientRect().right > innerWidth + 1);
  return [`${scrollWidth} px`, ...wide.slice(0, 5).map((each) => each.outerHTML.slice(0, 80))];
}"""
# Buttons that are words and nothing else.
BARE = """() => [...document.querySelectorAll(".button")]
  .filter((each) => each.checkVisibility({ opacityProperty: true }))
  .filter((each) => ["none", "0px"].some((none) => getComputedStyle(each).border.includes(none)))
  .map((each) => each.outerHTML.slice(0, 80))"""
# Around what has the focus, or around what shows it.
RINGED = """() => {
  let each = document.activeElement;
  for (let up = 0; each && up < 4; up += 1, each = each.parentElement) {
    const { outlineStyle, outlineWidth } = getComputedStyle(each);
    if (outlineStyle !== "none" && outlineWidth !== "0px") return true;
  }
  return document.activeElement.outerHTML.slice(0, 120);
}"""
LOOK = """(element) => {
  const { borderWidth, outlineStyle, fontWeight, textDecorationLine } = getComputedStyle(element);
  return [borderWidth, outlineStyle, fontWeight, textDecorationLine].join();
}"""


@pytest.mark.parametrize("reading", ["at the end", "further up"])
def test_nothing_jumps_when_a_reply_is_over(
    ana: Page, upstream: Upstream, tmp_path: Path, reading: str
) -> None:
    ana.add_init_script(SHIFTS)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(picture(size=(900, 600)))
    ana.reload()
    choose(ana, photo)
    expect(lying(ana)).to_have_count(1)
    upstream.holds_after(len(RICH), *RICH)
    send(ana, "What is it?")
    upstream.wait_until_held()
    expect(text_of(reply(ana))).to_contain_text("The last words.")
    wait_for_scripts(ana)
    if reading == "further up":
        ana.mouse.move(600, 300)
        ana.mouse.wheel(0, -200)
        expect(text_of(reply(ana)).locator("h3")).to_be_in_viewport()
    began = ana.evaluate("() => performance.now()")
    places = ana.evaluate(PLACES, reading == "at the end")

    upstream.release()

    expect(reply(ana)).to_have_attribute("data-state", "complete")
    expect(reply(ana).locator(".figures__line")).to_be_visible()
    ana.evaluate(DRAWN)
    before = ana.evaluate("() => performance.now()")
    after = ana.evaluate(PLACES, reading == "at the end")
    ana.evaluate(JUMP)

    def seen() -> list[Any]:
        ana.wait_for_timeout(50)
        return [each for each in ana.evaluate("() => shifts") if each[0] > began]

    found = eventually(seen, lambda each: bool(each) and each[-1][0] > before)
    assert [each for each in found if each[0] <= before] == []
    assert after == places


def test_a_screen_reader_hears_of_each_reply_that_it_began_and_that_it_is_over(
    ana: Page, upstream: Upstream
) -> None:
    ana.add_init_script(HEARD)
    ana.reload()
    said = ana.locator("#status")

    for number in (1, 2, 3):
        upstream.holds_after(2, *RICH)
        send(ana, f"Question {number}")
        expect(ana.get_by_role("article")).to_have_count(2 * number)
        expect(said).to_have_text("Answer started")
        if number == 3:
            ana.get_by_role("button", name="Stop").click()
        else:
            upstream.release()
        expect(said).to_have_text("Answer finished")
        expect(ana.locator("#stop")).to_have_count(0)

    assert ana.evaluate("() => heard") == ["Answer started", "Answer finished"] * 3
    expect(reply(ana)).to_have_attribute("data-state", "stopped")

    # What is over before somebody comes is no news.
    ana.reload()
    wait_for_scripts(ana)
    assert ana.evaluate("() => heard") == []


@pytest.mark.parametrize(
    ("width", "height", "words"),
    [(320, 640, 1), (640, 400, 1), (1280, 800, 2)],
    ids=["320 pixels", "200 %", "words of 200 %"],
)
def test_enlarged_a_page_scrolls_one_way(
    ana: Page, evoweb: EvowebProcess, upstream: Upstream, width: int, height: int, words: int
) -> None:
    ana.set_viewport_size({"width": width, "height": height})
    wide: dict[str, list[str]] = {}

    def look(name: str) -> None:
        ana.evaluate("times => (document.documentElement.style.fontSize = `${times}00%`)", words)
        ana.evaluate(DRAWN)
        if found := ana.evaluate(BEYOND):
            wide[name] = found

    look("new chat")
    converse(ana, upstream, "word" * 60, answer=WIDE)
    wait_for_scripts(ana)
    look("conversation")
    chat = ana.url
    ana.get_by_role("button", name="Settings of this chat").first.click()
    look("settings")
    for path in ("?", "share/", "settings/", "rename/"):
        ana.goto(chat + path)
        look(path)
    for path in (
        "/profile/",
        "/help/",
        "/presets/",
        "/conversations/",
        "/usage/",
        "/usage/what-if/",
    ):
        ana.goto(evoweb.url + path)
        look(path)
    ana.goto(evoweb.url)
    ana.keyboard.press("Control+k")
    expect(ana.locator(".palette")).to_be_visible()
    look("palette")

    assert wide == {}


def test_on_the_smallest_screen_nothing_stands_before_the_text(
    ana: Page, upstream: Upstream
) -> None:
    converse(ana, upstream, "Hello", answer=PROSE)
    wait_for_scripts(ana)
    ana.set_viewport_size({"width": 320, "height": 256})
    # The end is followed there, until somebody reads.
    left = "() => document.documentElement.scrollHeight - innerHeight - scrollY"
    eventually(lambda: ana.evaluate(left), lambda pixels: pixels <= 1)

    ana.mouse.move(160, 100)
    ana.mouse.wheel(0, -300)

    expect(text_of(reply(ana))).to_be_in_viewport()
    for part in (".header", ".composer"):
        expect(ana.locator(part)).not_to_be_in_viewport()


def test_whoever_wants_no_motion_sees_none(ana: Page, upstream: Upstream) -> None:
    ana.emulate_media(reduced_motion="reduce")
    ana.set_viewport_size({"width": 375, "height": 700})
    moving: dict[str, list[str]] = {}

    def look(name: str) -> None:
        if found := ana.evaluate(MOVING):
            moving[name] = found

    upstream.holds_after(0, *RICH)
    send(ana, "Go")
    expect(reply(ana).locator(".message__pulse")).to_be_visible()
    look("waiting")
    upstream.release()
    expect(reply(ana)).to_have_attribute("data-state", "complete")
    look("over")
    upstream.holds_after(2, *RICH)
    send(ana, "More")
    expect(text_of(reply(ana))).to_contain_text("three")
    look("streaming")
    ana.get_by_role("button", name="Conversations and account").click()
    look("sidebar")
    ana.keyboard.press("Escape")
    ana.keyboard.press("Control+k")
    expect(ana.locator(".palette")).to_be_visible()
    look("palette")
    ana.keyboard.press("Escape")
    reply(ana).hover()
    look("hover")

    assert moving == {}
    upstream.release()


def test_in_colours_of_ones_own_what_can_be_pressed_and_what_is_chosen_is_seen(
    ana: Page, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    converse(ana, upstream, "Hello", answer="Hello")
    ana.goto(evoweb.url)
    converse(ana, upstream, "Hello again", answer="Hello")
    wait_for_scripts(ana)
    good, bad = (
        reply(ana).get_by_role("button", name=f"{kind} answer") for kind in ("Good", "Bad")
    )
    good.click()
    expect(good).to_have_attribute("aria-pressed", "true")
    ana.emulate_media(forced_colors="active")

    assert ana.evaluate(BARE) == []
    ana.reload()
    wait_for_scripts(ana)
    ringed = []
    for _ in range(12):
        ana.keyboard.press("Shift+Tab")
        ringed.append(ana.evaluate(RINGED))
    assert [each for each in ringed if each is not True] == []

    pairs = {
        "an opinion": (good, bad),
        "a chat": (chat(ana, "[aria-current]"), chat(ana, ":not([aria-current])")),
        "a theme": (theme(ana, "true"), theme(ana, "false")),
    }
    seen = {name: [each.evaluate(LOOK) for each in pair] for name, pair in pairs.items()}
    assert [name for name, (chosen, other) in seen.items() if chosen == other] == []


def chat(page: Page, which: str) -> Locator:
    return page.locator(f".conversations__item{which}").first


def theme(page: Page, pressed: str) -> Locator:
    return page.locator(f".segments__item[aria-pressed={pressed}]").first
