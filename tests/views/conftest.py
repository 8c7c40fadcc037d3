"""The people of these tests, their browsers, and a service that runs what they send."""

from __future__ import annotations

import html
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse, HttpResponseBase
from django.test import Client
from django.test.client import ClientHandler
from pytest_django import Settings

from chat.domain import offers
from chat.generation.service import Service
from chat.models import Conversation, Message, User
from tests.factories import make_conversation, make_user
from tests.running_service import RunningService
from tests.upstream.process import Upstream
from tests.waiting import eventually

HTMX = {"HX-Request": "true"}
# What is answered to a form, and to the page's script.
as_page_or_script = pytest.mark.parametrize(
    ("headers", "status"), [({}, 302), (HTMX, 204)], ids=["plain", "htmx"]
)

# The middleware reads the list of static files when a handler is made; once is enough.
_handler = ClientHandler(enforce_csrf_checks=False)

Browser = Callable[[User | None], Client]


@pytest.fixture
def browser_of() -> Browser:
    """A browser in which somebody is signed in, or nobody."""

    def browser(user: User | None) -> Client:
        client = Client()
        client.handler = _handler
        if user is not None:
            client.force_login(user)
        return client

    return browser


@pytest.fixture(autouse=True)
def rates_are_known() -> None:
    """As in a process that has shown a choice of models within the last minute."""
    cache.set(offers.RATES, {})


@pytest.fixture
def ana(db: None) -> User:
    return make_user("ana")


@pytest.fixture
def ben(db: None) -> User:
    return make_user("ben")


@pytest.fixture
def browser(browser_of: Browser, ana: User) -> Client:
    """Ana's."""
    return browser_of(ana)


@pytest.fixture
def conversation(ana: User) -> Conversation:
    return make_conversation(ana)


@pytest.fixture
def service(transactional_db: None, upstream: Upstream, settings: Settings) -> Iterator[Service]:
    """Ask for it first: what replies write must not be inside a test's own transaction."""
    settings.EVOLINK_BASE_URL = upstream.base_url
    settings.EVOLINK_API_KEY = upstream.key
    settings.DRAIN_SECONDS = 0.2
    with RunningService() as running:
        yield running.service


def send(browser: Client, text: str, to: str = "/", **more: Any) -> HttpResponse:
    """Send a prompt with the form of a page; `headers=HTMX` sends it as the script does."""
    headers = more.pop("headers", None)
    data = {"text": text, "send_key": str(uuid.uuid4()), **more}
    answer = browser.post(to, data, headers=headers)
    assert isinstance(answer, HttpResponse)
    return answer


def messages_of(conversation: Conversation) -> str:
    return f"/c/{conversation.pk}/messages/"


def sealed(conversation: Conversation) -> Message:
    """The newest reply, as soon as it is over."""

    def newest() -> Message:
        return conversation.messages.replies().order_by("-pk")[0]

    return eventually(newest, lambda reply: not reply.is_running)


# What a person finds in a page


def page_of(answer: HttpResponseBase) -> str:
    assert isinstance(answer, HttpResponse)
    return answer.content.decode()


def notices(answer: HttpResponseBase) -> list[str]:
    """What the composer says about a send that was refused."""
    found = re.findall(r'<div id="composer-notice".*?</div>', page_of(answer), re.S)
    assert len(found) == 1
    return [words_of(one) for one in re.findall(r"<p>(.*?)</p>", found[0], re.S)]


def text_in_composer(answer: HttpResponseBase) -> str:
    found = re.findall(
        r"<textarea id=\"composer-text\".*?>\n(.*?)</textarea>", page_of(answer), re.S
    )
    assert len(found) == 1
    return html.unescape(found[0])


def articles(answer: HttpResponseBase) -> list[str]:
    """The messages that a page shows, as `role: text`."""
    shown = []
    for role, body in re.findall(
        r'<article [^>]*data-role="(\w+)".*?>(.*?)</article>', page_of(answer), re.S
    ):
        text = re.search(r'id="message-\d+-text" class="message__text.*?>(.*?)</div>', body, re.S)
        assert text is not None
        shown.append(f"{role}: {words_of(text[1])}".strip())
    return shown


def listed(answer: HttpResponseBase) -> list[str]:
    """The titles in the list of conversations."""
    found = re.findall(r'class="conversations__item"[^>]*>(.*?)</a>', page_of(answer))
    return [words_of(title) for title in found]


def words_of(markup: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", markup).split()))
