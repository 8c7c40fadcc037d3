"""The choice of a model, with what is known of each: by keys, without script, on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import sign_in
from tests.browser.test_accessibility import complaints_in_both_themes
from tests.browser.test_conversation import reply, send, text_of
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_a_model_is_chosen_by_keys_among_what_is_known_of_each(
    chromium: Browser, evoweb: EvowebProcess, upstream: Upstream, script: bool
) -> None:
    context = chromium.new_context(
        locale="en-GB",
        java_script_enabled=script,
        has_touch=True,
        viewport={"width": 375, "height": 700},
        service_workers="block",
    )
    page = context.new_page()
    sign_in(page, evoweb)
    model = page.get_by_role("combobox", name="Model")
    lines = page.locator("[data-models] option")

    model.focus()
    page.keyboard.press("Space")
    expect(lines.first).to_contain_text("default · reads 1.05 M tokens · pictures · thinks")
    expect(lines.first).to_contain_text("1.60 in, 9.60 out USD a million")
    box = lines.last.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 375
    if script:
        assert complaints_in_both_themes(page) == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(model).to_have_value("gemini-2.5-pro")
    upstream.says("Yes")
    send(page, "Is it you?")

    expect(text_of(reply(page))).to_have_text("Yes")
    assert upstream.last.body["model"] == "gemini-2.5-pro"
    context.close()
