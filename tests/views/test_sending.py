"""Sending a prompt, with script and without: what begins, what is refused, and that in each case
the text is either stored or still in its box."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal

import pytest
from django.test import Client
from pytest_django import Settings

from chat.domain import turns
from chat.enums import MessageState, Period
from chat.forms.conversation import LONGEST_PROMPT
from chat.generation import service as services
from chat.generation.service import Service
from chat.models import Budget, Completion, Conversation, Message, Price, User
from tests.factories import begin_turn, make_conversation
from tests.upstream.process import Upstream
from tests.views.conftest import (
    HTMX,
    Browser,
    articles,
    messages_of,
    notices,
    page_of,
    sealed,
    send,
    text_in_composer,
)


def test_a_first_message_makes_a_conversation_and_leads_to_it(
    service: Service, browser: Client, upstream: Upstream, ana: User
) -> None:
    upstream.says("Good morning")

    answer = send(browser, "Greet me")

    conversation = Conversation.objects.get()
    reply = sealed(conversation)
    assert (answer.status_code, answer["Location"]) == (302, f"/c/{conversation.pk}/")
    assert (conversation.owner, conversation.title) == (ana, "Greet me")
    assert reply.text == "Good morning"
    assert articles(browser.get(answer["Location"])) == [
        "user: Greet me",
        "assistant: Good morning",
    ]


def test_settings_chosen_before_the_first_message_are_the_conversations(
    service: Service, browser: Client, upstream: Upstream
) -> None:
    send(
        browser,
        "Greet me",
        model="gemini-2.5-pro",
        system_prompt="Be brief.",
        stream="on",
        temperature="0.5",
        max_tokens="",
        top_p="",
        top_k="",
    )

    conversation = Conversation.objects.get()
    sealed(conversation)
    body = upstream.last.body
    assert conversation.parameters == {"temperature": 0.5}
    assert (body["model"], body["temperature"]) == ("gemini-2.5-pro", 0.5)
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}


def test_a_setting_out_of_range_stops_the_first_message_and_keeps_it(
    browser: Client, ana: User
) -> None:
    answer = send(browser, "Greet me", model="Gemini-3.0-pro", temperature="3")

    assert answer.status_code == 422
    assert text_in_composer(answer) == "Greet me"
    assert "Give a number from 0 to 2." in page_of(answer)
    assert "A setting of this chat is out of its range." in page_of(answer)
    assert not Conversation.objects.exists()


def test_to_the_script_a_first_message_names_the_page_to_go_to(
    service: Service, browser: Client, upstream: Upstream
) -> None:
    answer = send(browser, "Greet me", headers=HTMX)

    conversation = Conversation.objects.get()
    sealed(conversation)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, f"/c/{conversation.pk}/")


def test_the_script_is_told_of_a_setting_out_of_range_without_a_page(
    browser: Client, ana: User
) -> None:
    answer = send(browser, "Greet me", model="Gemini-3.0-pro", temperature="3", headers=HTMX)

    assert answer.status_code == 422
    assert "<html" not in page_of(answer)
    assert "A setting of this chat is out of its range." in page_of(answer)
    assert "Give a number from 0 to 2." in page_of(answer)
    assert not Conversation.objects.exists()


def test_a_first_message_that_comes_twice_leads_to_the_one_conversation(
    service: Service, browser: Client, upstream: Upstream
) -> None:
    key = str(uuid.uuid4())
    first = send(browser, "Greet me", send_key=key, headers=HTMX)

    second = send(browser, "Greet me", send_key=key, headers=HTMX)

    sealed(Conversation.objects.get())
    assert second["HX-Redirect"] == first["HX-Redirect"]


def test_a_plain_form_leads_back_to_the_conversation(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    answer = send(browser, "And then?", to=messages_of(conversation))

    sealed(conversation)
    assert (answer.status_code, answer["Location"]) == (302, f"/c/{conversation.pk}/")


def test_the_script_gets_both_messages_a_new_key_and_an_empty_notice(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    upstream.holds_after(0, "Good morning")

    answer = send(browser, "Greet me", to=messages_of(conversation), headers=HTMX)

    assert answer.status_code == 200
    assert articles(answer) == ["user: Greet me", "assistant:"]
    assert notices(answer) == []
    assert 'id="send-key"' in page_of(answer)
    assert 'id="stop"' in page_of(answer)
    assert "<html" not in page_of(answer)


def test_the_same_send_twice_is_one_turn_for_page_and_script_alike(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    key = str(uuid.uuid4())
    first = send(browser, "Once", to=messages_of(conversation), send_key=key)
    again = send(browser, "Once", to=messages_of(conversation), send_key=key)
    by_script = send(browser, "Once", to=messages_of(conversation), send_key=key, headers=HTMX)

    sealed(conversation)
    assert (first["Location"], first.status_code) == (again["Location"], again.status_code)
    assert by_script.status_code == 200
    assert conversation.messages.count() == 2
    assert len(upstream.requests) == 1


def test_the_same_key_with_another_text_is_refused_and_the_text_kept(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    key = str(uuid.uuid4())
    send(browser, "Once", to=messages_of(conversation), send_key=key)
    sealed(conversation)

    answer = send(browser, "Other words", to=messages_of(conversation), send_key=key)
    by_script = send(
        browser, "Other words", to=messages_of(conversation), send_key=key, headers=HTMX
    )

    assert (answer.status_code, by_script.status_code) == (409, 409)
    assert text_in_composer(answer) == "Other words"
    for refusal in (answer, by_script):
        assert "out of date" in notices(refusal)[0]
        # The next try is another send.
        assert re.search(r'name="send_key" value="[0-9a-f-]{36}"', page_of(refusal))
        assert key not in page_of(refusal)
    assert conversation.messages.count() == 2


def test_a_refused_page_knows_nothing_that_was_never_stored(
    service: Service,
    browser: Client,
    conversation: Conversation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "LONGEST_CONVERSATION", 1)

    refusal = send(browser, "Second", to=messages_of(conversation))

    conversation.refresh_from_db()
    since = re.search(r"\?since=(\d+)", page_of(refusal))
    assert refusal.status_code == 413
    assert since is not None
    assert int(since[1]) == conversation.revision


@pytest.mark.parametrize("text", ["", "   ", "\r\n\t "])
def test_an_empty_message_is_refused(
    browser: Client, conversation: Conversation, text: str
) -> None:
    plain = send(browser, text, to=messages_of(conversation))
    by_script = send(browser, text, to=messages_of(conversation), headers=HTMX)
    first = send(browser, text)

    assert [plain.status_code, by_script.status_code, first.status_code] == [422, 422, 422]
    assert notices(plain) == notices(by_script) == notices(first) == ["Write a message first."]
    assert not Message.objects.exists()


def test_a_message_may_have_exactly_the_most_characters(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    # Browsers send each line end as two characters; it was typed as one.
    text = ("héron 🐦\n" * (LONGEST_PROMPT // 8)).ljust(LONGEST_PROMPT, "x")

    answer = send(browser, text.replace("\n", "\r\n"), to=messages_of(conversation))

    sealed(conversation)
    assert len(text) == LONGEST_PROMPT == 200_000
    assert answer.status_code == 302
    assert conversation.messages.oldest_first()[0].text == text
    assert upstream.last.body["messages"][-1]["content"] == text


def test_one_character_more_is_refused_with_the_limit_and_the_text_kept(
    browser: Client, conversation: Conversation
) -> None:
    text = "x" * (LONGEST_PROMPT + 1)

    plain = send(browser, text, to=messages_of(conversation))
    by_script = send(browser, text, to=messages_of(conversation), headers=HTMX)
    first = send(browser, text)

    assert [plain.status_code, by_script.status_code, first.status_code] == [422, 422, 422]
    sentence = "A message may have up to 200,000 characters; this one has 200,001."
    assert notices(plain) == notices(by_script) == notices(first) == [sentence]
    assert text_in_composer(plain) == text_in_composer(first) == text
    assert not Message.objects.exists()


def test_a_second_send_while_a_reply_runs_waits_for_its_end(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    upstream.holds_after(0, "One")
    send(browser, "First", to=messages_of(conversation))

    plain = send(browser, "Then <this>", to=messages_of(conversation))
    by_script = send(browser, "Then that", to=messages_of(conversation), headers=HTMX)

    assert (plain.status_code, plain["Location"]) == (302, f"/c/{conversation.pk}/")
    assert by_script.status_code == 200
    assert "Your message is sent when the answer ends." in page_of(by_script)
    assert notices(by_script) == []
    # The box of the page that stays is left to the script.
    assert "<textarea" not in page_of(by_script)
    assert conversation.messages.count() == 2
    assert "Then &lt;this&gt;" in page_of(browser.get(f"/c/{conversation.pk}/"))


def test_the_same_send_is_accepted_when_the_reply_has_ended(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    send(browser, "First", to=messages_of(conversation))
    sealed(conversation)

    answer = send(browser, "Not too early", to=messages_of(conversation))

    sealed(conversation)
    assert answer.status_code == 302


def test_a_send_that_is_repeated_after_its_conversation_was_deleted_keeps_the_text(
    service: Service, browser: Client, upstream: Upstream
) -> None:
    key = str(uuid.uuid4())
    page = send(browser, "Gone", send_key=key)["Location"]
    browser.post(f"{page}delete/")

    answer = send(browser, "Gone", send_key=key)

    assert answer.status_code == 410
    assert text_in_composer(answer) == "Gone"
    assert notices(answer) == ["This conversation was deleted. Start a new one with this text."]
    assert Conversation.objects.count() == 1


def test_without_a_service_nothing_is_taken_and_the_text_is_kept(
    browser: Client, conversation: Conversation
) -> None:
    assert services.current_or_none() is None

    plain = send(browser, "Too soon", to=messages_of(conversation))
    by_script = send(browser, "Too soon", to=messages_of(conversation), headers=HTMX)
    first = send(browser, "Too soon")

    assert [plain.status_code, by_script.status_code, first.status_code] == [503, 503, 503]
    assert text_in_composer(plain) == text_in_composer(first) == "Too soon"
    assert "Your text is kept" in notices(by_script)[0]
    assert not Message.objects.exists()


def test_a_model_that_is_no_longer_offered_asks_for_another_before_sending(
    service: Service, browser: Client, upstream: Upstream, ana: User, settings: Settings
) -> None:
    conversation = make_conversation(ana, model="gemini-1.0")

    plain = send(browser, "Hello", to=messages_of(conversation))
    by_script = send(browser, "Hello", to=messages_of(conversation), headers=HTMX)
    browser.post(f"/c/{conversation.pk}/settings/", {"model": "Gemini-3.0-pro", "stream": "on"})
    accepted = send(browser, "Hello", to=messages_of(conversation))

    sealed(conversation)
    assert (plain.status_code, by_script.status_code, accepted.status_code) == (422, 422, 302)
    assert text_in_composer(plain) == "Hello"
    assert "gemini-1.0 is no longer offered." in page_of(plain)
    assert notices(by_script) == ["Your text is kept: choose another model, then send it."]
    assert f'href="/c/{conversation.pk}/settings/"' in page_of(plain)
    assert len(upstream.requests) == 1


def test_trying_again_asks_for_another_model_too(browser: Client, ana: User) -> None:
    conversation = make_conversation(ana, model="gemini-1.0")
    turn = begin_turn(conversation)
    address = f"/c/{conversation.pk}/messages/{turn.reply.pk}/try-again/"

    answer = browser.post(address, headers=HTMX)

    assert answer.status_code == 422
    assert conversation.messages.count() == 2


# Who is not signed in


def test_without_a_session_the_script_is_told_and_the_text_stays(
    browser_of: Browser, conversation: Conversation
) -> None:
    answer = send(browser_of(None), "Hello", to=messages_of(conversation), headers=HTMX)

    assert answer.status_code == 401
    assert "Your text is kept" in notices(answer)[0]
    assert "<textarea" not in page_of(answer)
    assert "<html" not in page_of(answer)
    assert not Message.objects.exists()


def test_without_a_session_a_page_leads_to_the_sign_in_and_back(
    browser_of: Browser, conversation: Conversation
) -> None:
    page = browser_of(None).get(f"/c/{conversation.pk}/")

    assert page.status_code == 302
    assert page["Location"] == f"/accounts/login/?next=/c/{conversation.pk}/"


def test_without_a_session_a_plain_form_gives_its_text_back(
    browser_of: Browser, conversation: Conversation
) -> None:
    answer = send(browser_of(None), "Hello <you>", to=messages_of(conversation))

    assert answer.status_code == 401
    assert "readonly>\nHello &lt;you&gt;</textarea>" in page_of(answer)
    assert 'href="/accounts/login/?next=' in page_of(answer)
    assert not Message.objects.exists()


# A page that was open for too long


def test_a_send_without_the_token_is_refused_and_the_script_says_why(
    conversation: Conversation, ana: User
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ana)

    plain = send(browser, "Hello", to=messages_of(conversation))
    by_script = send(browser, "Hello", to=messages_of(conversation), headers=HTMX)

    assert (plain.status_code, by_script.status_code) == (403, 403)
    assert "open for too long" in page_of(plain)
    assert "readonly>\nHello</textarea>" in page_of(plain)
    assert len(notices(by_script)) == 1
    assert "Your text is kept" in notices(by_script)[0]
    assert "<html" not in page_of(by_script)
    assert not Message.objects.exists()


def test_with_the_token_the_same_send_gets_through(conversation: Conversation, ana: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ana)
    browser.get("/")
    token = {"X-CSRFToken": browser.cookies["csrftoken"].value}

    answer = send(browser, "Hello", to=messages_of(conversation), headers={**HTMX, **token})

    # There is no service in this test: what counts is that the view was reached.
    assert answer.status_code == 503


def test_each_send_leaves_one_open_row_until_it_is_over(
    service: Service, browser: Client, upstream: Upstream, conversation: Conversation
) -> None:
    upstream.holds_after(0, "One")
    send(browser, "First", to=messages_of(conversation))

    upstream.wait_until_held()
    assert Completion.objects.open().count() == 1
    upstream.release()
    assert sealed(conversation).state == MessageState.COMPLETE
    assert not Completion.objects.open().exists()


def test_a_conversation_takes_only_so_much_and_the_text_is_kept(
    service: Service,
    browser: Client,
    upstream: Upstream,
    conversation: Conversation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "LONGEST_CONVERSATION", 20)
    upstream.says("An answer.")
    exactly = send(browser, "x" * 10, to=messages_of(conversation))
    sealed(conversation)

    refused = send(browser, "x", to=messages_of(conversation))

    assert (exactly.status_code, refused.status_code) == (302, 413)
    assert text_in_composer(refused) == "x"
    assert notices(refused) == ["This conversation is full. Start a new one with this text."]
    assert conversation.messages.count() == 2


def test_one_person_has_only_so_many_answers_at_once_and_others_theirs(
    service: Service,
    browser: Client,
    browser_of: Browser,
    ben: User,
    upstream: Upstream,
    settings: Settings,
) -> None:
    settings.MAX_REPLIES_PER_USER = 2
    upstream.holds_after(0, "One", times=0)
    for number in range(2):
        assert send(browser, f"Question {number}").status_code == 302

    refused = send(browser, "One more")
    bens = send(browser_of(ben), "My first")
    upstream.wait_until_held(3)
    upstream.release()
    for conversation in Conversation.objects.all():
        sealed(conversation)
    upstream.reset()
    again = send(browser, "One more")

    assert (refused.status_code, bens.status_code, again.status_code) == (429, 302, 302)
    assert text_in_composer(refused) == "One more"
    assert notices(refused) == [
        "Many of your answers are being written. Wait for one, or stop one."
    ]


def test_a_send_over_a_budget_says_which_until_when_and_keeps_the_text(
    service: Service, browser: Client, upstream: Upstream, ana: User
) -> None:
    month = Budget.objects.create(period=Period.MONTH, tokens=10)
    Budget.objects.create(period=Period.DAY, tokens=1_000_000)

    for headers in (HTMX, None):
        answer = send(browser, "Greet me", headers=headers)

        assert answer.status_code == 429
        (notice,) = notices(answer)
        assert notice.startswith(
            "The budget that you share with others is used up for this month. The limit is "
            "10 tokens, and it starts anew on 1 "
        )
        assert "Your text is kept" in notice
        assert f'hx-post="/usage/budgets/{month.pk}/ask/"' in page_of(answer)
    assert text_in_composer(answer) == "Greet me"
    assert not Message.objects.exists()
    assert upstream.requests == []


def test_a_model_without_a_price_is_not_asked_under_a_budget_of_money(
    service: Service, browser: Client, upstream: Upstream, ana: User
) -> None:
    Price.objects.all().delete()
    Budget.objects.create(user=ana, period=Period.DAY, money=Decimal(10), currency="USD")

    answer = send(browser, "Greet me", headers=HTMX)

    assert answer.status_code == 422
    assert notices(answer)[0].startswith("This model has no price")
    assert upstream.requests == []


def test_whoever_sends_too_fast_is_told_when_and_the_text_is_kept(
    service: Service, browser: Client, ana: User, settings: Settings
) -> None:
    settings.MESSAGES_PER_MINUTE = 1
    send(browser, "The first")

    for headers in (HTMX, None):
        answer = send(browser, "The second", headers=headers)

        assert (answer.status_code, 50 <= int(answer["Retry-After"]) <= 60) == (429, True)
        assert f"send it in {answer['Retry-After']} seconds." in notices(answer)[0]
    assert text_in_composer(answer) == "The second"
    assert Message.objects.replies().count() == 1
