"""Coming in, with a browser."""

from playwright.sync_api import Page, expect

from tests.evoweb_process import EMAIL, PASSWORD, EvowebProcess


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


def give(page: Page, email: str, password: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
