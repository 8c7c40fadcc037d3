"""A running reply without script: one page that grows while the upstream writes, from a real
`serve`, because Django's test client gives a body only when it is whole."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import httpx
import pytest
from django.test import Client

from chat.generation.service import Service
from chat.models import Conversation, User
from chat.views import live
from tests.evoweb_process import EvowebProcess, send
from tests.factories import begin_turn, make_turn
from tests.test_serve import reply_state
from tests.upstream.process import Upstream
from tests.waiting import eventually

PIECES = ("One", " <two>", " three")


@pytest.fixture
def person(evoweb: EvowebProcess) -> Iterator[httpx.Client]:
    with evoweb.session() as browser:
        yield browser


def text_of(page: str) -> str:
    """What the running reply says in as much of a page as has come."""
    _, _, text = page.rpartition('class="message__text" dir="auto">')
    return text.partition("<")[0].strip()


class Reading:
    """A page that is still coming."""

    def __init__(self, answer: httpx.Response) -> None:
        self._chunks = answer.iter_text()
        self.page = ""

    def until(self, words: str) -> str:
        """Read on until the reply says so. Gives all that it says then."""
        while words not in text_of(self.page):
            self.page += next(self._chunks)
        return text_of(self.page)

    def until_the_page_has(self, words: str) -> str:
        while words not in self.page:
            self.page += next(self._chunks)
        return self.page

    def to_the_end(self) -> str:
        self.page += "".join(self._chunks)
        return self.page


def test_the_page_shows_exactly_what_the_upstream_has_written_and_leads_back_at_the_end(
    person: httpx.Client, upstream: Upstream
) -> None:
    upstream.holds_after(1, *PIECES)
    address = send(person, "Count").url.path

    with person.stream("GET", f"{address}live/") as answer:
        reading = Reading(answer)
        assert "two" not in reading.until("One")
        upstream.release(1)
        assert "three" not in reading.until("&lt;two&gt;")
        upstream.release()
        page = reading.to_the_end()

    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Content-Length" not in answer.headers
    assert "Content-Encoding" not in answer.headers
    assert text_of(page) == "One &lt;two&gt; three"
    assert page.index(f'<meta http-equiv="refresh" content="0;url={address}">') > page.index(
        "three"
    )
    assert page.rstrip().endswith("</html>")
    assert "One &lt;two&gt; three" in person.get(address).text


def test_whoever_comes_late_gets_the_text_so_far_and_then_the_rest_once(
    person: httpx.Client, upstream: Upstream
) -> None:
    upstream.holds_after(2, *PIECES)
    address = send(person, "Count").url.path
    upstream.wait_until_held()
    eventually(lambda: person.get(address).text, lambda page: "&lt;two&gt;" in page)

    with person.stream("GET", f"{address}live/") as answer:
        reading = Reading(answer)
        reading.until("One &lt;two&gt;")
        upstream.release()
        page = reading.to_the_end()

    assert text_of(page) == "One &lt;two&gt; three"


def test_a_reader_who_leaves_changes_nothing(person: httpx.Client, upstream: Upstream) -> None:
    upstream.holds_after(1, *PIECES)
    address = send(person, "Count").url.path
    with person.stream("GET", f"{address}live/") as answer:
        Reading(answer).until("One")

    upstream.release()

    page = eventually(
        lambda: person.get(address).text,
        lambda page: reply_state(page) not in ("", "waiting", "streaming"),
    )
    assert reply_state(page) == "complete"
    assert "One &lt;two&gt; three" in page


def test_the_page_has_a_way_to_stop(person: httpx.Client, upstream: Upstream) -> None:
    upstream.holds_after(1, *PIECES)
    address = send(person, "Count").url.path

    with person.stream("GET", f"{address}live/") as answer:
        reading = Reading(answer)
        reading.until("One")
        stop = re.search(r'formaction="([^"]+/stop/)"', reading.page)
        assert stop is not None
        stopped = person.post(stop[1])
        page = reading.to_the_end()

    assert stopped.status_code == 302
    assert "three" not in page
    assert reply_state(person.get(address).text) == "stopped"


def test_deleting_the_conversation_ends_the_page(person: httpx.Client, upstream: Upstream) -> None:
    upstream.holds_after(1, *PIECES)
    address = send(person, "Count").url.path

    with person.stream("GET", f"{address}live/") as answer:
        reading = Reading(answer)
        reading.until("One")
        person.post(f"{address}delete/")
        page = reading.to_the_end()

    assert "three" not in page
    assert person.get(f"{address}live/").status_code == 404


def test_a_failed_reply_ends_the_page_too(person: httpx.Client, upstream: Upstream) -> None:
    upstream.script(status=401, body="{}", pieces=[{"hold": True}])
    address = send(person, "Count").url.path

    with person.stream("GET", f"{address}live/") as answer:
        reading = Reading(answer)
        reading.until_the_page_has("</h2>")
        upstream.wait_until_held()
        upstream.release()
        page = reading.to_the_end()

    assert 'http-equiv="refresh"' in page
    assert reply_state(person.get(address).text) == "failed"


def test_without_a_running_reply_it_leads_to_the_conversation(
    browser: Client, conversation: Conversation
) -> None:
    make_turn(conversation)

    answer = browser.get(f"/c/{conversation.pk}/live/")

    assert (answer.status_code, answer["Location"]) == (302, f"/c/{conversation.pk}/")


@pytest.mark.django_db(transaction=True)
def test_while_another_branch_is_being_written_it_leads_to_the_conversation(
    service: Service, browser: Client, conversation: Conversation, upstream: Upstream
) -> None:
    first = make_turn(conversation).reply
    upstream.holds_after(0, "One")
    service.try_again(conversation=conversation, reply=first, author=conversation.owner)
    service.show_branch(conversation, through=first)

    answer = browser.get(f"/c/{conversation.pk}/live/")

    assert (answer.status_code, answer["Location"]) == (302, f"/c/{conversation.pk}/")


def test_nobody_is_given_the_end_of_what_they_may_not_see(
    service: Service, conversation: Conversation, ben: User
) -> None:
    reply = make_turn(conversation).reply

    async def texts_for(user: User) -> list[str]:
        return [
            text
            async for text in live.texts(
                service, conversation.pk, reply.pk, live.Reader(user.pk, "")
            )
        ]

    assert asyncio.run(texts_for(conversation.owner)) == ["An answer"]
    assert asyncio.run(texts_for(ben)) == []


def test_without_a_service_it_leads_to_the_conversation(
    browser: Client, conversation: Conversation
) -> None:
    begin_turn(conversation)

    answer = browser.get(f"/c/{conversation.pk}/live/")

    assert (answer.status_code, answer["Location"]) == (302, f"/c/{conversation.pk}/")
