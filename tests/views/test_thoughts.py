"""How long a model thought is said where its thoughts are."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from chat.enums import MessageState
from chat.models import Completion, Conversation, Message
from tests.factories import begin_turn, make_turn
from tests.views.conftest import page_of

BEGAN = timezone.now().replace(microsecond=0) - timedelta(hours=1)


def after(seconds: float | None) -> datetime | None:
    return None if seconds is None else BEGAN + timedelta(seconds=seconds)


def said(browser: Client, conversation: Conversation) -> str:
    page = page_of(browser.get(f"/c/{conversation.pk}/"))
    found = re.search(r"<summary class=\"reasoning__summary\">\s*<span[^>]*>(.*?)</span>", page)
    return found[1] if found else ""


@pytest.mark.parametrize(
    ("state", "text", "first_text", "sealed", "closed", "words"),
    [
        (MessageState.COMPLETE, "Yes.", 14, 20, 20, "Thoughts, 12.0 s"),
        (MessageState.STOPPED, "", None, 8, 8, "Thoughts, 6.0 s"),
        # It is read on after the stop: what comes then was not seen, and its row may be open yet.
        (MessageState.STOPPED, "", 30, 8, 40, "Thoughts, 6.0 s"),
        (MessageState.INTERRUPTED, "Ye", 5, 9, 9, "Thoughts, 3.0 s"),
        (MessageState.FAILED, "", None, 5, 5, "Thoughts, 3.0 s"),
        # Found by another process: when its text began is not known.
        (MessageState.INTERRUPTED, "Ye", None, 50, 50, "Thoughts"),
    ],
)
def test_the_time_until_the_first_text_or_the_end(
    browser: Client,
    conversation: Conversation,
    state: MessageState,
    text: str,
    first_text: float | None,
    sealed: float,
    closed: float,
    words: str,
) -> None:
    reply = make_turn(conversation, state=state).reply
    Message.objects.filter(pk=reply.pk).update(
        text=text, reasoning="Hm.", finished_at=after(sealed)
    )
    Completion.objects.filter(message=reply).update(
        started_at=BEGAN,
        first_token_at=after(2),
        first_text_at=after(first_text),
        finished_at=after(closed),
        text_characters=len(text),
    )

    assert said(browser, conversation) == words


def test_while_it_runs_and_without_thoughts_there_is_no_time(
    browser: Client, conversation: Conversation
) -> None:
    make_turn(conversation)
    assert said(browser, conversation) == ""

    reply = begin_turn(conversation).reply
    Completion.objects.filter(message=reply).update(first_token_at=timezone.now())
    reply.pieces.create(number=0, text="", reasoning="Hm.")

    assert said(browser, conversation) == "Thoughts"
