"""Out of the box: no key, a real model on this machine, a real answer in a real page."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.browser.test_conversation import reply, send, text_of
from tests.evoweb_process import EvowebProcess


def test_a_real_models_answer_streams_into_the_page(page: Page, tmp_path: Path) -> None:
    with EvowebProcess(tmp_path / "evoweb") as evoweb:
        sign_in(page, evoweb)
        expect(page.get_by_text("small demonstration model on this machine")).to_be_visible()

        page.get_by_role("button", name="Settings of this chat").click()
        page.get_by_label("Longest answer, in tokens").fill("150")
        page.get_by_role("button", name="Done").click()
        send(page, "Tell me the long story of a lighthouse and its keeper.")

        # Long enough to be seen while it is being written.
        expect(text_of(reply(page))).not_to_be_empty(timeout=90_000)
        expect(reply(page)).to_have_attribute("data-state", re.compile("waiting|streaming"))
        expect(reply(page)).to_have_attribute("data-state", "complete", timeout=90_000)
        expect(reply(page)).to_contain_text("Cut at 150 tokens")
        # Its figures are its own, not an estimate.
        expect(reply(page)).not_to_contain_text("estimated")
        expect(reply(page).get_by_role("heading", name="SmolLM2-135M-Instruct")).to_be_attached()
