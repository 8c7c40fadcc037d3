"""Takes the pictures in `docs/screenshots/` of the page's main states: `make screenshots`.

Each state is shown light and dark, on a phone and on a wide screen, to be looked at.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, Route, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM, fill_in, sign_in
from tests.browser.test_conversation import reply, send, text_of, wait_for_scripts
from tests.conftest import evoweb_on
from tests.evoweb_process import EvowebProcess
from tests.pictures import written
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

RICH_QUESTION = "How long does the queue get when requests come in bursts?"
RICH_ANSWER = """With arrivals of rate $\\lambda$ and work of rate $\\mu$ the mean length is

$$
L = \\frac{\\rho}{1 - \\rho}, \\qquad \\rho = \\frac{\\lambda}{\\mu}
$$

so the last tenth of the load costs more than all before it:

| Load $\\rho$ | Mean length | Wait at 50 ms each |
|--:|--:|--:|
| 0.50 | 1 | 50 ms |
| 0.80 | 4 | 200 ms |
| 0.95 | 19 | 950 ms |

```mermaid
graph LR
  A[Request] --> B{Worker free?}
  B -->|yes| C[Work]
  B -->|no| D[Queue]
  D --> C
```

To see it for your own bursts:

```python
def longest(arrivals: list[float], work: float) -> int:
    \"\"\"How many wait at worst, when each takes `work` seconds.\"\"\"
    ends, worst = 0.0, 0
    for number, at in enumerate(sorted(arrivals)):
        ends = max(ends, at) + work
        worst = max(worst, round((ends - at) / work))
    return worst
```
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
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(locale="en-GB")
        page.goto(evoweb.url)
        take(page, "sign-in")
        sign_in(page, evoweb)
        take(page, "empty")
        take_conversation(page, upstream)
        conversation = page.url
        for take_one in (take_pictures, take_answer, take_branches):
            page.goto(evoweb.url)
            take_one(page, upstream)
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
    upstream.thinks_then_says(
        "They want a plan that can be undone at every step.",
        *pieces_of(ANSWER),
        delay=0.05,
        prompt_tokens=48,
        completion_tokens=912,
        usage={"completion_tokens_details": {"reasoning_tokens": 608}},
    )
    send(page, QUESTION)
    ended(page, "complete")
    take(page, "conversation")
    take_palette(page)
    take_sharing(page)

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


def take_pictures(page: Page, upstream: Upstream) -> None:
    """Two that lie beside a message which is being written, and then in it."""
    for name, size in (("plan", (1200, 800)), ("rack", (900, 1200))):
        content = written(Image.effect_mandelbrot(size, (-2, -1.2, 1, 1.2), 40), "PNG")
        file = FilePayload(name=f"{name}.png", mimeType="image/png", buffer=content)
        page.locator("input[type=file]").first.set_input_files(file)
        expect(page.get_by_text(f"{name}.png is added.")).to_have_count(1)
    page.get_by_label("Description of the picture").first.fill("The plan of the server room")
    take(page, "pictures")
    upstream.says(
        "The second rack stands where the plan has the door: one of them is **out of date**.",
        prompt_tokens=2_214,
        completion_tokens=21,
    )
    send(page, "Does the rack stand where the plan has it?")
    ended(page, "complete")
    take(page, "pictures-sent")


def take_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.locator(".palette")).to_be_visible()
    take(page, "palette")
    page.keyboard.press("Escape")


def take_answer(page: Page, upstream: Upstream) -> None:
    """A formula, a table, a diagram and code, from the beginning of the answer on."""
    figures = {"prompt_tokens": 1_204, "completion_tokens": 388}
    upstream.says(*pieces_of(RICH_ANSWER), delay=0.03, **figures)
    send(page, RICH_QUESTION)
    ended(page, "complete")
    expect(reply(page).locator("[data-drawn=drawn]")).to_have_count(1)
    take(page, "answer", at=text_of(reply(page)))
    take(page, "answer-code", at=text_of(reply(page)).locator(".code[data-language]").last)


def take_branches(page: Page, upstream: Upstream) -> None:
    """The second of three answers to a question."""
    figures = {"prompt_tokens": 16, "completion_tokens": 14}
    upstream.says("It is the mean of the waits, and bursts hide in it.", **figures)
    send(page, "What does the mean length of a queue tell?")
    ended(page, "complete")
    for words in ("It grows without end once the load is 1.", "About nineteen, at 95 % load."):
        upstream.says(words, **figures)
        reply(page).get_by_role("button", name="Try again", exact=True).click()
        expect(text_of(reply(page))).to_contain_text(words)
        ended(page, "complete")
    reply(page).get_by_role("button", name="Previous answer").click()
    expect(reply(page)).to_contain_text("Answer 2 of 3")
    take(page, "branches")


def take_sharing(page: Page) -> None:
    """What its owner and a reader see of a shared conversation, and why an answer was good."""
    page.get_by_role("button", name="Good answer").click()
    page.get_by_role("link", name="Say why").click()
    expect(page.locator("#feedback-form")).to_be_visible()
    take(page, "feedback")
    page.keyboard.press("Escape")
    chat = page.url
    page.goto(f"{chat}share/")
    page.get_by_role("button", name="Make a link").click()
    take(page, "share")
    page.goto(page.get_by_label("Address").input_value())
    take(page, "shared")
    page.goto(chat)


def take_restart(page: Page, evoweb: EvowebProcess) -> None:
    wait_for_scripts(page)
    evoweb.kill()
    expect(page.get_by_text("Reconnecting…")).to_be_visible()
    take(page, "reconnecting")
    send(page, "And who tells the team?")
    expect(page.get_by_text("evoweb is restarting.")).to_be_visible()
    take(page, "restarting")


def pieces_of(text: str) -> list[str]:
    return [text[at : at + 40] for at in range(0, len(text), 40)]


def ended(page: Page, state: str) -> None:
    expect(reply(page)).to_have_attribute("data-state", state)


def take(page: Page, name: str, *, at: Locator | None = None) -> None:
    """From `at` on, if there is one; else where the page stands."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            if at is not None:
                at.evaluate("(element) => element.scrollIntoView()")
            page.wait_for_timeout(450)
            picture = Image.open(BytesIO(page.screenshot()))
            few = in_few_colours(picture.convert("RGB"))
            few.save(FOLDER / f"{name}-{theme}-{width}.png", optimize=True)
    page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})


def in_few_colours(picture: Image.Image) -> Image.Image:
    """Those that most points have, as they are, so that a file is a third as long and the paper is
    the paper."""
    points = picture.width * picture.height
    colours: list[Any] = sorted(picture.getcolors(points) or [], reverse=True)[:256]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for _, colour in colours for part in colour])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
