"""Finding a conversation by the words of its title."""

from __future__ import annotations

import pytest
from django.test import Client

from chat.models import Conversation, User
from tests.factories import make_conversation
from tests.views.conftest import HTMX, Browser

ADDRESSES = ["/conversations/", "/palette/"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_word_has_to_be_in_the_title_in_any_order(
    browser: Client, ana: User, address: str
) -> None:
    wanted = make_conversation(ana, title="Minutes of the quarterly review")
    make_conversation(ana, title="A quarterly letter")

    found = browser.get(address, {"q": "Review quarterly"}, headers=HTMX).content.decode()

    assert wanted.get_absolute_url() in found
    assert "letter" not in found


@pytest.mark.parametrize("address", ADDRESSES)
def test_nobody_finds_what_is_not_theirs_or_deleted(
    browser_of: Browser, ana: User, ben: User, address: str
) -> None:
    make_conversation(ana, title="Salaries")

    assert "Salaries" in browser_of(ana).get(address, {"q": "salaries"}).content.decode()
    assert "Salaries" not in browser_of(ben).get(address, {"q": "salaries"}).content.decode()

    Conversation.objects.update(deleted_at="2026-11-01T12:00Z")
    assert "Salaries" not in browser_of(ana).get(address, {"q": "salaries"}).content.decode()


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_looked_for_is_only_words(browser: Client, ana: User, address: str) -> None:
    make_conversation(ana, title="100 % wool")

    assert "wool" in browser.get(address, {"q": "% wool"}).content.decode()
    for words in ("_", "<b>x</b>", "\x00_", "x" * 100_000):
        answer = browser.get(address, {"q": words}, headers=HTMX)
        assert answer.status_code == 200
        assert "wool" not in answer.content.decode()
        assert "<b>x" not in answer.content.decode()


def test_older_ones_are_looked_for_by_the_same_words(browser: Client, ana: User) -> None:
    for number in range(41):
        make_conversation(ana, title=f"Apple {number}")
    make_conversation(ana, title="Pear")

    first = browser.get("/conversations/", {"q": "apple"})
    older = browser.get("/conversations/", {"q": "apple", "before": first.context["older"]})

    assert len(first.context["conversations"]) == 40
    assert [found.title for found in older.context["conversations"]] == ["Apple 0"]
    assert "&amp;q=apple" in first.content.decode()
