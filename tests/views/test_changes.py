"""What a page is given that asks, because no socket gets through to it."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest
from django.http import HttpResponse
from django.test import Client

from chat.enums import MessageState, Role
from chat.generation.service import Service
from chat.models import Conversation, User
from tests.factories import make_turn
from tests.screen import Screen
from tests.tree import words_of
from tests.upstream.process import Upstream
from tests.views.conftest import HTMX, Browser, articles, messages_of, page_of, sealed, send
from tests.waiting import eventually

PIECES = ("One", " <two>", " three")


class Asking:
    """A page that asks again and again, each time with what it was told to have seen."""

    def __init__(self, browser: Client, conversation: Conversation) -> None:
        self._browser = browser
        self._address = f"/c/{conversation.pk}/changes/"
        self.seen = f"since={conversation.revision}"

    def ask(self) -> HttpResponse:
        answer = self._browser.get(f"{self._address}?{self.seen}")
        assert isinstance(answer, HttpResponse)
        self.seen = answer["Evoweb-Seen"]
        return answer

    def until(self, words: str) -> str:
        """All the frames up to the one with these words."""
        frames: list[str] = []

        def more() -> str:
            frames.append(shown(self.ask()))
            return frames[-1]

        eventually(more, lambda frame: words in frame)
        return "".join(frames)


def frames_of(answer: HttpResponse) -> list[str]:
    frames: list[str] = json.loads(answer.content or "[]")
    return frames


def shown(answer: HttpResponse) -> str:
    return "".join(frames_of(answer))


@pytest.mark.django_db(transaction=True)
def test_a_reply_comes_whole_once_then_by_what_is_new_and_at_its_end_whole(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    asking = Asking(browser, conversation)
    upstream.holds_after(1, *PIECES)
    send(browser, "Count", to=messages_of(conversation), headers=HTMX)

    first = asking.until(">One<")
    upstream.release(1)
    second = asking.until("two")
    upstream.release()
    third = asking.until('data-state="complete"')

    assert "Count" in first
    assert "Answer started" in first
    assert words_of(second) == " <two>"
    assert "<article" not in second
    assert "Answer finished" in third
    assert "One &lt;two&gt; three" in third


@pytest.mark.django_db(transaction=True)
def test_nothing_comes_twice_and_nothing_is_left_out_whenever_it_is_asked_for(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    asking = Asking(browser, conversation)
    upstream.says(*(f"{number} " for number in range(100)), delay=0.01)
    send(browser, "Count", to=messages_of(conversation), headers=HTMX)

    screen, running = Screen(), conversation.messages.get(role=Role.ASSISTANT)
    while screen.states.get(running.pk) != MessageState.COMPLETE:
        for frame in frames_of(asking.ask()):
            screen.take(frame)

    reply = sealed(conversation)
    past = screen.past[reply.pk]
    assert [text for text in past if not reply.text.startswith(text)] == []
    assert len(past) > 3
    assert past[-1] == reply.text.strip()


def test_where_nothing_changed_there_is_nothing_to_read(
    browser: Client, conversation: Conversation
) -> None:
    make_turn(conversation)
    conversation.refresh_from_db()
    asking = Asking(browser, conversation)

    answer = asking.ask()

    assert (answer.status_code, page_of(answer)) == (204, "")
    assert "no-store" in answer["Cache-Control"]
    assert asking.seen == f"since={conversation.revision}"


def test_a_page_that_has_seen_nothing_is_given_everything(
    browser: Client, conversation: Conversation
) -> None:
    make_turn(conversation, "Who is she?", "A musician")
    asking = Asking(browser, conversation)
    asking.seen = "since=x&reply=-1&position=%00"

    answer = asking.ask()

    assert articles(HttpResponse(shown(answer))) == ["user: Who is she?", "assistant: A musician"]
    assert "csrf" not in shown(answer)


def test_asking_leaves_the_session_alone(browser: Client, conversation: Conversation) -> None:
    make_turn(conversation)

    answer = Asking(browser, conversation).ask()

    assert dict(answer.cookies) == {}
    assert dict(parse_qsl(answer["Evoweb-Seen"])).keys() == {"since"}


def test_whoever_is_not_signed_in_or_may_not_see_it_is_told_as_by_any_page(
    browser_of: Browser, ben: User, conversation: Conversation
) -> None:
    address = f"/c/{conversation.pk}/changes/?since=0"

    assert browser_of(None).get(address).status_code == 302
    assert browser_of(ben).get(address).status_code == 404
