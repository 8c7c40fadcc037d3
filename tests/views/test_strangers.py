"""Whoever may not see a conversation gets, at each of its addresses, what a missing id gets."""

from __future__ import annotations

import re
import uuid

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern

from chat.domain import conversations
from chat.enums import QueueState
from chat.generation.service import Service
from chat.models import Conversation, Message, User
from chat.urls import _conversation
from tests.factories import make_conversation, make_turn
from tests.views.conftest import HTMX, Browser, page_of

TITLE = "About the xylophonist"

# The address, and what its owner gets for a plain POST without fields; None: only GET is taken.
POSTS = {
    "": None,
    "live/": None,
    "changes/": None,
    # As for a draft without a version.
    "draft/": 422,
    "title/": 422,
    "settings/": 422,
    "delete/": 302,
    "restore/": 302,
    "share/": 422,
    # As for a number that is none of its links.
    "share/{reply}/end/": 404,
    "queue/{queued}/": 422,
    "queue/{queued}/hold/": 302,
    "queue/{queued}/release/": 302,
    "queue/{queued}/remove/": 302,
    "queue/{queued}/send/": 302,
    "messages/": 422,
    "messages/{reply}/text/": None,
    "messages/{prompt}/edit/": 422,
    "messages/{reply}/feedback/": 422,
    "messages/{reply}/stop/": 302,
    # It is whole, as the page of anybody who may read it says.
    "messages/{reply}/continue/": 409,
    "messages/{reply}/try-again/": 302,
    "messages/{reply}/ask-otherwise/": 422,
    "messages/{reply}/branch/": 302,
}
# The same for GET; what is no page is not there for reading.
GETS = {
    "": 200,
    "live/": 302,
    "changes/": 200,
    "draft/": 200,
    "title/": 200,
    "settings/": 200,
    "share/": 200,
    "queue/{queued}/": 200,
    "messages/{reply}/text/": 200,
    "messages/{prompt}/edit/": 200,
    "messages/{reply}/feedback/": 200,
    "messages/{reply}/ask-otherwise/": 200,
}
PATHS = [*POSTS]

every_path = pytest.mark.parametrize("path", PATHS)


@pytest.fixture
def conversation(ana: User) -> Conversation:
    conversation = make_conversation(ana, title=TITLE)
    make_turn(conversation, "Who is she?", "A musician")
    # Which is not sent by itself.
    conversation.queue.create(author=ana, text="Is she known?", state=QueueState.EDITED)
    conversation.drafts.create(user=ana, text="What does she play?")
    return conversation


def test_no_address_of_a_conversation_is_forgotten_here() -> None:
    routes = [entry.pattern for entry in _conversation if isinstance(entry, URLPattern)]
    paths = [re.sub("{[a-z]+}", "{reply}", path) for path in PATHS]

    assert [re.sub("<int:[a-z_]+>", "{reply}", str(route)) for route in routes] == paths


def address(path: str, conversation: Conversation, *, key: uuid.UUID | None = None) -> str:
    reply = Message.objects.replies().get(conversation=conversation)
    keys = {"reply": reply.pk, "prompt": reply.parent_id, "queued": conversation.queue.get().pk}
    return f"/c/{key or conversation.pk}/{path.format(**keys)}"


def shown(answer: HttpResponseBase) -> tuple[int, str]:
    """An answer without what differs from one to the next: the time."""
    return answer.status_code, re.sub(r'data-now="\d+"', "", page_of(answer))


@every_path
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_stranger_gets_what_a_missing_id_gets(
    browser_of: Browser,
    ben: User,
    conversation: Conversation,
    path: str,
    method: str,
    headers: dict[str, str],
) -> None:
    ask = getattr(browser_of(ben), method)
    before = Conversation.objects.values().get()

    theirs = ask(address(path, conversation), headers=headers)
    missing = ask(address(path, conversation, key=uuid.uuid4()), headers=headers)

    assert shown(theirs) == shown(missing)
    expected = 404 if method == "post" or path in GETS else 405
    assert theirs.status_code == (405 if method == "post" and POSTS[path] is None else expected)
    assert TITLE not in page_of(theirs)
    assert Conversation.objects.values().get() == before


