"""Send at one process, watch at another, stop at a third, and no answer is lost on the way."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import httpx
import pytest
import redis
from websockets.sync.client import ClientConnection

from chat.enums import MessageState
from tests.evoweb_process import EvowebProcess, send
from tests.screen import Screen
from tests.several.conftest import Team
from tests.sockets import text_of, watch
from tests.test_serve import reply_state
from tests.upstream.process import Upstream
from tests.waiting import eventually

LONG_AGO = "UPDATE chat_process SET seen_at = seen_at - interval '1 minute' WHERE name LIKE %s"


def received(socket_: ClientConnection, words: str) -> str:
    """The text that comes up to these words."""
    text = ""
    while words not in text:
        text += text_of(str(socket_.recv(timeout=10)))
    return text


def stop(browser: httpx.Client, page: httpx.Response) -> None:
    message = re.findall(r'id="message-(\d+)"', page.text)[-1]
    answer = browser.post(f"{page.url.path}messages/{message}/stop/")
    assert answer.status_code == 302, answer.text


def shown(browser: httpx.Client, page: httpx.Response, state: str, *, seconds: float = 10) -> str:
    """The page as soon as its answer is in this state."""
    path = str(page.url.path)
    return eventually(
        lambda: browser.get(path).text, lambda text: reply_state(text) == state, seconds=seconds
    )


def listeners(wire: redis.Redis) -> int:
    """How many processes listen to what the others tell."""
    channels = wire.pubsub_channels("*processes*")
    return sum(count for _, count in wire.pubsub_numsub(*channels))


@pytest.fixture
def browsers(team: Team) -> Iterator[list[httpx.Client]]:
    with team.browsers() as browsers:
        yield browsers


def test_sent_at_one_watched_at_another_stopped_at_a_third(
    team: Team, browsers: list[httpx.Client], upstream: Upstream
) -> None:
    upstream.holds_after(2, "One", " two", " three")
    page = send(browsers[0], "Count")
    upstream.wait_until_held()

    with watch(team.nodes[1], browsers[1], page.text) as socket_:
        browsers[1].get(str(page.url.path))
        stop(browsers[2], page)
        upstream.wait_until_client_left()
        screen = Screen()
        screen.load(page.text)
        while MessageState.STOPPED not in screen.states.values():
            screen.take(str(socket_.recv(timeout=10)))

    assert "One two" in screen.texts.values()
    for browser in browsers:
        assert "One two" in shown(browser, page, "stopped")


def test_text_comes_live_at_every_process(
    team: Team, browsers: list[httpx.Client], upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two", " three")
    page = send(browsers[0], "Count")
    upstream.wait_until_held()

    with (
        watch(team.nodes[1], browsers[1], page.text) as second,
        watch(team.nodes[2], browsers[2], page.text) as third,
    ):
        for word in (" two", " three"):
            upstream.release(1)
            assert word in received(second, word)
            assert word in received(third, word)
        upstream.release()


def test_without_the_wire_between_them_text_comes_from_the_journal_and_the_wire_heals(
    team: Team, browsers: list[httpx.Client], upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two", " three", " four")
    page = send(browsers[0], "Count")
    upstream.wait_until_held()

    with watch(team.nodes[1], browsers[1], page.text) as socket_:
        team.valkey.stop()
        upstream.release(1)
        received(socket_, " two")
        team.valkey.start()
        upstream.release(1)
        received(socket_, " three")
        upstream.release()
        shown(browsers[1], page, "complete")

    sender = team.nodes[0]
    eventually(lambda: sender.output, lambda log: "are told of changes again" in log)
    with redis.Redis.from_url(team.valkey.url) as wire:
        eventually(lambda: listeners(wire), lambda count: count == len(team.nodes))


def test_without_the_wire_a_tab_can_be_opened_and_follows_the_journal(
    team: Team, browsers: list[httpx.Client], upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two", " three")
    page = send(browsers[0], "Count")
    upstream.wait_until_held()

    team.valkey.stop()
    try:
        with watch(team.nodes[1], browsers[1], page.text) as socket_:
            upstream.release(1)
            received(socket_, " two")
    finally:
        team.valkey.start()
    upstream.release()


def test_without_the_wire_people_can_still_sign_in(team: Team) -> None:
    team.valkey.stop()
    try:
        with httpx.Client(base_url=team.nodes[1].url, trust_env=False) as browser:
            page = browser.get("/accounts/login/")
            form = {"login": "ana@example.org", "password": "a long enough password"}
            token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
            answer = browser.post("/accounts/login/", data=form | token)
    finally:
        team.valkey.start()

    assert (page.status_code, answer.status_code) == (200, 302)


def test_wrong_passwords_are_counted_for_all_processes_together(team: Team) -> None:
    answers = []
    for number in range(9):
        node = team.nodes[number % len(team.nodes)]
        with httpx.Client(base_url=node.url, trust_env=False) as browser:
            browser.get("/accounts/login/")
            form = {"login": "eve@example.org", "password": f"a wrong password {number}"}
            token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
            answers.append(browser.post("/accounts/login/", data=form | token).text)

    refused = ["Too many" in answer for answer in answers]
    assert refused == [False] * 5 + [True] * 4


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_what_a_process_left_is_sealed_by_another_and_stays_so(
    team: Team, browsers: list[httpx.Client], upstream: Upstream, number: signal.Signals
) -> None:
    upstream.holds_after(2, "One", " two", " three")
    page = send(browsers[0], "Count")
    upstream.wait_until_held()
    owner = team.nodes[0]
    with watch(team.nodes[1], browsers[1], page.text):
        eventually(lambda: browsers[1].get(str(page.url.path)).text, lambda text: "One two" in text)

        owner.signal(number)
        with team.database() as database:
            database.execute(LONG_AGO, [f"%:{owner.pid}"])
        sealed = shown(browsers[1], page, "interrupted", seconds=60)
        if number == signal.SIGSTOP:
            owner.signal(signal.SIGCONT)
            upstream.wait_until_client_left()
        else:
            owner.wait()
            owner.start()

    assert "One two" in sealed
    assert "One two" in shown(browsers[0], page, "interrupted")
    with team.database() as database:
        conversation = str(page.url.path).split("/")[2]
        rows = database.execute(
            "SELECT state FROM chat_completion WHERE conversation_id = %s", [conversation]
        ).fetchall()
    assert rows == [("estimated",)]


def test_nobody_takes_a_shared_database_for_himself(
    team: Team, shared_variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    alone = EvowebProcess(
        tmp_path_factory.mktemp("alone"), EVOLINK_API_KEY="sk-none", **shared_variables
    )

    alone.launch()

    assert alone.wait() != 0
    assert "Another evoweb is running" in alone.output


def test_who_leaves_hands_its_viewers_on(
    team: Team, browsers: list[httpx.Client], upstream: Upstream
) -> None:
    """A process that is stopped gracefully lets its answers end; others show them meanwhile."""
    upstream.holds_after(1, "One", " two")
    page = send(browsers[2], "Count")
    upstream.wait_until_held()

    with watch(team.nodes[1], browsers[1], page.text) as socket_:
        team.nodes[2].signal(signal.SIGTERM)
        eventually(team.nodes[2].health, lambda status: status == 503)
        upstream.release()
        eventually(
            lambda: str(socket_.recv(timeout=10)), lambda frame: 'data-state="complete"' in frame
        )
        assert team.nodes[2].wait() == 0

    assert "One two" in shown(browsers[0], page, "complete")
