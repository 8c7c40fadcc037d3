"""All that a model may write to get out of its box, in a real browser, live and after a reload.

Nothing of it runs, loads, is taken for a part of the page, or stops the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import FOLDER
from tests.browser.test_conversation import converse, messages, reply, send, wait_for_scripts
from tests.evoweb_process import EvowebProcess
from tests.rendering.hostile import ENDLESS, HOSTILE
from tests.upstream.process import Upstream

# A browser is slower than what renders, where the others are tested whole.
CORPUS = HOSTILE | {f"endless {name}": text[:10_000] for name, text in ENDLESS.items()}
# So many are in a conversation, by twos: one is thought, and the next one said.
TOGETHER = 36
PARTS = [[*CORPUS][start : start + TOGETHER] for start in range(0, len(CORPUS), TOGETHER)]
PROMPT = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) {{7*7}}"
WATCH = """
window.__refused = [];
addEventListener("securitypolicyviolation", ({ blockedURI }) => window.__refused.push(blockedURI));
"""
FAULTS = (FOLDER / "hostile.js").read_text()
# Formulas are set and code gets its colours when they are there.
WORDS = """(texts) => texts.map((text) => {
    const copy = text.cloneNode(true);
    const tools = ".code__tools, .code__lines, .code__note, iframe";
    for (const tool of copy.querySelectorAll(tools)) tool.remove();
    for (const set of copy.querySelectorAll("[data-source]")) set.textContent = set.dataset.source;
    return copy.textContent;
})"""


@pytest.fixture
def watched(ana: Page, evoweb: EvowebProcess) -> Iterator[Page]:
    """Ana's tab; the test fails for each dialog, window, and request to elsewhere."""
    events: list[str] = []
    ana.context.add_init_script(WATCH)

    def refuse(dialog: Dialog) -> None:
        events.append("a dialog")
        dialog.dismiss()

    ana.context.on("dialog", refuse)
    ana.context.on("page", lambda page: events.append(f"a window {page.url}"))
    ana.on("framenavigated", lambda frame: events.append(frame.url))
    ana.context.on("request", lambda request: events.append(request.url))
    ana.on("websocket", lambda socket: events.append(socket.url.replace("ws", "http", 1)))
    ana.reload()
    yield ana
    ours = (evoweb.url, "about:blank", "about:srcdoc")
    assert [event for event in events if not event.startswith(ours)] == []


def written(name: str) -> str:
    text = CORPUS[name].replace("alert(1)", "alert(window.__pwned=1)")
    return text.encode(errors="replace").decode()


def pieces(text: str) -> list[str]:
    size = max(5, len(text) // 50)
    return [text[start : start + size] for start in range(0, len(text), size)]


def words(page: Page) -> Any:
    return page.locator(".message__text.prose").evaluate_all(WORDS)


@pytest.mark.parametrize("names", PARTS, ids=lambda names: names[0])
def test_nothing_that_a_model_writes_comes_to_life(
    watched: Page, upstream: Upstream, names: list[str]
) -> None:
    for turn, (thought, said) in enumerate(zip(names[::2], names[1::2], strict=True)):
        upstream.says({"reasoning": written(thought)}, *pieces(written(said)))
        send(watched, f"{PROMPT} {turn}")
        expect(messages(watched)).to_have_count(2 * turn + 2)
        expect(reply(watched)).to_have_attribute("data-state", "complete")
    assert watched.evaluate(FAULTS) == []
    live = words(watched)

    watched.reload()

    expect(messages(watched)).not_to_have_count(0)
    for thoughts in watched.locator(".reasoning summary").all():
        thoughts.click()
    wait_for_scripts(watched)
    assert watched.evaluate(FAULTS) == []
    # Of long ones the page has the last, and others when somebody goes up.
    assert words(watched) == live[-len(words(watched)) :]
    converse(watched, upstream, "Still there?", answer="Yes")
