"""A draft on two devices: begun here, gone on with there, and nothing lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, ViewportSize, expect

from tests.browser.conftest import recognise, wait_for_page
from tests.browser.test_accessibility import complaints_in_both_themes
from tests.browser.test_conversation import converse, messages, reply, wait_for_scripts
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream
from tests.waiting import eventually

Device = Callable[[], Page]
PHONE = ViewportSize(width=375, height=700)


@pytest.fixture
def device(chromium: Browser, evoweb: EvowebProcess) -> Iterator[Device]:
    """Another one on which Ana has signed in."""
    with ExitStack() as stack:

        def new() -> Page:
            context = chromium.new_context(locale="en-GB", service_workers="block", viewport=PHONE)
            stack.callback(context.close)
            recognise(context, evoweb)
            return context.new_page()

        yield new


@pytest.mark.parametrize("is_new", [True, False])
def test_what_is_typed_on_one_device_stands_on_another_and_is_gone_on_both_when_sent(
    ana: Page, upstream: Upstream, device: Device, is_new: bool
) -> None:
    if not is_new:
        converse(ana, upstream, "Before", answer="Earlier")
    phone = device()
    type_and_save(ana, "Half a thought")

    phone.goto(ana.url)
    expect(box(phone)).to_have_value("Half a thought")
    type_and_save(phone, "Half a thought, and the rest")
    ana.reload()
    expect(box(ana)).to_have_value("Half a thought, and the rest")
    address = ana.url
    upstream.says("A whole answer")
    phone.get_by_role("button", name="Send").click()
    expect(reply(phone)).to_have_attribute("data-state", "complete")

    if not is_new:
        # The other page is shown the message, and has it no longer in its box.
        expect(messages(ana)).to_have_count(4)
        expect(box(ana)).to_have_value("")
    for page in (ana, phone):
        page.goto(address)
        expect(box(page)).to_have_value("")


def test_what_is_sent_as_soon_as_it_is_typed_is_no_draft_afterwards(
    ana: Page, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    type_and_save(ana, "At")

    converse(ana, upstream, "At once", answer="Indeed")

    assert saved(evoweb) == ""
    ana.goto(evoweb.url)
    expect(box(ana)).to_have_value("")


def test_whoever_is_later_is_told_what_the_other_device_wrote_and_loses_nothing(
    ana: Page, device: Device
) -> None:
    type_and_save(ana, "Begun together")
    phone = device()
    phone.goto(ana.url)
    expect(box(phone)).to_have_value("Begun together")
    type_and_save(phone, "Begun together, on the phone")

    with ana.expect_response("**/draft/") as refused:
        box(ana).fill("Begun together, at the desk")

    assert refused.value.status == 409
    expect(elsewhere(ana)).to_contain_text("Begun together, on the phone")
    expect(box(ana)).to_have_value("Begun together, at the desk")
    assert complaints_in_both_themes(ana) == []
    # A page that is left without a decision says so again.
    ana.reload()
    expect(box(ana)).to_have_value("Begun together, at the desk")
    expect(elsewhere(ana)).to_contain_text("Begun together, on the phone")
    elsewhere(ana).get_by_role("button", name="Use that").click()
    expect(box(ana)).to_have_value("Begun together, on the phone")
    expect(elsewhere(ana)).to_contain_text("Begun together, at the desk")
    with ana.expect_response("**/draft/") as saved:
        elsewhere(ana).get_by_role("button", name="Use that").click()
    assert saved.value.status == 204
    expect(box(ana)).to_have_value("Begun together, at the desk")
    phone.reload()
    expect(box(phone)).to_have_value("Begun together, at the desk")


def test_what_is_kept_by_choice_is_what_both_have(ana: Page, device: Device) -> None:
    phone = device()
    phone.goto(ana.url)
    wait_for_scripts(phone)
    type_and_save(phone, "On the phone")
    with ana.expect_response("**/draft/"):
        box(ana).fill("At the desk")

    with ana.expect_response("**/draft/") as saved:
        elsewhere(ana).get_by_role("button", name="Keep what is in the box").click()

    assert saved.value.status == 204
    expect(elsewhere(ana)).to_be_hidden()
    phone.reload()
    expect(box(phone)).to_have_value("At the desk")


def test_a_page_that_is_looked_at_again_has_what_was_written_meanwhile(
    ana: Page, device: Device
) -> None:
    phone = device()
    phone.goto(ana.url)
    wait_for_scripts(ana)
    type_and_save(phone, "Written on the way")

    ana.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(box(ana)).to_have_value("Written on the way")


def test_a_page_that_is_left_at_once_has_its_draft_on_the_server(
    ana: Page, evoweb: EvowebProcess
) -> None:
    type_and_save(ana, "First")
    box(ana).fill("First, and then a second")
    ana.goto(f"{evoweb.url}/help/")

    eventually(lambda: saved(evoweb), lambda text: text == "First, and then a second")


def test_without_a_line_it_is_kept_here_and_saved_when_the_line_is_back(
    ana: Page, device: Device
) -> None:
    type_and_save(ana, "With a line")
    ana.context.set_offline(True)
    with ana.expect_event("requestfailed", lambda request: request.url.endswith("/draft/")):
        box(ana).fill("With a line, and without")

    with ana.expect_response("**/draft/") as saved:
        ana.context.set_offline(False)

    assert saved.value.status == 204
    phone = device()
    phone.goto(ana.url)
    expect(box(phone)).to_have_value("With a line, and without")


def test_a_save_whose_answer_was_lost_is_no_other_devices(ana: Page, device: Device) -> None:
    type_and_save(ana, "One")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    ana.route("**/draft/", lose, times=1)
    with ana.expect_event("requestfailed", lambda request: request.url.endswith("/draft/")):
        box(ana).fill("One two")

    type_and_save(ana, "One two three")

    expect(elsewhere(ana)).to_be_hidden()
    phone = device()
    phone.goto(ana.url)
    expect(box(phone)).to_have_value("One two three")


def type_and_save(page: Page, text: str) -> None:
    with page.expect_response("**/draft/") as saved:
        box(page).fill(text)
    assert saved.value.status == 204


def saved(evoweb: EvowebProcess) -> str:
    with evoweb.session() as session:
        return str(session.get("/draft/").json()["text"])


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


def elsewhere(page: Page) -> Locator:
    return page.locator("#draft-elsewhere > div")


def test_a_person_whose_first_message_is_sent_quickly_finds_no_draft_of_it(
    page: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    # Nobody has written a draft here before.
    recognise(page.context, own_evoweb)
    page.goto(own_evoweb.url)
    wait_for_scripts(page)
    upstream.says("Hello")
    box(page).press_sequentially("Hello there")
    box(page).press("Enter")
    expect(reply(page)).to_have_attribute("data-state", "complete")
    wait_for_page(page)

    page.goto(own_evoweb.url)

    expect(box(page)).to_have_value("")
