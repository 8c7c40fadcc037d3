"""What can be done with a conversation and its replies: by plain forms, and by the script's."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from chat.enums import CompletionState, MessageState
from chat.generation.service import Service
from chat.models import Completion, Conversation, User
from chat.models.conversation import TITLE_LENGTH
from tests.factories import make_conversation, make_turn
from tests.upstream.process import Upstream
from tests.views.conftest import (
    HTMX,
    articles,
    as_page_or_script,
    listed,
    messages_of,
    page_of,
    sealed,
    send,
    words_of,
)

# Stop


@as_page_or_script
def test_stop_ends_a_reply_and_keeps_its_text(
    service: Service,
    browser: Client,
    upstream: Upstream,
    conversation: Conversation,
    headers: dict[str, str],
    status: int,
) -> None:
    upstream.holds_after(1, "One", " two")
    send(browser, "Count", to=messages_of(conversation))
    upstream.wait_until_held()
    reply = conversation.messages.replies().get()
    address = f"/c/{conversation.pk}/messages/{reply.pk}/stop/"
    assert address in page_of(browser.get(f"/c/{conversation.pk}/"))

    answer = browser.post(address, headers=headers)
    again = browser.post(address, headers=headers)

    stopped = sealed(conversation)
    assert (answer.status_code, again.status_code) == (status, status)
    assert (stopped.state, stopped.text) == (MessageState.STOPPED, "One")
    assert Completion.objects.get().state == CompletionState.ESTIMATED
    page = page_of(browser.get(f"/c/{conversation.pk}/"))
    assert "You stopped this answer." in page
    assert address not in page


# Try again, and walking between answers


@as_page_or_script
def test_try_again_makes_a_second_answer_to_the_same_prompt(
    service: Service,
    browser: Client,
    upstream: Upstream,
    conversation: Conversation,
    headers: dict[str, str],
    status: int,
) -> None:
    first = make_turn(conversation, "Greet me", "Hello").reply
    upstream.says("Good morning")

    answer = browser.post(f"/c/{conversation.pk}/messages/{first.pk}/try-again/", headers=headers)

    second = sealed(conversation)
    assert answer.status_code == status
    assert (second.parent_id, second.text) == (first.parent_id, "Good morning")
    page = browser.get(f"/c/{conversation.pk}/")
    assert articles(page) == ["user: Greet me", "assistant: Good morning"]
    assert "Answer 2 of 2" in page_of(page)


def test_only_the_last_answer_can_be_tried_again(
    service: Service, browser: Client, conversation: Conversation
) -> None:
    first = make_turn(conversation, "One?", "One").reply
    last = make_turn(conversation, "Two?", "Two").reply
    page = page_of(browser.get(f"/c/{conversation.pk}/"))

    answer = browser.post(f"/c/{conversation.pk}/messages/{first.pk}/try-again/", headers=HTMX)

    assert answer.status_code == 409
    assert "not the last one any more" in page_of(answer)
    assert f"messages/{first.pk}/try-again/" not in page
    assert f"messages/{last.pk}/try-again/" in page
    assert conversation.messages.count() == 4


@as_page_or_script
def test_an_answer_that_broke_off_goes_on(
    service: Service,
    browser: Client,
    upstream: Upstream,
    conversation: Conversation,
    headers: dict[str, str],
    status: int,
) -> None:
    reply = make_turn(
        conversation, "A story", "Once upon a time", state=MessageState.INTERRUPTED
    ).reply
    address = f"/c/{conversation.pk}/messages/{reply.pk}/continue/"
    page = page_of(browser.get(f"/c/{conversation.pk}/"))
    upstream.says("upon a time there was a queen")

    answer = browser.post(address, headers=headers)

    whole = sealed(conversation)
    assert answer.status_code == status
    assert (whole.pk, whole.text) == (reply.pk, "Once upon a time there was a queen")
    assert address in page
    after = page_of(browser.get(f"/c/{conversation.pk}/"))
    assert address not in after
    assert "16 characters" in after


def test_a_whole_answer_does_not_go_on(
    service: Service, browser: Client, conversation: Conversation
) -> None:
    reply = make_turn(conversation).reply
    address = f"/c/{conversation.pk}/messages/{reply.pk}/continue/"

    answer = browser.post(address, headers=HTMX)

    assert answer.status_code == 409
    assert "This answer is whole" in page_of(answer)
    assert address not in page_of(browser.get(f"/c/{conversation.pk}/"))


@as_page_or_script
def test_an_earlier_answer_can_be_shown_again(
    service: Service,
    browser: Client,
    upstream: Upstream,
    conversation: Conversation,
    headers: dict[str, str],
    status: int,
) -> None:
    first = make_turn(conversation, "Greet me", "Hello").reply
    browser.post(f"/c/{conversation.pk}/messages/{first.pk}/try-again/")
    sealed(conversation)

    answer = browser.post(f"/c/{conversation.pk}/messages/{first.pk}/branch/", headers=headers)

    assert answer.status_code == status
    page = browser.get(f"/c/{conversation.pk}/")
    assert articles(page) == ["user: Greet me", "assistant: Hello"]
    assert "Answer 1 of 2" in page_of(page)


# Rename


def test_a_conversation_gets_another_title(browser: Client, conversation: Conversation) -> None:
    answer = browser.post(f"/c/{conversation.pk}/title/", {"title": "Birds & <herons>"})

    assert (answer.status_code, answer["Location"]) == (302, f"/c/{conversation.pk}/")
    assert listed(browser.get("/")) == ["Birds & <herons>"]


@pytest.mark.parametrize("title", ["", "   ", "x" * (TITLE_LENGTH + 1)])
def test_a_title_that_is_none_is_refused(
    browser: Client, conversation: Conversation, title: str
) -> None:
    answer = browser.post(f"/c/{conversation.pk}/title/", {"title": title})

    conversation.refresh_from_db()
    assert answer.status_code == 422
    assert 'class="errorlist"' in page_of(answer)
    assert conversation.title == "A talk"


# Delete, and take back


def test_a_deleted_conversation_is_gone_from_sight_and_can_be_taken_back(
    service: Service, browser: Client, conversation: Conversation
) -> None:
    make_turn(conversation, "Greet me", "Hello")
    spent = Completion.objects.values().get()

    answer = browser.post(f"/c/{conversation.pk}/delete/", follow=True)

    undo = re.search(r'action="(/c/[^"]+/restore/)"', page_of(answer))
    assert answer.redirect_chain == [("/", 302)]
    assert "“A talk” is deleted." in page_of(answer)
    assert listed(answer) == []
    assert browser.get(f"/c/{conversation.pk}/").status_code == 404
    assert undo is not None

    back = browser.post(undo[1], follow=True)

    assert back.redirect_chain == [(f"/c/{conversation.pk}/", 302)]
    assert articles(back) == ["user: Greet me", "assistant: Hello"]
    assert listed(back) == ["A talk"]
    assert Completion.objects.values().get() == spent


def test_deleting_stops_the_reply(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    upstream.holds_after(1, "One", " two")
    send(browser, "Count", to=messages_of(conversation))
    upstream.wait_until_held()

    browser.post(f"/c/{conversation.pk}/delete/")

    assert sealed(conversation).state == MessageState.STOPPED
    upstream.wait_until_client_left()
    assert not Completion.objects.open().exists()


# Settings


def configure(browser: Client, conversation: Conversation, **fields: str) -> tuple[int, str]:
    """Save the settings form with these fields. Gives the status and the page."""
    data = {"model": "Gemini-3.0-pro", "stream": "on", **fields}
    answer = browser.post(f"/c/{conversation.pk}/settings/", data)
    return answer.status_code, page_of(answer)


def field(page: str, name: str) -> str:
    """What a page says about one field, in words."""
    found = re.search(
        rf'<div class="field[^"]*">(?:(?!<div class="field).)*name="{name}".*?'
        r'(?=<div class="field|<div class="form__actions)',
        page,
        re.S,
    )
    assert found is not None
    return words_of(found[0])


def errors(page: str, name: str) -> str:
    """What a page says is wrong with one field."""
    found = re.search(rf'<ul class="errorlist" id="id_{name}_error">(.*?)</ul>', page, re.S)
    assert found is not None
    return words_of(found[1])


def flashes(answer: HttpResponseBase) -> list[str]:
    """The news at the top of a page."""
    found = re.findall(r'<div class="flash__item".*?<p>(.*?)</p>', page_of(answer), re.S)
    return [words_of(words) for words in found]


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("max_tokens", "1"),
        ("max_tokens", "64000"),
        ("temperature", "0"),
        ("temperature", "2"),
        ("top_p", "0"),
        ("top_p", "1"),
        ("top_k", "1"),
        ("top_k", "40"),
    ],
)
def test_a_parameter_in_its_range_is_kept(
    browser: Client, conversation: Conversation, name: str, good: str
) -> None:
    status, _ = configure(browser, conversation, **{name: good})

    conversation.refresh_from_db()
    assert status == 302
    assert conversation.parameters == {name: float(good)}
    assert f'name="{name}" value="{good}' in page_of(browser.get(f"/c/{conversation.pk}/settings/"))


@pytest.mark.parametrize(
    ("name", "bad", "words"),
    [
        ("max_tokens", "0", "from 1 to 10,000,000"),
        ("max_tokens", "-5", "from 1 to 10,000,000"),
        ("max_tokens", "1.5", "a whole number from 1"),
        ("max_tokens", "10000001", "from 1 to 10,000,000"),
        ("temperature", "-0.1", "from 0 to 2"),
        ("temperature", "2.1", "from 0 to 2"),
        ("temperature", "nan", "from 0 to 2"),
        ("temperature", "warm", "from 0 to 2"),
        ("top_p", "-1", "from 0 to 1"),
        ("top_p", "1.01", "from 0 to 1"),
        ("top_k", "0", "from 1 to 1,000,000"),
        ("top_k", "1000001", "from 1 to 1,000,000"),
    ],
)
def test_a_parameter_out_of_its_range_is_refused_with_the_range(
    browser: Client, conversation: Conversation, name: str, bad: str, words: str
) -> None:
    status, page = configure(browser, conversation, **{name: bad})

    conversation.refresh_from_db()
    assert status == 422
    assert words in errors(page, name)
    assert conversation.parameters == {}


def test_temperature_and_top_p_together_are_advised_against_and_not_refused(
    browser: Client, conversation: Conversation
) -> None:
    configure(browser, conversation, temperature="0.5")
    alone = page_of(browser.get(f"/c/{conversation.pk}/settings/"))

    status, _ = configure(browser, conversation, temperature="0.5", top_p="0.9")

    advice = "It is better not to set temperature and top P together."
    page = page_of(browser.get(f"/c/{conversation.pk}/settings/"))
    conversation.refresh_from_db()
    assert status == 302
    assert conversation.parameters == {"temperature": 0.5, "top_p": 0.9}
    assert advice in field(page, "top_p")
    assert advice not in alone


@pytest.mark.parametrize(("limit", "is_low"), [("100", True), ("4000", False)])
def test_a_low_limit_of_tokens_warns_that_answers_may_be_cut(
    browser: Client, conversation: Conversation, limit: str, is_low: bool
) -> None:
    status, _ = configure(browser, conversation, max_tokens=limit)

    page = page_of(browser.get(f"/c/{conversation.pk}/settings/"))
    assert status == 302
    assert ("answers may be cut" in field(page, "max_tokens")) is is_low


def test_a_model_that_is_known_to_ignore_a_parameter_says_so(browser: Client, ana: User) -> None:
    gemini = make_conversation(ana, model="Gemini-3.0-pro")
    other = make_conversation(ana, model="deepseek-v4-flash")

    of_gemini = page_of(browser.get(f"/c/{gemini.pk}/settings/"))
    of_other = page_of(browser.get(f"/c/{other.pk}/settings/"))

    # Whichever is chosen in the form: the words name the models.
    for page in (of_gemini, of_other):
        assert "Known to ignore this: Gemini-3.0-pro." in field(page, "temperature")
        assert "Known to ignore this: Gemini-3.0-pro, gemini-2.5-pro, deepseek" in field(
            page, "top_k"
        )
        assert "Known to ignore" not in field(page, "max_tokens")


def test_what_is_unwise_about_settings_is_said_once_they_hold(
    browser: Client, conversation: Conversation
) -> None:
    configure(browser, conversation, max_tokens="100", top_k="3", system_prompt="Be brief.")

    first = flashes(browser.get(f"/c/{conversation.pk}/"))
    second = flashes(browser.get(f"/c/{conversation.pk}/"))

    assert first == [
        "Settings saved. They hold from the next message on. "
        "With so few tokens answers may be cut, or be empty. "
        "Gemini-3.0-pro is known to ignore this: Top K."
    ]
    assert second == []


def test_a_model_that_is_not_offered_cannot_be_chosen(
    browser: Client, conversation: Conversation
) -> None:
    status, page = configure(browser, conversation, model="gpt-9")

    conversation.refresh_from_db()
    assert status == 422
    assert "gpt-9 is not one of the available choices" in field(page, "model")
    assert conversation.model == "Gemini-3.0-pro"


def test_a_model_that_is_gone_is_no_choice_any_more(browser: Client, ana: User) -> None:
    conversation = make_conversation(ana, model="gemini-1.0")

    page = page_of(browser.get(f"/c/{conversation.pk}/settings/"))

    assert '<option value="gemini-1.0"' not in page
    assert re.findall(r"<option [^>]*>", page)[0] == '<option value="">'


def test_what_is_not_set_is_not_sent(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    send(browser, "Hello", to=messages_of(conversation))
    sealed(conversation)

    assert sorted(upstream.last.body) == ["messages", "model", "stream", "stream_options"]


def test_what_is_set_is_sent(
    service: Service, browser: Client, upstream: Upstream, ana: User
) -> None:
    conversation = make_conversation(ana, model="deepseek-v4-flash")
    given = {"max_tokens": "2000", "temperature": "0.3", "top_p": "0.9", "top_k": "40"}
    configure(browser, conversation, model="deepseek-v4-flash", system_prompt="Be kind.", **given)

    send(browser, "Hello", to=messages_of(conversation))
    sealed(conversation)

    body = upstream.last.body
    assert {name: body.get(name) for name in given} == {
        "max_tokens": 2000,
        "temperature": 0.3,
        "top_p": 0.9,
        "top_k": 40,
    }
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


def test_a_setting_holds_from_the_next_message_on(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    send(browser, "Hello", to=messages_of(conversation))
    sealed(conversation)
    configure(browser, conversation, temperature="0.3")
    send(browser, "Again", to=messages_of(conversation))
    sealed(conversation)

    assert [request.body.get("temperature") for request in upstream.requests] == [None, 0.3]


def test_without_streaming_the_whole_answer_comes_at_once(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    upstream.says("Good ", "morning", prompt_tokens=12, completion_tokens=2)
    browser.post(f"/c/{conversation.pk}/settings/", {"model": "Gemini-3.0-pro"})

    send(browser, "Greet me", to=messages_of(conversation))

    reply = sealed(conversation)
    row = Completion.objects.get()
    assert upstream.last.body["stream"] is False
    assert (reply.state, reply.text) == (MessageState.COMPLETE, "Good morning")
    assert (row.state, row.completion_tokens) == (CompletionState.FINAL, 2)


# The list


def make_conversations(owner: User, count: int) -> None:
    now = timezone.now()
    Conversation.objects.bulk_create(
        Conversation(
            owner=owner,
            model="Gemini-3.0-pro",
            title=f"Talk {number:02}",
            active_at=now - timedelta(minutes=number // 2),
        )
        for number in range(count)
    )


def older(page: str) -> str | None:
    found = re.search(r'class="conversations__older" href="([^"]+)"', page)
    return found[1].replace("&amp;", "&") if found else None


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (40, 1), (41, 2), (85, 3)])
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_the_list_comes_page_by_page_without_gap_or_repetition(
    browser: Client, ana: User, count: int, pages: int, headers: dict[str, str]
) -> None:
    make_conversations(ana, count)
    seen, address, turned = [], "/conversations/", 0

    while address:
        answer = browser.get(address, headers=headers)
        titles = listed(answer)
        # A page of its own has the newest ones in its sidebar too.
        seen += titles if headers else titles[min(count, 40) :]
        turned += 1
        addresses = re.findall(r'class="conversations__older" href="([^"]+)"', page_of(answer))
        wanted = 1 if headers else (2 if count > 40 else 1)
        address = addresses[-1].replace("&amp;", "&") if len(addresses) == wanted else ""

    assert turned == pages
    assert sorted(seen) == [f"Talk {number:02}" for number in range(count)]
    assert [int(title[5:]) // 2 for title in seen] == sorted(int(title[5:]) // 2 for title in seen)


@pytest.mark.parametrize("place", [0, 39, 41, 60])
def test_the_list_reaches_to_the_conversation_that_is_looked_at(
    browser: Client, ana: User, place: int
) -> None:
    make_conversations(ana, 85)
    order = list(Conversation.objects.visible_to(ana).newest_first())

    page = browser.get(f"/c/{order[place].pk}/")

    shown = max(40, place + 1)
    assert listed(page) == [conversation.title for conversation in order[:shown]]
    assert f'aria-current="page">{order[place].title}</a>' in page_of(page)
    assert older(page_of(page)) is not None


@pytest.mark.parametrize(
    "cursor",
    [
        "garbage",
        "_",
        "2026-01-01T00:00:00_" + "0" * 32,
        "2026-01-01T00:00:00+00:00_not-a-uuid",
        "x" * 5000,
        "%00",
        "9999-99-99T00:00:00+00:00_" + "0" * 32,
    ],
)
def test_a_cursor_that_is_none_begins_at_the_start(
    browser: Client, conversation: Conversation, cursor: str
) -> None:
    answer = browser.get(f"/conversations/?before={cursor}", headers=HTMX)

    assert answer.status_code == 200
    assert listed(answer) == ["A talk"]


@pytest.mark.parametrize("count", [1, 3, 30])
def test_the_list_costs_the_same_queries_however_long(
    browser: Client, ana: User, count: int, django_assert_num_queries: Any
) -> None:
    make_conversations(ana, count)

    # The session, the person, the conversations.
    with django_assert_num_queries(3):
        browser.get("/conversations/", headers=HTMX)
