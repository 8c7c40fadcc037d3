"""What a first visit costs: bytes as they come over the wire, requests, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Page, Response, expect

from tests.browser.conftest import recognise
from tests.browser.test_conversation import converse
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream

MOST_BYTES = 120_000
MOST_REQUESTS = 15
APART = ("/icons/", "favicon", "manifest", "/vendor/katex/", "/vendor/mermaid/")
ANSWER = """Some **words** and $x^2$

```python
if a:
    b
```

```mermaid
graph LR
  A --> B
```
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """Everything but fonts, pictures, what sets formulas and draws diagrams, and what the browser
    asks for by itself."""

    requests: list[Response]
    size: int


def visit(page: Page, address: str) -> Visit:
    seen: list[Response] = []
    page.on("response", lambda response: seen.append(response))
    page.goto(address)
    expect(page.locator(".composer__send:disabled")).to_be_visible()
    for drawn in page.locator(".code[data-diagram]").all():
        expect(drawn).to_have_attribute("data-drawn", "drawn")
    page.wait_for_load_state("networkidle")
    counted = [
        each
        for each in seen
        if each.request.resource_type not in ("font", "image", "websocket")
        and not any(part in each.url for part in APART)
    ]
    sizes = [each.request.sizes() for each in counted]
    return Visit(
        counted, sum(each["responseBodySize"] + each["responseHeadersSize"] for each in sizes)
    )


@pytest.mark.parametrize("kind", ["new chat", "conversation"])
def test_a_first_visit_is_light_and_what_came_with_it_stays(
    kind: str, ana: Page, context: BrowserContext, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    if kind == "conversation":
        converse(ana, upstream, "Hello", answer=ANSWER)
    address = ana.url
    browser = context.browser
    assert browser is not None
    fresh = browser.new_context(locale="en-GB", service_workers="block")
    recognise(fresh, evoweb)

    seen = visit(fresh.new_page(), address)

    assert seen.size <= MOST_BYTES
    assert len(seen.requests) <= MOST_REQUESTS, [each.url for each in seen.requests]
    for page in [each for each in seen.requests if each.request.resource_type == "document"]:
        assert page.all_headers()["content-encoding"] == "gzip"
    files = [each for each in seen.requests if "/static/" in each.url]
    for each in files:
        headers = each.all_headers()
        assert "immutable" in headers["cache-control"], each.url
        assert headers["content-encoding"] in ("br", "gzip"), each.url
    fresh.close()
