"""Coming in, with a browser."""

from playwright.sync_api import Page, expect

from tests.evoweb_process import EvowebProcess


def test_a_person_signs_in_and_finds_an_empty_chat(ana: Page) -> None:
    expect(ana.get_by_role("textbox", name="Message")).to_be_visible()
    expect(ana.get_by_role("navigation", name="Conversations")).to_be_visible()


def test_a_wrong_password_is_refused(page: Page, evoweb: EvowebProcess) -> None:
    page.goto(evoweb.url)
    page.get_by_label("E-mail").fill("ana@example.org")
    page.get_by_label("Password", exact=True).fill("not this one")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_count(0)
