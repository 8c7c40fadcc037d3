"""The administration in evoweb's look."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.evoweb_process import EvowebProcess

NOTHING = "rgba(0, 0, 0, 0)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_saves_and_what_leads_on_can_be_seen(
    page: Page, evoweb: EvowebProcess, scheme: str
) -> None:
    """Django's sheet and evoweb's may not mean different things by one name."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    sign_in(page, evoweb)

    page.goto(f"{evoweb.url}/admin/chat/budget/add/")

    save = page.get_by_role("button", name="Save", exact=True)
    expect(save).not_to_have_css("background-color", NOTHING)
    text = page.locator("body").evaluate("body => getComputedStyle(body).color")
    expect(page.locator("#nav-sidebar .addlink").first).not_to_have_css("color", text)
