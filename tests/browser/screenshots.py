"""Takes the pictures in `docs/screenshots/` of the page's main states: `make screenshots`.

Each state is shown light and dark, on a phone and on a wide screen, to be looked at.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, Route, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, chromium_path, fill_in, sign_in
from tests.browser.test_conversation import reply, send, wait_for_scripts
from tests.conftest import evoweb_on
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream, UpstreamProcess, scripted

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
SIZES = ((1440, 900), (375, 812))
QUESTION = (
    "How do we move our sessions to the new database without downtime? "
    "We have about 40 million rows and one quiet night a week."
)
ANSWER = """Here is a plan that keeps the way back cheap.

## What changes

We move the **session store** first, then the *read path*, and only then the writes.

1. Copy rows in batches of 1,000 and compare a checksum per batch.
2. Send 5 % of the reads to the copy, watch the error rate, then widen.
3. Stop writes for less than a minute, copy the rest, and switch.

| Step | Owner | Longest pause | Way back |
|---|---|---:|---|
| Copy | Platform | none | delete the copy |
| Reads | Backend | none | flag off |
| Writes | Backend | 45 s | restore the snapshot, replay the log |

```python
def copy_batch(rows: list[Row]) -> int:
    \"\"\"Copy `rows` and tell how many were new.\"\"\"
    fresh = [row for row in rows if not target.exists(row.id)]
    target.insert_many(fresh)
    return len(fresh)
```

> If the checksum differs twice for the same batch, stop and look: it is not the network.

See [the runbook](https://example.org/runbook) for the exact commands.
"""

LAST_MONTH = datetime.now(UTC).date().replace(day=1) - timedelta(days=1)
FIGURES = {
    "usage-team": "/usage/team/?period=last-month",
    "usage-people": "/usage/team/?period=last-month&by=person",
    "usage-mine": "/usage/?period=last-month",
    "usage-what-if": "/usage/what-if/?amount=2.50&unit=USD&period=month&shared=each",
    "usage-bills": "/usage/bills/",
    "usage-statement": f"/usage/team/statements/{LAST_MONTH:%Y-%m}/?cost_centre=4100%20Product",
}


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        UpstreamProcess() as process,
        scripted(process) as upstream,
        evoweb_on(Path(folder) / "evoweb", process) as evoweb,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        page = browser.new_page(locale="en-GB")
        page.goto(evoweb.url)
        take(page, "sign-in")
        sign_in(page, evoweb)
        take(page, "empty")
        take_conversation(page, upstream)
        conversation = page.url
        page.goto(f"{evoweb.url}/admin/chat/completion/")
        take(page, "administration")
        page.goto(conversation)
        take_restart(page, evoweb)
        with evoweb_on(Path(folder) / "office", process) as office:
            fill_in(office, rows=20_000, people=40, days=200)
            take_figures(browser.new_page(locale="en-GB"), office)
        browser.close()


def take_figures(page: Page, office: EvowebProcess) -> None:
    """Of the month before this one, which is whole."""
    sign_in(page, office)
    page.goto(f"{office.url}/usage/")
    page.get_by_role("button", name="Put away").click()
    for name, address in FIGURES.items():
        page.goto(office.url + address)
        take(page, name)
    page.goto(office.url + FIGURES["usage-people"])
    page.locator("#table-person tbody a").first.click()
    take(page, "usage-person")


def take_conversation(page: Page, upstream: Upstream) -> None:
    pieces = [ANSWER[at : at + 40] for at in range(0, len(ANSWER), 40)]
    upstream.thinks_then_says(
        "They want a plan that can be undone at every step.",
        *pieces,
        prompt_tokens=48,
        completion_tokens=912,
        usage={"completion_tokens_details": {"reasoning_tokens": 608}},
    )
    send(page, QUESTION)
    ended(page, "complete")
    take(page, "conversation")

    upstream.holds_after(3, "First check ", "that the queue ", "is drained, then ", "freeze.")
    kept: list[Route] = []
    page.route("**/messages/", lambda route: kept.append(route))
    send(page, "And the freeze itself?")
    page.wait_for_timeout(500)
    take(page, "sending")
    kept[0].continue_()
    page.unroute("**/messages/")
    expect(reply(page)).to_contain_text("is drained, then")
    take(page, "streaming")

    page.get_by_role("button", name="Stop").click()
    ended(page, "stopped")
    take(page, "stopped")

    upstream.hangs_after()
    send(page, "What if a checksum differs?")
    expect(reply(page)).to_contain_text("Thinking, 2 s")
    take(page, "waiting")
    page.get_by_role("button", name="Stop").click()
    ended(page, "stopped")

    upstream.breaks_after("Then compare the two batches row by ")
    send(page, "Once more: what if a checksum differs?")
    ended(page, "interrupted")
    take(page, "interrupted")

    upstream.fails(402)
    send(page, "And again")
    ended(page, "failed")
    take(page, "failed")

    page.get_by_role("button", name="Settings of this chat").first.click()
    take(page, "settings")


def take_restart(page: Page, evoweb: EvowebProcess) -> None:
    wait_for_scripts(page)
    evoweb.kill()
    expect(page.get_by_text("Reconnecting…")).to_be_visible()
    take(page, "reconnecting")
    send(page, "And who tells the team?")
    expect(page.get_by_text("evoweb is restarting.")).to_be_visible()
    take(page, "restarting")


def ended(page: Page, state: str) -> None:
    expect(reply(page)).to_have_attribute("data-state", state)


def take(page: Page, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(450)
            page.screenshot(path=FOLDER / f"{name}-{theme}-{width}.png")
    page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})


if __name__ == "__main__":
    main()
