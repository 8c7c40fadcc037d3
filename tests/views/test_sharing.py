"""Links to a conversation, as their owner makes and ends them and as colleagues read by them."""

from __future__ import annotations

import html
import json
import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from chat.domain import accounts, conversations, sharing
from chat.enums import MessageState
from chat.generation.service import Service
from chat.models import Conversation, ShareLink, User
from tests.factories import begin_turn, make_conversation, make_turn
from tests.views.conftest import HTMX, Browser, articles, page_of
from tests.views.test_strangers import shown

TITLE, SYSTEM, WORDS = "About the xylophonist", "Be a marimba", "A musician"
PATHS = ["", "live/", "changes/", "messages/{reply}/text/"]
ENDS = {
    "revoked": lambda link: sharing.end(link),
    "expired": lambda link: ShareLink.objects.update(
        created_at=timezone.now() - timedelta(days=9), expires_at=timezone.now()
    ),
    "chat deleted": lambda link: conversations.delete(link.conversation),
    "owner switched off": lambda link: User.objects.filter(pk=link.created_by_id).update(
        is_active=False
    ),
    "owner erased": lambda link: accounts.erase(user=link.created_by),
}


@pytest.fixture
def conversation(ana: User) -> Conversation:
    conversation = make_conversation(ana, title=TITLE, system_prompt=SYSTEM)
    make_turn(conversation, "Who is she?", WORDS)
    conversation.refresh_from_db()
    return conversation


@pytest.fixture
def made(conversation: Conversation) -> sharing.NewLink:
    return sharing.share(conversation, by=conversation.owner, lasts=timedelta(days=1))


@pytest.fixture
def reader(browser_of: Browser, ben: User) -> Client:
    return browser_of(ben)


def address(token: str, path: str, conversation: Conversation) -> str:
    replies = conversation.messages.replies().order_by("pk")
    return f"/s/{token}/{path.format(reply=replies[0].pk if replies else 0)}"


def main_of(page: str) -> str:
    _, _, main = page.partition("<main")
    return main.partition("</main>")[0]


def test_an_owner_makes_a_link_and_sees_its_address_once(
    browser: Client, reader: Client, conversation: Conversation
) -> None:
    page = f"/c/{conversation.pk}/share/"

    answer = browser.post(page, {"days": 7})

    found = re.search(r'id="share-address" value="([^"]+)"', page_of(answer))
    assert found is not None
    link = ShareLink.objects.get()
    assert (link.expires_at - link.created_at, link.created_by) == (
        timedelta(days=7),
        conversation.owner,
    )
    token = html.unescape(found[1]).rstrip("/").rpartition("/")[2]
    assert token not in page_of(browser.get(page))
    assert TITLE in page_of(reader.get(f"/s/{token}/"))
    assert "opened 1 time by Ben" in page_of(browser.get(page))


@pytest.mark.parametrize("days", ["", "0", "365", "x"])
def test_a_link_lasts_as_long_as_is_offered(
    browser: Client, conversation: Conversation, days: str
) -> None:
    answer = browser.post(f"/c/{conversation.pk}/share/", {"days": days})

    assert answer.status_code == 422
    assert not ShareLink.objects.exists()


def test_one_link_too_many_is_refused_in_words(browser: Client, conversation: Conversation) -> None:
    for _ in range(sharing.MOST_LINKS):
        sharing.share(conversation, by=conversation.owner, lasts=timedelta(days=1))

    answer = browser.post(f"/c/{conversation.pk}/share/", {"days": 1})

    assert answer.status_code == 409
    assert "End one that is not needed" in page_of(answer)


def test_a_link_is_ended_by_the_owner_of_its_chat_alone(
    service: Service,
    browser: Client,
    reader: Client,
    ben: User,
    conversation: Conversation,
    made: sharing.NewLink,
) -> None:
    own = make_conversation(ben)

    for chat in (conversation, own):
        assert reader.post(f"/c/{chat.pk}/share/{made.link.pk}/end/").status_code == 404
    assert reader.get(f"/s/{made.token}/").status_code == 200

    assert browser.post(f"/c/{conversation.pk}/share/{made.link.pk}/end/").status_code == 302
    assert reader.get(f"/s/{made.token}/").status_code == 404


