"""Drafts as a page has them, and as its script saves them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from chat.generation.service import Service
from chat.models import Conversation, Draft, User
from tests.factories import make_conversation, make_turn
from tests.views.conftest import HTMX, Browser, messages_of, page_of, send, text_in_composer

FIRST, SECOND = str(uuid.uuid4()), str(uuid.uuid4())


def save(browser: Client, address: str, text: str, version: str, based_on: str = "") -> Any:
    return browser.post(
        f"{address}draft/", {"text": text, "version": version, "based_on": based_on}
    )


def versions_in(answer: object) -> str:
    assert isinstance(answer, HttpResponse)
    field = page_of(answer).partition('id="draft-version"')[2]
    return field.partition('value="')[2].partition('"')[0]


@pytest.fixture(params=["new", "begun"])
def address(request: pytest.FixtureRequest, conversation: Conversation) -> str:
    return "/" if request.param == "new" else f"/c/{conversation.pk}/"


def test_what_was_saved_stands_in_the_box_of_every_device(
    browser_of: Browser, ana: User, address: str
) -> None:
    laptop, phone = browser_of(ana), browser_of(ana)

    answer = save(laptop, address, "Half a tho\n", FIRST)

    assert (answer.status_code, answer.content) == (204, b"")
    page = phone.get(address)
    assert text_in_composer(page) == "Half a tho\n"
    assert versions_in(page) == FIRST
    assert phone.get(f"{address}draft/").json() == {"text": "Half a tho\n", "version": FIRST}


def test_an_outdated_save_is_answered_with_the_newer_one(browser: Client, address: str) -> None:
    save(browser, address, "From the phone", FIRST)

    answer = save(browser, address, "From the laptop", SECOND, based_on="nonsense")

    assert answer.status_code == 409
    assert answer.json() == {"text": "From the phone", "version": FIRST}
    assert text_in_composer(browser.get(address)) == "From the phone"
    assert save(browser, address, "Both", SECOND, based_on=f"x {FIRST}").status_code == 204
    assert text_in_composer(browser.get(address)) == "Both"


def test_nobody_is_shown_what_somebody_else_writes(
    browser_of: Browser, ana: User, ben: User, conversation: Conversation
) -> None:
    for address in ("/", f"/c/{conversation.pk}/"):
        assert save(browser_of(ana), address, "Ana's words", FIRST).status_code == 204
    theirs = browser_of(ben)

    assert text_in_composer(theirs.get("/")) == ""
    assert theirs.get("/draft/").json() == {"text": "", "version": ""}
    assert theirs.get(f"/c/{conversation.pk}/draft/").status_code == 404
    assert save(theirs, f"/c/{conversation.pk}/", "Ben's", SECOND, FIRST).status_code == 404
    assert save(theirs, "/", "Ben's", SECOND).status_code == 204
    assert set(Draft.objects.filter(user=ana).values_list("text", flat=True)) == {"Ana's words"}


def test_a_draft_of_a_deleted_conversation_is_not_there(
    browser: Client, conversation: Conversation
) -> None:
    address = f"/c/{conversation.pk}/"
    save(browser, address, "Words", FIRST)
    Conversation.objects.update(deleted_at=conversation.created_at)

    assert browser.get(f"{address}draft/").status_code == 404
    assert save(browser, address, "More words", SECOND, FIRST).status_code == 404


@pytest.mark.parametrize(
    "form",
    [
        {"text": "x" * 200_001, "version": FIRST},
        {"text": "x", "version": "none"},
        {"text": "x"},
    ],
)
def test_what_cannot_be_kept_is_refused(browser: Client, form: dict[str, str]) -> None:
    assert browser.post("/draft/", form).status_code == 422
    assert not Draft.objects.exists()


def test_a_text_that_the_address_gives_stands_before_the_draft(browser: Client) -> None:
    save(browser, "/", "My draft", FIRST)

    page = browser.get("/", {"text": "A suggestion"})

    assert text_in_composer(page) == "A suggestion"
    # It builds on no version: the script is told of the draft when it saves.
    assert versions_in(page) == ""


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_message_that_is_sent_is_in_no_composer_any_more(
    service: Service, browser: Client, ana: User, headers: dict[str, str]
) -> None:
    conversation = make_conversation(ana)
    address = f"/c/{conversation.pk}/"
    save(browser, address, "Hel", FIRST)

    answer = send(browser, "Hello", messages_of(conversation), draft=FIRST, headers=headers)

    assert text_in_composer(browser.get(address)) == ""
    if headers:
        assert versions_in(answer) == str(Draft.objects.get().version)


def test_a_refused_message_without_script_is_in_the_box_and_its_draft_stays(
    service: Service, browser: Client, ana: User
) -> None:
    conversation = make_conversation(ana, model="gone")
    address = f"/c/{conversation.pk}/"
    save(browser, address, "Hello", FIRST)

    answer = send(browser, "Hello you", messages_of(conversation), draft=FIRST)

    assert text_in_composer(answer) == "Hello you"
    assert text_in_composer(browser.get(address)) == "Hello"


def test_a_draft_costs_the_page_of_a_conversation_no_query(
    browser: Client, conversation: Conversation, django_assert_num_queries: Any
) -> None:
    make_turn(conversation)
    save(browser, f"/c/{conversation.pk}/", "Words", FIRST)

    with django_assert_num_queries(11):
        page = browser.get(f"/c/{conversation.pk}/")

    assert text_in_composer(page) == "Words"
