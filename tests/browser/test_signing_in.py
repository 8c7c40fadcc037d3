"""Coming in, with a browser."""

from playwright.sync_api import Page, expect

from tests.browser.test_conversation import messages, reply, send
from tests.evoweb_process import EMAIL, PASSWORD, EvowebProcess
from tests.upstream.process import Upstream


def test_a_person_signs_in_and_finds_an_empty_chat(page: Page, evoweb: EvowebProcess) -> None:
    page.goto(evoweb.url)
    give(page, EMAIL, PASSWORD)

    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()


def test_a_wrong_password_is_refused(page: Page, evoweb: EvowebProcess) -> None:
    page.goto(evoweb.url)
    give(page, EMAIL, "not this one")

    expect(page.get_by_role("alert")).to_contain_text("The address or the password is not right.")
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_count(0)


def test_after_signing_in_again_elsewhere_a_page_goes_on_where_it_was(
    page: Page, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    page.goto(evoweb.url)
    give(page, EMAIL, PASSWORD)
    send(page, "Hello")
    expect(reply(page)).to_have_attribute("data-state", "complete")
    page.context.clear_cookies(name="sessionid")

    send(page, "Kept through the end of the session")
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("Your session has ended. Your text is kept")
    with page.expect_popup() as popup:
        notice.get_by_role("link", name="Sign in").click()
    give(popup.value, EMAIL, PASSWORD)
    expect(popup.value.get_by_role("textbox", name="Message")).to_be_visible()
    popup.value.close()
    page.bring_to_front()

    expect(page.get_by_role("textbox", name="Message")).to_have_value(
        "Kept through the end of the session"
    )
    page.get_by_role("button", name="Send").click()
    expect(messages(page)).to_have_count(4)
    expect(reply(page)).to_have_attribute("data-state", "complete")


def give(page: Page, email: str, password: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
