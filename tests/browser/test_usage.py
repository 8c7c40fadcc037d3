"""The pages of figures as people see them: every one in both themes, on a phone and on a desk."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    FilePayload,
    Page,
    ViewportSize,
    expect,
)

from tests.browser.conftest import fill_in, recognise
from tests.browser.test_accessibility import complaints
from tests.conftest import copy_of
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import UpstreamProcess

PHONE: ViewportSize = {"width": 375, "height": 812}
DESK: ViewportSize = {"width": 1440, "height": 900}
# Whatever the day of the month is.
TODAY = datetime.now(UTC).date()
LATELY = f"start={TODAY - timedelta(days=40)}&end={TODAY}"
LAST_MONTH = f"{TODAY.replace(day=1) - timedelta(days=1):%Y-%m}"
PAGES = {
    "mine by day": f"/usage/?{LATELY}",
    "mine by model": f"/usage/?by=model&{LATELY}",
    "mine by conversation": f"/usage/?by=conversation&{LATELY}",
    "team by day": f"/usage/team/?{LATELY}",
    "team by month": f"/usage/team/?by=month&{LATELY}",
    "team by hour": f"/usage/team/?by=hour&{LATELY}",
    "team by person": f"/usage/team/?by=person&{LATELY}",
    "team by group": f"/usage/team/?by=group&{LATELY}",
    "team by model": f"/usage/team/?by=model&{LATELY}&source=chat",
    "team by source": f"/usage/team/?by=source&{LATELY}",
    "team by cost centre": f"/usage/team/?by=cost-centre&{LATELY}",
    "team by outcome": f"/usage/team/?by=outcome&{LATELY}",
    "nothing used": "/usage/team/?start=2001-01-01&end=2001-01-02",
    "no such period": "/usage/team/?start=2026-11-02&end=2026-11-01&group=none",
    "without use": f"/usage/team/without-use/?start={TODAY}&end={TODAY}",
    "person": f"/usage/team/people/1/?{LATELY}",
    "person's requests": f"/usage/team/people/1/requests/?{LATELY}",
    "estimates": "/usage/team/estimates/",
    "feedback": "/usage/team/feedback/",
    "statements": "/usage/team/statements/",
    "statement": f"/usage/team/statements/{LAST_MONTH}/",
    "what if": "/usage/what-if/?amount=100000&unit=tokens&period=month&shared=each",
    "prices": "/usage/prices/",
    "prices of a model": "/usage/prices/model/?model=kimi-k3",
    "set a price": "/usage/prices/set/?model=kimi-k3",
    "corrections": "/usage/prices/corrections/",
    "correction": "/usage/prices/corrections/1/",
    "bills": "/usage/bills/",
    "meter": "/usage/meter/",
    "budgets": "/usage/budgets/",
    "requests": "/usage/requests/",
    "my requests": "/usage/requests/mine/",
    "ask": "/usage/budgets/1/ask/",
}
SPOILT: FilePayload = {
    "name": "november.csv",
    "mimeType": "text/csv",
    "buffer": b"day,model,amount,currency\n2026-13-01,x,1,USD\n2026-11-01,,z,USD\n",
}
SMALL_TARGETS = """() =>
  [...document.querySelectorAll("main :is(a, button, summary, input, select)")]
  .filter((each) => each.checkVisibility() && Math.round(each.getBoundingClientRect().height) < 44)
  .map((each) => each.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory,
    upstream_process: UpstreamProcess,
    evoweb_before: EvowebProcess,
) -> Iterator[EvowebProcess]:
    """An evoweb whose team has asked much and entered what pages can show."""
    folder = tmp_path_factory.mktemp("office") / "evoweb"
    with copy_of(evoweb_before, folder, upstream_process) as process:
        fill_in(process, rows=1500, people=90, days=75)
        yield process


@pytest.fixture
def ana(context: BrowserContext, office: EvowebProcess) -> Page:
    recognise(context, office)
    return context.new_page()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_in_both_themes_at_both_widths(
    ana: Page, office: EvowebProcess, name: str
) -> None:
    ana.set_viewport_size(PHONE)
    ana.emulate_media(color_scheme="light", reduced_motion="reduce")
    answer = ana.goto(office.url + PAGES[name])
    assert answer is not None
    assert answer.ok
    found = {"phone": overflow(ana)}

    # What is folded is looked at as well.
    ana.evaluate("for (const each of document.querySelectorAll('main details')) each.open = true")
    found |= {"phone, unfolded": overflow(ana), "phone, light": complaints(ana)}
    ana.emulate_media(color_scheme="dark")
    ana.set_viewport_size(DESK)
    found |= {"desk": overflow(ana), "desk, dark": complaints(ana)}

    assert {where: what for where, what in found.items() if what} == {}


