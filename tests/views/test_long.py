"""A long conversation: its page has a part of it, and the way to all the rest."""

from __future__ import annotations

import gzip
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.models.signals import post_init
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.domain import conversations, offers, sharing
from chat.models import Conversation, Message, User
from chat.queries import branches, thread
from tests.factories import begin_turn, make_turn
from tests.long_talk import write
from tests.views.conftest import HTMX, Browser, page_of


@pytest.fixture
def talk(ana: User) -> Conversation:
    return write(ana, turns=100)


def shown(page: str) -> list[int]:
    return [int(key) for key in re.findall(r'<article id="message-(\d+)"', page)]


def way(page: str, place: str) -> str:
    """The plain link above or below the messages; none if there are no more."""
    found = re.search(rf'<div id="{place}".*?href="([^"]+)"', page)
    return found[1] if found else ""


def branch_of(conversation: Conversation) -> list[int]:
    return list(conversation.messages.oldest_first().values_list("pk", flat=True))


def test_a_page_goes_over_the_wire_in_a_fraction_of_its_length(
    browser: Client, talk: Conversation
) -> None:
    plain = browser.get(talk.get_absolute_url())
    packed = browser.get(talk.get_absolute_url(), headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert shown(gzip.decompress(packed.content).decode()) == shown(plain.content.decode())
    assert len(packed.content) < len(plain.content) / 5


def test_a_page_of_a_thousand_messages_reads_no_more_than_it_shows(
    browser: Client, ana: User
) -> None:
    talk = write(ana, turns=500, has_ledger=True)
    read: list[Message] = []

    def note(instance: Message, **_: Any) -> None:
        read.append(instance)

    post_init.connect(note, sender=Message)
    # As in a process that has shown no choice of models for a while.
    cache.delete(offers.RATES)

    try:
        with CaptureQueriesContext(connection) as queries:
            page = page_of(browser.get(talk.get_absolute_url()))
    finally:
        post_init.disconnect(note, sender=Message)

    assert len(queries) <= 12
    assert len(read) == branches.MOST_MESSAGES
    assert shown(page) == branch_of(talk)[-branches.MOST_MESSAGES :]
    assert "980 messages stand above these." in page


def test_links_lead_without_script_to_the_first_message_and_back(
    browser: Client, talk: Conversation
) -> None:
    address = talk.get_absolute_url()
    seen: list[int] = []
    pages: list[str] = []
    while address:
        pages.append(page_of(browser.get(address)))
        seen = shown(pages[-1]) + seen
        address = way(pages[-1], "earlier")

    assert seen == branch_of(talk)
    back, address = shown(pages[-1]), way(pages[-1], "later")
    while address:
        page = page_of(browser.get(address))
        back += shown(page)
        address = way(page, "later")
    assert back == branch_of(talk)


def test_to_the_script_what_is_above_comes_alone(browser: Client, talk: Conversation) -> None:
    page = page_of(browser.get(talk.get_absolute_url()))

    above = page_of(browser.get(way(page, "earlier"), headers=HTMX))

    assert shown(above) == branch_of(talk)[-40:-20]
    assert "<html" not in above
    assert way(above, "earlier")
    assert not way(above, "later")


def test_to_the_script_what_is_below_comes_alone(browser: Client, talk: Conversation) -> None:
    keys = branch_of(talk)
    page = page_of(browser.get(talk.get_absolute_url(), {"message": keys[100]}))
    last = keys.index(shown(page)[-1])

    below = page_of(browser.get(way(page, "later"), headers=HTMX))

    assert shown(below) == keys[last + 1 : last + 21]
    assert "<html" not in below
    assert way(below, "later")
    assert not way(below, "earlier")


def test_long_messages_are_fewer_and_at_least_a_turn(browser: Client, ana: User) -> None:
    talk = write(ana, turns=10)
    talk.messages.replies().update(text="word " * 5000)
    page = page_of(browser.get(talk.get_absolute_url()))
    talk.messages.replies().update(text="word " * 20_000)

    assert shown(page) == branch_of(talk)[-4:]
    assert shown(page_of(browser.get(talk.get_absolute_url()))) == branch_of(talk)[-2:]


def test_thoughts_make_a_message_long_too(browser: Client, ana: User) -> None:
    talk = write(ana, turns=10)
    talk.messages.replies().update(reasoning="word " * 5000)

    assert shown(page_of(browser.get(talk.get_absolute_url()))) == branch_of(talk)[-4:]


def test_a_message_that_is_linked_to_is_there_however_long_those_above_are(
    browser: Client, ana: User
) -> None:
    talk = write(ana, turns=60)
    keys = branch_of(talk)
    talk.messages.filter(pk__in=keys[12:18]).update(text="word " * 20_000)

    page = page_of(browser.get(talk.get_absolute_url(), {"message": keys[20]}))

    assert keys[20] in shown(page)


@pytest.mark.parametrize("place", [0, 1, 20, 100, 158, 199])
def test_a_link_to_a_message_shows_it_among_its_neighbours(
    browser: Client, talk: Conversation, place: int
) -> None:
    keys = branch_of(talk)

    page = page_of(browser.get(talk.get_absolute_url(), {"message": keys[place]}))

    assert keys[place] in shown(page)
    first = keys.index(shown(page)[0])
    # So that one sees what it was said to.
    assert place - first >= min(place, branches.BEFORE_IT) > 0 or place == 0
    assert shown(page) == keys[first : first + len(shown(page))]
    assert len(shown(page)) <= branches.MOST_MESSAGES
    assert bool(way(page, "earlier")) == (first > 0)
    assert bool(way(page, "later")) == (shown(page)[-1] != keys[-1])
    assert re.findall(r'id="message-(\d+)"[^>]* tabindex="-1"', page) == [str(keys[place])]
    assert f'href="{talk.get_absolute_url()}?message={keys[place]}#message-{keys[place]}"' in page


def test_a_message_of_another_branch_is_offered_and_changes_nothing(
    browser: Client, talk: Conversation
) -> None:
    first = Message.objects.get(pk=branch_of(talk)[0])
    other = begin_turn(talk, "Said otherwise", instead_of=first)
    talk.refresh_from_db()
    head = talk.head_id

    page = page_of(browser.get(talk.get_absolute_url(), {"message": first.pk}))

    assert shown(page) == [other.prompt.pk, other.reply.pk]
    assert f'formaction="{talk.get_absolute_url()}messages/{first.pk}/branch/"' in page
    talk.refresh_from_db()
    assert talk.head_id == head


@pytest.mark.parametrize("named", ["0", "999999", "x", "", "-1", "9" * 30])
def test_a_message_that_is_not_there_is_no_page(
    browser: Client, talk: Conversation, named: str
) -> None:
    assert browser.get(talk.get_absolute_url(), {"message": named}).status_code == 404


@pytest.mark.parametrize("query", ["message", "before", "after"])
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_stranger_learns_nothing_by_the_number_of_a_message(
    browser_of: Browser,
    browser: Client,
    ben: User,
    talk: Conversation,
    query: str,
    headers: dict[str, str],
) -> None:
    key = branch_of(talk)[100]
    address = f"{talk.get_absolute_url()}?{query}={key}"
    missing = f"/c/{uuid.uuid4()}/?{query}={key}"
    assert browser.get(address, headers=headers).status_code == 200

    refused = browser_of(ben).get(address, headers=headers)

    assert refused.status_code == 404
    answers = [refused, browser_of(ben).get(missing, headers=headers)]
    # The second in which each was made is in them.
    told, told_of_none = [re.sub(r'data-now="\d+"', "", page_of(answer)) for answer in answers]
    assert told == told_of_none


@pytest.mark.parametrize("query", ["message", "before", "after"])
def test_messages_of_another_conversation_are_not_reached_through_ones_own(
    browser: Client, talk: Conversation, ben: User, query: str
) -> None:
    theirs = write(ben, turns=50)
    key = branch_of(theirs)[50]

    answer = browser.get(talk.get_absolute_url(), {query: key})

    assert answer.status_code == (404 if query == "message" else 200)
    if answer.status_code == 200:
        assert shown(page_of(answer)) == branch_of(talk)[-20:]


def test_a_page_whose_branch_is_shown_no_more_is_loaded_anew(
    browser: Client, talk: Conversation
) -> None:
    page = page_of(browser.get(talk.get_absolute_url()))
    begin_turn(talk, "Said otherwise", instead_of=Message.objects.get(pk=branch_of(talk)[0]))

    answer = browser.get(way(page, "earlier"), headers=HTMX)

    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")


def test_who_reads_by_a_link_gets_to_all_of_the_shown_branch_and_to_nothing_else(
    browser_of: Browser, talk: Conversation, ben: User
) -> None:
    first = Message.objects.get(pk=branch_of(talk)[0])
    hidden = begin_turn(talk, "A secret", instead_of=first)
    talk.refresh_from_db()
    conversations.show_branch(talk, through=first)
    token = sharing.share(talk, by=talk.owner, lasts=timedelta(days=1)).token
    reader, address = browser_of(ben), f"/s/{token}/"
    seen: list[int] = []
    while address:
        page = page_of(reader.get(address))
        seen = shown(page) + seen
        address = way(page, "earlier")

    kept = [key for key in branch_of(talk) if key not in (hidden.prompt.pk, hidden.reply.pk)]
    assert seen == kept
    at = {"message": kept[50]}
    assert kept[50] in shown(page_of(reader.get(f"/s/{token}/", at)))
    for key in (hidden.prompt.pk, 999_999):
        assert reader.get(f"/s/{token}/", {"message": key}).status_code == 404


def test_what_is_sent_from_the_middle_leads_to_the_end(
    browser: Client, talk: Conversation, service: Any
) -> None:
    page = page_of(browser.get(talk.get_absolute_url(), {"message": branch_of(talk)[50]}))
    assert 'form="composer" type="hidden" name="leads_on"' in page

    answer = browser.post(
        f"{talk.get_absolute_url()}messages/",
        {"text": "More", "send_key": str(uuid.uuid4()), "leads_on": "yes"},
        headers=HTMX,
    )

    assert (answer.status_code, answer["HX-Redirect"]) == (204, talk.get_absolute_url())


def test_what_changed_is_found_among_what_is_shown(talk: Conversation) -> None:
    turn = make_turn(talk)
    talk.refresh_from_db()

    changed = thread.changed(talk, since=1)

    assert changed is not None
    assert [message.pk for message in changed] == [turn.prompt.pk, turn.reply.pk]
    assert thread.changed(talk, since=0) is None
