"""What waits for the end of a reply, by its owner's hand: with script and without."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from chat.domain import queued
from chat.enums import MessageState, QueueState
from chat.generation.service import Service
from chat.models import Conversation, QueuedMessage, User
from tests.factories import begin_turn, make_conversation, make_turn, uploaded
from tests.upstream.process import Upstream
from tests.views.conftest import (
    HTMX,
    Browser,
    articles,
    as_page_or_script,
    messages_of,
    notices,
    page_of,
    sealed,
    send,
    text_in_composer,
)
from tests.waiting import eventually

DEEDS = ("", "hold/", "release/", "remove/", "send/")


@pytest.fixture
def waiting(service: Service, conversation: Conversation) -> QueuedMessage:
    """Behind a reply that was stopped: nobody sends it by itself."""
    make_turn(conversation, "First", "One", state=MessageState.STOPPED)
    return add(conversation)


def add(conversation: Conversation, text: str = "Then <this>") -> QueuedMessage:
    queued.add(
        conversation=conversation, author=conversation.owner, text=text, send_key=uuid.uuid4()
    )
    return QueuedMessage.objects.latest("pk")


def address(message: QueuedMessage, deed: str = "") -> str:
    return f"/c/{message.conversation_id}/queue/{message.pk}/{deed}"


def state(message: QueuedMessage) -> tuple[str, str]:
    fresh = QueuedMessage.objects.get(pk=message.pk)
    return fresh.state, fresh.text


@pytest.mark.parametrize("deed", DEEDS)
def test_a_message_is_in_the_queue_of_its_own_conversation_alone(
    browser: Client, waiting: QueuedMessage, ana: User, deed: str
) -> None:
    detour = f"/c/{make_conversation(ana).pk}/queue/{waiting.pk}/{deed}"

    assert browser.post(detour, {"text": "Elsewhere"}).status_code == 409
    assert state(waiting) == (QueueState.READY, "Then <this>")


@pytest.mark.parametrize("deed", DEEDS)
def test_the_queue_of_another_is_not_there(
    service: Service, browser_of: Browser, ben: User, conversation: Conversation, deed: str
) -> None:
    begin_turn(conversation)
    message = add(conversation)
    # Nor through a conversation of one's own, which answers as for one that never was.
    detours = [f"/c/{make_conversation(ben).pk}/queue/{key}/{deed}" for key in (message.pk, 10**6)]

    for path, status in ((address(message, deed), 404), *((each, 409) for each in detours)):
        answer = browser_of(ben).post(path, {"text": "Mine now"})
        assert answer.status_code == status
        assert "Then" not in page_of(answer)

    assert state(message) == (QueueState.READY, "Then <this>")


def test_the_page_shows_what_waits_and_for_what(
    browser: Client, conversation: Conversation, service: Service
) -> None:
    begin_turn(conversation)
    page = f"/c/{conversation.pk}/"
    assert "Next messages" not in page_of(browser.get(page))
    first, second = add(conversation), add(conversation, "x" * 400)
    queued.hold(first)
    queued.refuse(second)

    shown = page_of(browser.get(page))

    assert "Then &lt;this&gt;" in shown
    assert "x" * 299 in shown
    assert "x" * 301 not in shown
    assert "Waits while it is being edited." in shown
    assert "It was not sent by itself: send it to see why." in shown


@as_page_or_script
def test_it_is_sent_by_hand_after_a_stop(
    browser: Client,
    waiting: QueuedMessage,
    upstream: Upstream,
    headers: dict[str, str],
    status: int,
) -> None:
    upstream.says("Two")

    answer = browser.post(address(waiting, "send/"), headers=headers)

    assert answer.status_code == status
    sealed(waiting.conversation)
    shown = articles(browser.get(f"/c/{waiting.conversation_id}/"))
    assert shown[-2:] == ["user: Then <this>", "assistant: Two"]
    assert not QueuedMessage.objects.exists()
    assert browser.post(address(waiting, "send/"), headers=headers).status_code == 409


@as_page_or_script
def test_it_is_edited_in_its_place(
    browser: Client, waiting: QueuedMessage, headers: dict[str, str], status: int
) -> None:
    held = browser.post(address(waiting, "hold/"), headers=headers, follow=not headers)
    assert "Then &lt;this&gt;</textarea>" in page_of(held)
    assert state(waiting)[0] == QueueState.EDITED

    empty = browser.post(address(waiting), {"text": " "}, headers=headers)
    assert empty.status_code == 422
    assert "Write a message first." in page_of(empty)
    assert state(waiting) == (QueueState.EDITED, "Then <this>")

    answer = browser.post(address(waiting), {"text": "Then that"}, headers=headers)
    assert answer.status_code == status
    assert state(waiting) == (QueueState.READY, "Then that")


@as_page_or_script
def test_an_edit_that_is_given_up_puts_it_back(
    browser: Client, waiting: QueuedMessage, headers: dict[str, str], status: int
) -> None:
    queued.hold(waiting)

    answer = browser.post(address(waiting, "release/"), headers=headers)

    assert answer.status_code == status
    assert state(waiting) == (QueueState.READY, "Then <this>")


@pytest.mark.parametrize(
    ("headers", "status", "removed"), [({}, 302, 302), (HTMX, 204, 200)], ids=["plain", "htmx"]
)
def test_what_is_removed_can_be_taken_back(
    browser: Client, waiting: QueuedMessage, headers: dict[str, str], status: int, removed: int
) -> None:
    page, undo = f"/c/{waiting.conversation_id}/", address(waiting, "release/")
    assert undo not in page_of(browser.get(page))

    answer = browser.post(address(waiting, "remove/"), headers=headers)

    assert answer.status_code == removed
    shown = page_of(browser.get(page))
    assert "Removed. It is not sent." in shown
    assert undo in shown
    assert "queue__text" not in shown
    assert browser.post(undo, headers=headers).status_code == status
    assert "Then &lt;this&gt;" in page_of(browser.get(page))


@pytest.mark.parametrize("is_sent", [True, False])
def test_whoever_is_too_late_is_told_and_keeps_the_text(
    browser: Client, waiting: QueuedMessage, is_sent: bool
) -> None:
    (queued.begin if is_sent else queued.remove)(waiting)
    words = "This message was sent or removed in the meantime."

    plain = browser.post(address(waiting), {"text": "Changed"})
    by_script = browser.post(address(waiting), {"text": "Changed"}, headers=HTMX)

    assert (plain.status_code, notices(plain)) == (409, [words])
    assert "Changed</textarea>" in page_of(plain)
    # In the form itself, which stays.
    assert by_script.status_code == 422
    assert words in page_of(by_script)
    assert "Changed</textarea>" in page_of(by_script)


def test_another_text_with_the_key_of_what_runs_or_waits_is_refused_and_kept(
    service: Service, browser: Client, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(0, "One")
    keys = [str(uuid.uuid4()), str(uuid.uuid4())]
    for key in keys:
        send(browser, "First", to=messages_of(conversation), send_key=key)

    for key in keys:
        answer = send(browser, "Other words", to=messages_of(conversation), send_key=key)

        assert answer.status_code == 409
        assert text_in_composer(answer) == "Other words"
    assert QueuedMessage.objects.get().text == "First"


def test_a_model_that_is_no_longer_offered_is_not_asked(
    browser: Client, waiting: QueuedMessage, settings: Settings
) -> None:
    settings.MODELS = ["another"]

    answer = browser.post(address(waiting, "send/"), headers=HTMX)

    assert answer.status_code == 422
    assert "choose another model" in notices(answer)[0]
    assert state(waiting) == (QueueState.READY, "Then <this>")


def test_what_was_written_earlier_goes_first(
    service: Service, browser: Client, conversation: Conversation, upstream: Upstream
) -> None:
    make_turn(conversation, "First", "One")
    # As a process that died left it.
    add(conversation, "Second")

    answer = send(browser, "Third", to=messages_of(conversation), headers=HTMX)

    assert answer.status_code == 200
    eventually(lambda: conversation.messages.over().count(), lambda number: number == 6)
    shown = articles(browser.get(f"/c/{conversation.pk}/"))
    assert [words for words in shown if words.startswith("user")] == [
        "user: First",
        "user: Second",
        "user: Third",
    ]


def test_saved_after_the_reply_has_ended_it_is_sent_at_once(
    service: Service, browser: Client, conversation: Conversation, upstream: Upstream
) -> None:
    make_turn(conversation)
    message = add(conversation)
    queued.hold(message)
    upstream.says("Two")

    browser.post(address(message), {"text": "Then that"}, headers=HTMX)

    sealed(conversation)
    assert articles(browser.get(f"/c/{conversation.pk}/"))[-2:] == [
        "user: Then that",
        "assistant: Two",
    ]


def test_a_picture_waits_with_its_message_and_not_in_the_composer(
    service: Service, browser: Client, conversation: Conversation, ana: User
) -> None:
    begin_turn(conversation)
    picture = uploaded(ana, conversation)

    answer = send(
        browser, "Look", to=messages_of(conversation), headers=HTMX, attachment=str(picture.pk)
    )

    assert 'id="composer-pictures"' in page_of(answer)
    assert str(picture.pk) not in page_of(answer)
    page = page_of(browser.get(f"/c/{conversation.pk}/"))
    assert "1 picture" in page
    assert str(picture.pk) not in page


def test_a_picture_alone_waits_too_and_its_words_can_be_taken_away(
    service: Service, browser: Client, conversation: Conversation, ana: User
) -> None:
    begin_turn(conversation)
    for words in ("Look", "", "And that"):
        pictures = [] if words == "And that" else [str(uploaded(ana, conversation).pk)]
        send(browser, words, to=messages_of(conversation), headers=HTMX, attachment=pictures)
    looks, alone, that = conversation.queue.order_by("pk")

    answers = [
        browser.post(f"/c/{conversation.pk}/queue/{message.pk}/", {"text": ""}, headers=HTMX)
        for message in (looks, that)
    ]

    assert [answer.status_code for answer in answers] == [204, 422]
    assert [message.text for message in conversation.queue.order_by("pk")] == ["", "", "And that"]
    assert alone.attachments.count() == 1


def test_the_same_send_again_waits_once(
    service: Service, browser: Client, conversation: Conversation
) -> None:
    begin_turn(conversation)
    key = str(uuid.uuid4())

    for _ in range(2):
        answer = send(browser, "Once", to=messages_of(conversation), headers=HTMX, send_key=key)
        assert answer.status_code == 200
    conversation.messages.replies().update(state=MessageState.STOPPED, finished_at=timezone.now())
    late = send(browser, "Once", to=messages_of(conversation), headers=HTMX, send_key=key)

    assert late.status_code == 200
    assert QueuedMessage.objects.get().text == "Once"
    assert conversation.messages.count() == 2


def test_too_many_are_refused_and_the_text_kept(
    service: Service, browser: Client, conversation: Conversation
) -> None:
    begin_turn(conversation)
    for _ in range(queued.MOST_QUEUED):
        add(conversation)

    answer = send(browser, "One more", to=messages_of(conversation), headers=HTMX)

    assert answer.status_code == 409
    assert notices(answer) == [
        "Many messages wait already. Your text is kept: send or remove one first."
    ]