def overflow(page: Page) -> list[str]:
    """What reaches beyond the page although nothing scrolls it."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"{wide} px"] if wide > 0 else []


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_what_is_wrong_in_a_form_is_said_beside_its_field(
    ana: Page, office: EvowebProcess, size: ViewportSize
) -> None:
    ana.set_viewport_size(size)

    def refused(path: str, button: str, field: str) -> None:
        ana.goto(office.url + path)
        ana.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        ana.evaluate("for (const each of document.forms) each.noValidate = true")
        if field == "file":
            ana.locator("#id_file").set_input_files(SPOILT)
        ana.get_by_role("button", name=button, exact=True).first.click()
        expect(ana.locator(f"main [aria-invalid=true][name={field}]")).to_be_visible()
        expect(ana.locator("main .errorlist").first).to_be_visible()
        assert (overflow(ana), complaints(ana)) == ([], [])

    refused("/usage/prices/set/", "See what it means", "model")
    refused("/usage/bills/?month=2001-01", "Enter", "day")
    refused("/usage/bills/?month=2001-01", "Look at it first", "file")
    refused("/usage/what-if/", "Replay", "amount")
    refused("/usage/budgets/1/ask/", "Ask", "reason")


def test_who_reviews_goes_from_the_team_to_one_request_and_back(
    ana: Page, office: EvowebProcess
) -> None:
    ana.goto(f"{office.url}/usage/team/?{LATELY}")
    ana.get_by_role("link", name="Person", exact=True).click()
    head = ana.get_by_role("columnheader", name="Cost")
    head.get_by_role("link").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    head.get_by_role("link").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    least = ana.locator("#table-person tbody th a").first.inner_text()

    ana.get_by_role("searchbox", name="Person").fill("@example.org")
    ana.keyboard.press("Enter")
    expect(ana).to_have_url(re.compile(r"q=%40example\.org"))
    expect(head).to_have_attribute("aria-sort", "ascending")
    ana.get_by_role("link", name="Next").click()
    expect(ana.get_by_role("navigation", name="Pages")).to_contain_text("51 to ")
    first = ana.locator("#table-person tbody th a").first
    name = first.inner_text()
    first.click()
    expect(ana.get_by_role("heading", level=1)).to_have_text(name)

    ana.get_by_role("navigation", name="Look by").get_by_role("link", name="Requests").click()
    request = ana.locator("#table-requests tbody tr").first
    expect(request.locator("th time")).to_be_visible()
    expect(request.locator("td")).to_have_count(8)

    for _step in range(3):
        ana.go_back()
    expect(ana.locator("#table-person tbody th a").first).to_have_text(least)
    assert "page=" not in ana.url


def test_filters_stand_in_the_address_and_back_takes_them_away(
    ana: Page, office: EvowebProcess
) -> None:
    ana.goto(f"{office.url}/usage/team/?by=model&{LATELY}")
    rows = ana.locator("#table-model tbody tr")
    models = rows.count()
    chosen = rows.first.locator("th").inner_text()

    ana.get_by_role("combobox", name="Model").select_option(chosen)
    ana.get_by_role("button", name="Show").click()

    expect(rows).to_have_count(1)
    assert f"model={chosen}" in ana.url
    assert "by=model" in ana.url
    ana.go_back()
    expect(rows).to_have_count(models)
    expect(ana.get_by_role("combobox", name="Model")).to_have_value("")
    ana.get_by_role("link", name="Last 90 days").click()
    expect(ana).to_have_url(re.compile("period=last-90-days"))
    assert models > 1


def test_the_table_downloads_as_it_is_shown(ana: Page, office: EvowebProcess) -> None:
    ana.goto(f"{office.url}/usage/team/?by=person&sort=cost&{LATELY}")
    shown = ana.locator("#table-person tbody th").all_inner_texts()

    with ana.expect_download() as download:
        ana.get_by_role("link", name="Download as CSV").click()

    assert download.value.suggested_filename.startswith("evoweb-team-usage-by-person-")
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    # What was paid in several currencies, or not at all, has a line for each.
    people = dict.fromkeys((row[head.index("person")], row[head.index("email")]) for row in rows)
    assert [name for name, _email in people][: len(shown)] == shown
    assert len(people) > len(shown)


def test_the_keyboard_reaches_the_filters_folded_or_not(ana: Page, office: EvowebProcess) -> None:
    def go_to_the_filters() -> None:
        ana.goto(f"{office.url}/usage/team/?by=person&{LATELY}&source=chat")
        ana.locator(".quick__item").last.focus()
        ana.keyboard.press("Tab")

    ana.set_viewport_size(PHONE)
    go_to_the_filters()
    expect(ana.locator("#id_start")).to_be_hidden()
    expect(ana.locator(".fold__summary")).to_be_focused()
    expect(ana.locator(".fold__summary")).to_contain_text("Made for: Chat")
    ana.keyboard.press("Enter")
    ana.keyboard.press("Tab")
    expect(ana.locator("#id_start")).to_be_focused()

    ana.set_viewport_size(DESK)
    go_to_the_filters()
    expect(ana.locator(".fold__summary")).to_be_hidden()
    expect(ana.locator("#id_start")).to_be_focused()


def test_without_a_script_the_tables_say_it_all(chromium: Browser, office: EvowebProcess) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport=PHONE)
    recognise(context, office)
    page = context.new_page()
    page.goto(f"{office.url}/usage/team/?{LATELY}")

    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Made for").select_option("title")
    page.get_by_role("button", name="Show").click()

    expect(page.get_by_text("Made for: Title")).to_be_visible()
    expect(page.locator(".chart")).to_be_hidden()
    expect(page.locator("#table-day tbody tr").first.locator("td")).to_have_count(6)
    expect(page.locator("#table-day tfoot th")).to_have_text("In all")
    context.close()


def test_on_a_phone_a_finger_finds_what_it_can_touch(
    chromium: Browser, office: EvowebProcess
) -> None:
    context = chromium.new_context(has_touch=True, is_mobile=True, viewport=PHONE)
    recognise(context, office)
    page = context.new_page()

    small = {}
    for name in ("team by person", "person's requests", "bills", "prices", "statements", "what if"):
        page.goto(office.url + PAGES[name])
        small[name] = page.evaluate(SMALL_TARGETS)

    assert page.evaluate("matchMedia('(pointer: coarse)').matches")
    assert small == dict.fromkeys(small, [])
    context.close()


def test_on_a_phone_what_is_shown_is_in_view_of_its_strip_and_names_stay(
    ana: Page, office: EvowebProcess
) -> None:
    ana.set_viewport_size(PHONE)
    ana.goto(f"{office.url}/usage/team/?by=outcome&{LATELY}")

    expect(ana.locator(".looks [aria-current]")).to_be_in_viewport(ratio=1)
    table, name = ana.locator(".table-scroll"), ana.locator("#table-outcome tbody th").first
    before = name.bounding_box()
    table.evaluate("each => each.scrollTo(100, 0)")
    assert table.evaluate("each => each.scrollLeft") == 100
    assert name.bounding_box() == before
    ana.goto(f"{office.url}/usage/bills/")
    expect(ana.locator(".tabs [aria-current]")).to_be_in_viewport(ratio=1)


def test_a_statement_is_printed_whole_and_without_the_ways_around_it(
    ana: Page, office: EvowebProcess
) -> None:
    ana.emulate_media(media="print", color_scheme="dark")
    # A sheet of A4 between its margins.
    ana.set_viewport_size({"width": 718, "height": 1000})
    ana.goto(office.url + PAGES["statement"])

    for around in (".sidebar", ".tabs", ".usage__back", ".notices"):
        expect(ana.locator(around)).to_be_hidden()
    expect(ana.get_by_role("heading", level=1)).to_be_visible()
    for table in ana.locator(".table-scroll").all():
        assert table.evaluate("each => each.scrollHeight <= each.clientHeight")
    assert overflow(ana) == []
    assert ana.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"


def test_in_the_longer_language_the_smallest_telephone_is_wide_enough(
    chromium: Browser, office: EvowebProcess
) -> None:
    context = chromium.new_context(locale="es-ES", viewport={"width": 320, "height": 640})
    recognise(context, office)
    page = context.new_page()

    wide = {}
    for name in PAGES:
        page.goto(office.url + PAGES[name], wait_until="domcontentloaded")
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        wide[name] = overflow(page)

    expect(page.locator("html")).to_have_attribute("lang", "es")
    assert wide == dict.fromkeys(wide, [])
    context.close()
