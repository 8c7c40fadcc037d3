"""The line between page and server: what is said of it, and how it comes back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.browser.conftest import sign_in
from tests.browser.test_conversation import PIECES, converse, reply, send, text_of, wait_for_scripts
from tests.evoweb_process import EvowebProcess
from tests.upstream.process import Upstream
from tests.waiting import eventually

WAKES = {
    "somebody looks at the page again": "document.dispatchEvent(new Event('visibilitychange'))",
    "a frozen tab is thawed": "document.dispatchEvent(new Event('resume'))",
    "the line is there again": "window.dispatchEvent(new Event('online'))",
}


class Cable:
    """Between page and server. What is plugged in when it is cut does not even hear of that."""

    def __init__(self, page: Page) -> None:
        self.sockets: list[WebSocketRoute] = []
        self.heard: list[str | bytes] = []
        self._dead = 0
        page.route_web_socket("**/ws/**", self._plug_in)

    def cut(self) -> None:
        self._dead = len(self.sockets)

    def _plug_in(self, socket: WebSocketRoute) -> None:
        server, number = socket.connect_to_server(), len(self.sockets)
        self.sockets.append(socket)

        def ask(words: str | bytes) -> None:
            if number >= self._dead:
                server.send(words)

        def answer(words: str | bytes) -> None:
            if number >= self._dead:
                self.heard.append(words)
                socket.send(words)

        socket.on_message(ask)
        server.on_message(answer)


def test_a_lost_line_is_said_until_it_is_back(
    page: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    sign_in(page, own_evoweb)
    converse(page, upstream, "One", answer="First")
    expect(line(page)).to_have_text("")

    wait_for_scripts(page)
    own_evoweb.kill()
    expect(line(page)).to_have_text("Reconnecting…")
    own_evoweb.start()

    expect(line(page)).to_have_text("Back online")
    expect(line(page)).to_have_text("")
    expect(line(page)).to_have_role("status")


def test_whoever_is_offline_is_told_so(ana: Page, upstream: Upstream) -> None:
    cable = Cable(ana)
    converse(ana, upstream, "One", answer="First")
    wait_for_scripts(ana)

    cable.cut()
    ana.route_web_socket("**/ws/**", lambda socket: socket.close(code=1001))
    ana.context.set_offline(True)
    expect(line(ana)).to_have_text("You are offline")
    ana.route_web_socket("**/ws/**", lambda socket: socket.connect_to_server() and None)
    ana.context.set_offline(False)

    expect(line(ana)).to_have_text("Back online")


def test_what_is_said_of_the_line_moves_nothing(
    page: Page, own_evoweb: EvowebProcess, upstream: Upstream
) -> None:
    sign_in(page, own_evoweb)
    converse(page, upstream, "One", answer="First")
    wait_for_scripts(page)
    before = places(page)

    own_evoweb.kill()
    expect(line(page)).to_have_text("Reconnecting…")

    assert places(page) == before


@pytest.mark.parametrize("wake", WAKES.values(), ids=WAKES.keys())
def test_a_line_that_died_in_silence_is_noticed_when(
    ana: Page, upstream: Upstream, wake: str
) -> None:
    cable = Cable(ana)
    upstream.holds_after(2, *PIECES)
    send(ana, "Count")
    expect(text_of(reply(ana))).to_have_text("One two")
    wait_for_scripts(ana)
    cable.cut()
    upstream.release()

    ana.evaluate(wake)

    expect(text_of(reply(ana))).to_have_text("".join(PIECES))
    expect(reply(ana)).to_have_attribute("data-state", "complete")
    assert len(cable.sockets) == 2


def test_a_clock_that_jumped_is_noticed_without_anybody(ana: Page, upstream: Upstream) -> None:
    ana.clock.install()
    cable = Cable(ana)
    upstream.holds_after(2, *PIECES)
    send(ana, "Count")
    expect(text_of(reply(ana))).to_have_text("One two")
    wait_for_scripts(ana)
    cable.cut()
    upstream.release()

    ana.clock.fast_forward("08:00:00")

    expect(text_of(reply(ana))).to_have_text("".join(PIECES))


def test_a_line_that_stands_is_left_alone(ana: Page, upstream: Upstream) -> None:
    ana.clock.install()
    cable = Cable(ana)
    converse(ana, upstream, "One", answer="First")
    wait_for_scripts(ana)

    for wake in WAKES.values():
        ana.evaluate(wake)
    eventually(lambda: (ana.title(), cable.heard.count("pong"))[1], lambda count: count == 3)
    # Longer than an answer is waited for.
    ana.clock.run_for(2000)

    assert len(cable.sockets) == 1


def line(page: Page) -> Locator:
    return page.locator(".dock__connection")


def places(page: Page) -> object:
    return page.evaluate(
        """[...document.querySelectorAll(".message, .composer")].map((element) => {
            const { x, y, width, height } = element.getBoundingClientRect();
            return [x, y, width, height];
        })"""
    )