@every_path
def test_what_the_owner_reads_there(browser: Client, conversation: Conversation, path: str) -> None:
    answer = browser.get(address(path, conversation))

    words = "A musician" if path.endswith(("text/", "changes/")) else TITLE
    words = "What does she play?" if path == "draft/" else words
    assert answer.status_code == GETS.get(path, 405)
    assert (words in page_of(answer)) is (answer.status_code == 200)


@pytest.mark.parametrize(("path", "status"), POSTS.items())
def test_what_the_owner_may_do_there(
    service: Service, browser: Client, conversation: Conversation, path: str, status: int | None
) -> None:
    if path == "restore/":
        conversations.delete(conversation)

    answer = browser.post(address(path, conversation))

    assert answer.status_code == (status or 405)


@every_path
def test_its_owner_finds_nothing_there_once_it_is_deleted(
    browser: Client, conversation: Conversation, path: str
) -> None:
    conversations.delete(conversation)

    read = browser.get(address(path, conversation))
    done = browser.post(address(path, conversation))

    assert read.status_code == (404 if path in GETS else 405)
    # Taking it back is what is left.
    expected = 302 if path == "restore/" else 405 if POSTS[path] is None else 404
    assert done.status_code == expected


def test_only_what_was_deleted_can_be_taken_back(
    browser: Client, conversation: Conversation
) -> None:
    assert browser.post(address("restore/", conversation)).status_code == 404


def test_a_stranger_cannot_take_back_what_was_deleted(
    browser_of: Browser, ben: User, conversation: Conversation
) -> None:
    conversations.delete(conversation)

    answer = browser_of(ben).post(address("restore/", conversation))

    assert answer.status_code == 404
    assert not Conversation.objects.visible_to(conversation.owner).exists()


@pytest.mark.parametrize("deed", ["stop", "try-again", "ask-otherwise", "branch", "feedback"])
def test_a_message_is_found_only_in_its_own_conversation(
    browser: Client, ana: User, ben: User, conversation: Conversation, deed: str
) -> None:
    for owner in (ana, ben):
        other = make_turn(make_conversation(owner)).reply

        answer = browser.post(f"/c/{conversation.pk}/messages/{other.pk}/{deed}/")

        assert answer.status_code == 404


def test_the_text_of_a_message_is_found_only_in_its_own_conversation(
    browser: Client, ana: User, ben: User, conversation: Conversation
) -> None:
    for owner in (ana, ben):
        other = make_turn(make_conversation(owner)).reply

        assert browser.get(f"/c/{conversation.pk}/messages/{other.pk}/text/").status_code == 404


@pytest.mark.parametrize("deed", ["stop", "try-again", "ask-otherwise", "feedback"])
def test_a_prompt_is_no_reply(browser: Client, conversation: Conversation, deed: str) -> None:
    prompt = conversation.messages.oldest_first()[0]

    answer = browser.post(f"/c/{conversation.pk}/messages/{prompt.pk}/{deed}/")

    assert answer.status_code == 404


def test_a_person_who_was_switched_off_sees_nothing(
    browser: Client, ana: User, conversation: Conversation
) -> None:
    assert browser.get(f"/c/{conversation.pk}/").status_code == 200

    User.objects.filter(pk=ana.pk).update(is_active=False)

    assert browser.get(f"/c/{conversation.pk}/").status_code == 302


def test_a_list_holds_only_ones_own(
    browser: Client, browser_of: Browser, ben: User, conversation: Conversation
) -> None:
    assert TITLE in page_of(browser.get("/conversations/"))
    assert TITLE not in page_of(browser_of(ben).get("/conversations/"))
