"""Saying what one thinks of an answer, with and without script."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from chat.domain import feedback
from chat.enums import Verdict, Why
from chat.models import Conversation, Feedback, Message
from tests.factories import begin_turn, make_turn
from tests.views.conftest import HTMX, page_of

WORDS = "About the xylophonist it is wrong"


@pytest.fixture
def reply(conversation: Conversation) -> Message:
    return make_turn(conversation).reply


@pytest.fixture
def address(reply: Message) -> str:
    return f"/c/{reply.conversation_id}/messages/{reply.pk}/feedback/"


def pressed(page: str) -> list[str]:
    """The buttons that are pressed."""
    return re.findall(r'id="message-\d+-(good|bad)"[^>]*aria-pressed="true"', page)


def test_a_verdict_is_one_press_and_another_press_takes_it_back(
    browser: Client, reply: Message, address: str
) -> None:
    page = f"/c/{reply.conversation_id}/"
    assert pressed(page_of(browser.get(page))) == []

    for verdict, shown in (("good", ["good"]), ("bad", ["bad"]), ("none", [])):
        answer = browser.post(address, {"verdict": verdict}, headers=HTMX)
        assert pressed(page_of(answer)) == shown
        assert pressed(page_of(browser.get(page))) == shown

    assert not Feedback.objects.exists()


def test_without_script_a_page_asks_why_and_leads_back(
    browser: Client, reply: Message, address: str
) -> None:
    given = browser.post(address, {"verdict": "bad"})
    assert (given.status_code, given["Location"]) == (302, address)
    assert "What was bad about it?" in page_of(browser.get(address))

    form = {"explained": "1", "verdict": "bad", "reasons": [Why.WRONG], "text": WORDS}
    answer = browser.post(address, form)

    assert answer["Location"] == f"/c/{reply.conversation_id}/#message-{reply.pk}"
    kept = Feedback.objects.get()
    assert (kept.reasons, kept.text, kept.may_be_read) == ([Why.WRONG], WORDS, False)
    assert WORDS in page_of(browser.get(address))
    browser.post(address, form | {"may_be_read": "on"})
    assert Feedback.objects.get().may_be_read
    browser.post(address, form | {"verdict": "none"})
    assert not Feedback.objects.exists()


@pytest.mark.parametrize(
    "form",
    [
        {"verdict": "great"},
        {},
        {"explained": "1", "verdict": "bad", "text": "x" * 1001},
        {"explained": "1", "verdict": "bad", "reasons": ["clear"]},
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_what_cannot_be_taken_is_refused_and_the_words_stay(
    browser: Client, address: str, form: dict[str, str], headers: dict[str, str]
) -> None:
    answer = browser.post(address, form, headers=headers)

    assert answer.status_code == 422
    assert form.get("text", "") in page_of(answer)
    assert not Feedback.objects.exclude(text="").exists()


def test_an_answer_that_is_being_written_has_none_yet(
    browser: Client, conversation: Conversation
) -> None:
    reply = begin_turn(conversation).reply

    address = f"/c/{conversation.pk}/messages/{reply.pk}/feedback/"
    assert browser.post(address, {"verdict": "good"}).status_code == 404
    assert address not in page_of(browser.get(f"/c/{conversation.pk}/"))


def test_what_somebody_thought_is_in_no_page_that_others_read(
    browser: Client, reply: Message
) -> None:
    feedback.give(user=reply.conversation.owner, reply=reply, verdict=Verdict.BAD)
    made = browser.post(f"/c/{reply.conversation_id}/share/", {"days": 1})
    token = re.search(r"/s/([\w-]+)/", page_of(made))
    assert token is not None

    page = page_of(browser.get(f"/s/{token[1]}/"))

    assert pressed(page) == []
    assert "feedback" not in page.partition("<main")[2].partition("</main>")[0]