def test_a_reader_sees_what_is_shown_and_nothing_to_change_it(
    reader: Client, conversation: Conversation, made: sharing.NewLink
) -> None:
    for state in (MessageState.STOPPED, MessageState.INTERRUPTED, MessageState.FAILED):
        make_turn(conversation, "And?", "Cut", state=state)
    hidden = begin_turn(conversation, "Hidden words")
    conversations.show_branch(conversation, through=conversation.messages.replies()[3])
    conversation.messages.filter(pk=hidden.reply.pk).update(
        state=MessageState.COMPLETE, finished_at=timezone.now()
    )

    answer = reader.get(f"/s/{made.token}/")

    page = page_of(answer)
    assert articles(answer)[:2] == ["user: Who is she?", f"assistant: {WORDS}"]
    assert TITLE in page
    assert "Ana lets you read this conversation until" in page
    assert SYSTEM not in page
    assert_only_to_read(main_of(page), conversation)


@pytest.mark.parametrize("state", [*MessageState])
def test_what_a_reader_is_sent_later_is_only_to_be_read_too(
    service: Service,
    reader: Client,
    conversation: Conversation,
    made: sharing.NewLink,
    state: MessageState,
) -> None:
    turn = begin_turn(conversation, "Again?")
    over = state not in (MessageState.WAITING, MessageState.STREAMING)
    conversation.messages.filter(pk=turn.reply.pk).update(
        state=state, text="Some", finished_at=timezone.now() if over else None
    )

    answer = reader.get(f"/s/{made.token}/changes/?since=0")

    frames = "".join(json.loads(answer.content))
    assert "Again?" in frames
    assert_only_to_read(frames, conversation)


def assert_only_to_read(markup: str, conversation: Conversation) -> None:
    """Nothing that is sent, and no address of the owner's."""
    for sign in ("<form", "formaction", "hx-post", "hx-get", "<textarea", "<input", "<select"):
        assert sign not in markup
    assert str(conversation.pk) not in markup
    assert set(re.findall(r'data-action="(\w+)"', markup)) <= {"copy"}


@pytest.mark.parametrize("path", PATHS)
def test_what_is_read_there(
    reader: Client, conversation: Conversation, made: sharing.NewLink, path: str
) -> None:
    answer = reader.get(address(made.token, path, conversation))

    # Nothing is being written, and so the page is where it leads.
    assert answer.status_code == (302 if path == "live/" else 200)
    assert answer.status_code == 302 or WORDS in page_of(answer)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_link_that_has_ended_is_one_that_never_was(
    reader: Client,
    conversation: Conversation,
    made: sharing.NewLink,
    path: str,
    end: object,
    headers: dict[str, str],
) -> None:
    there = address(made.token, path, conversation)
    missing = address("never-was", path, conversation)
    assert callable(end)
    end(made.link)

    ended, never = (reader.get(each, headers=headers) for each in (there, missing))

    assert shown(ended) == shown(never)
    assert ended.status_code == 404
    assert TITLE not in page_of(ended)


@pytest.mark.parametrize("path", PATHS)
def test_who_is_not_signed_in_comes_back_after_it_and_who_is_switched_off_does_not(
    browser_of: Browser,
    reader: Client,
    ben: User,
    conversation: Conversation,
    made: sharing.NewLink,
    path: str,
) -> None:
    there = address(made.token, path, conversation)

    stranger = browser_of(None).get(there)
    User.objects.filter(pk=ben.pk).update(is_active=False)

    assert (stranger.status_code, stranger["Location"]) == (
        302,
        f"/accounts/login/?next={there}",
    )
    assert reader.get(there).status_code == 302


def test_the_text_of_a_message_is_read_only_on_the_branch_that_is_shown(
    reader: Client, ana: User, conversation: Conversation, made: sharing.NewLink
) -> None:
    first = conversation.messages.replies().get()
    make_turn(conversation, "Hidden", "Hidden too")
    conversations.show_branch(conversation, through=first)
    conversation.head_id = first.pk
    conversation.save()
    elsewhere = make_turn(make_conversation(ana)).reply
    hidden = conversation.messages.replies().order_by("pk")[1]

    for message, status in ((first, 200), (hidden, 404), (elsewhere, 404)):
        answer = reader.get(f"/s/{made.token}/messages/{message.pk}/text/")
        assert answer.status_code == status


def test_a_link_opens_none_of_the_owners_addresses(
    reader: Client, conversation: Conversation, made: sharing.NewLink
) -> None:
    reader.get(f"/s/{made.token}/")

    assert reader.get(f"/c/{conversation.pk}/").status_code == 404
    assert reader.get(f"/c/{made.token}/").status_code == 404
    form = {"text": "Hello", "send_key": str(uuid.uuid4())}
    assert reader.post(f"/c/{conversation.pk}/messages/", form).status_code == 404
    assert reader.post(f"/s/{made.token}/").status_code == 405
