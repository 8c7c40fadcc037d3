"""A conversation where no socket gets through: the page asks, and shows the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Request, WebSocketRoute, expect

from tests.browser.conftest import sign_in
from tests.browser.stubborn_proxy import StubbornProxy
from tests.browser.test_conversation import (
    PIECES,
    converse,
    messages,
    reply,
    send,
    text_of,
    wait_for_scripts,
)
from tests.browser.test_line import line
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream
from tests.waiting import eventually


@pytest.fixture
def proxy(evoweb: EvowebProcess) -> Iterator[StubbornProxy]:
    with StubbornProxy(evoweb.port) as proxy:
        yield proxy


@pytest.fixture
def behind(ana: Page, proxy: StubbornProxy) -> Page:
    """Ana's tab at an empty chat, behind a proxy that speaks no WebSocket."""
    ana.goto(proxy.url)
    return ana


def test_an_answer_grows_and_ends_and_the_next_one_is_stopped(
    behind: Page, proxy: StubbornProxy, upstream: Upstream
) -> None:
    upstream.holds_after(1, *PIECES)
    send(behind, "Count")
    expect(text_of(reply(behind))).to_have_text("One")
    upstream.release(1)
    expect(text_of(reply(behind))).to_have_text("One two")
    upstream.release()
    expect(reply(behind)).to_have_attribute("data-state", "complete")
    expect(text_of(reply(behind))).to_have_text("".join(PIECES))
    expect(behind.get_by_text("Answer finished")).to_be_attached()

    upstream.holds_after(2, *PIECES)
    send(behind, "Again")
    expect(text_of(reply(behind))).to_have_text("One two")
    behind.get_by_role("button", name="Stop").click()

    expect(reply(behind)).to_have_attribute("data-state", "stopped")
    expect(text_of(reply(behind))).to_have_text("One two")
    expect(behind.get_by_role("button", name="Stop")).to_have_count(0)
    expect(messages(behind)).to_have_count(4)
    expect(line(behind)).to_have_text("")
    assert proxy.refusals >= 3


def test_what_is_written_in_another_tab_is_shown(
    behind: Page, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    converse(behind, upstream, "One", answer="First")
    other = behind.context.new_page()
    other.goto(behind.url)

    converse(other, upstream, "Two", answer="Second")

    expect(text_of(reply(behind))).to_have_text("Second")


def test_whoever_may_not_see_it_any_more_is_led_away(
    behind: Page, evoweb: EvowebProcess, upstream: Upstream
) -> None:
    converse(behind, upstream, "One", answer="First")

    behind.context.clear_cookies()

    expect(behind.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_socket_that_opens_and_closes_at_once_is_none(ana: Page, upstream: Upstream) -> None:
    ana.route_web_socket("**/ws/**", lambda socket: socket.close(code=1013))

    upstream.holds_after(1, *PIECES)
    send(ana, "Count")

    expect(text_of(reply(ana))).to_have_text("One")
    upstream.release()
    expect(reply(ana)).to_have_attribute("data-state", "complete")


def test_a_socket_is_tried_now_and_then_and_takes_over_without_doubling_anything(
    ana: Page, upstream: Upstream
) -> None:
    ana.clock.install()
    asked = changes_asked_for(ana)
    sockets: list[WebSocketRoute] = []

    def open_after_some(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if len(sockets) > 4:
            socket.connect_to_server()
        else:
            socket.close(code=1001)

    ana.route_web_socket("**/ws/**", open_after_some)
    upstream.holds_after(1, *PIECES)
    send(ana, "Count")
    expect(text_of(reply(ana))).to_have_text("One")
    eventually(lambda: (ana.title(), len(sockets))[1], lambda count: count == 4)
    upstream.release(1)
    expect(text_of(reply(ana))).to_have_text("One two")

    ana.clock.fast_forward("01:01")
    eventually(lambda: (ana.title(), len(sockets))[1], lambda count: count == 5)
    upstream.release()

    expect(reply(ana)).to_have_attribute("data-state", "complete")
    expect(text_of(reply(ana))).to_have_text("".join(PIECES))
    expect(messages(ana)).to_have_count(2)
    before = len(asked)
    ana.clock.run_for(20_000)
    assert len(asked) == before


def test_after_a_restart_it_asks_again(
    page: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    with StubbornProxy(own_evoweb.port) as proxy:
        sign_in(page, own_evoweb)
        page.goto(proxy.url)
        converse(page, upstream, "One", answer="First")
        wait_for_scripts(page)
        own_evoweb.kill()
        expect(line(page)).to_have_text("Reconnecting…")

        own_evoweb.start()

        expect(line(page)).to_have_text("Back online")
        converse(page, upstream, "Two", answer="Second")
        expect(text_of(reply(page))).to_have_text("Second")


def changes_asked_for(page: Page) -> list[Request]:
    asked: list[Request] = []
    page.on("request", lambda one: asked.append(one) if "/changes/" in one.url else None)
    return asked
