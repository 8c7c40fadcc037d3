"""A chart is drawn above its table, and takes nothing from whoever cannot see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.test_accessibility import complaints
from tests.browser.test_conversation import converse
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream
from tests.waiting import eventually

# How many points of the picture have the colour that most have, in CSS's notation.
INK = """() => {
  const canvas = document.querySelector(".chart canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const counts = {};
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] < 255) continue;
    const color = data.slice(at, at + 3).join();
    counts[color] = (counts[color] ?? 0) + 1;
  }
  return Object.entries(counts).sort((one, other) => other[1] - one[1])[0] ?? ["", 0];
}"""


def test_a_chart_is_drawn_in_both_themes_and_can_be_read_without_seeing_it(
    page: Page, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.emulate_media(color_scheme="light")
    sign_in(page, evoweb)
    converse(page, upstream, "Count", answer="One, two.")
    assert not [url for url in asked if "chart" in url or "uplot" in url]

    page.goto(evoweb.url + usage_of_two_weeks())
    expect(page.locator(".chart canvas")).to_be_visible()
    color, points = page.evaluate(INK)
    page.emulate_media(color_scheme="dark")
    eventually(lambda: page.evaluate(INK)[0], lambda drawn: drawn != color)
    page.get_by_role("img", name="Cost by day:").press("End")

    assert points > 500
    assert page.evaluate(INK)[1] > 500
    today = page.locator("#table-day tbody tr").first
    expect(page.locator(".chart__reading")).to_contain_text(
        today.locator("td").first.inner_text().strip()
    )
    assert complaints(page) == []


def test_without_a_script_or_its_library_the_table_stands_alone(
    chromium: Browser, page: Page, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    page.route("**/uPlot*.js", lambda route: route.abort())
    sign_in(page, evoweb)
    converse(page, upstream, "Count", answer="One, two.")
    page.goto(evoweb.url + usage_of_two_weeks())
    expect(page.locator("#table-day")).to_be_visible()
    expect(page.locator(".chart")).to_be_hidden()

    context = chromium.new_context(java_script_enabled=False)
    scriptless = context.new_page()
    sign_in(scriptless, evoweb)
    scriptless.goto(evoweb.url + usage_of_two_weeks())

    expect(scriptless.locator("#table-day")).to_be_visible()
    expect(scriptless.locator(".chart")).to_be_hidden()
    context.close()


def usage_of_two_weeks() -> str:
    today = datetime.now(UTC).date()
    return f"/usage/?start={today - timedelta(days=13)}&end={today}"
