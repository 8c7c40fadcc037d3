"""Editing a prompt and asking another model: by plain forms and by the script's, and refusals."""

from __future__ import annotations

import re
import uuid

import pytest
from django.http import HttpResponseBase
from django.test import Client
from pytest_django import Settings

from chat.enums import Period
from chat.generation.service import Service
from chat.models import Budget, Conversation, Message, User
from tests.factories import begin_turn, make_turn
from tests.upstream.process import Upstream
from tests.views.conftest import (
    HTMX,
    Browser,
    articles,
    as_page_or_script,
    notices,
    page_of,
    sealed,
    send,
    words_of,
)


@pytest.fixture
def prompt(conversation: Conversation) -> Message:
    return make_turn(conversation, "Who\nis she?", "A musician").prompt


def address(prompt: Message, deed: str = "edit") -> str:
    return f"/c/{prompt.conversation_id}/messages/{prompt.pk}/{deed}/"


def boxes(answer: HttpResponseBase) -> list[str]:
    """The texts that stand in the boxes of a page."""
    return re.findall(r"<textarea [^>]*>\n(.*?)</textarea>", page_of(answer), re.S)


# Edit


def test_a_prompt_is_edited_on_a_page_or_in_its_place(browser: Client, prompt: Message) -> None:
    page = browser.get(f"/c/{prompt.conversation_id}/")
    alone = browser.get(address(prompt))
    in_place = browser.get(address(prompt), headers=HTMX)

    # A person's own messages alone have the way to it.
    assert set(re.findall(r'"([^"]+/edit/)"', page_of(page))) == {address(prompt)}
    assert boxes(alone) == boxes(in_place) == ["Who\nis she?"]
    assert "<html" in page_of(alone)
    assert "<html" not in page_of(in_place)
    # What the model has said is nobody's to change.
    assert browser.get(address(prompt.children.get())).status_code == 404


@as_page_or_script
def test_an_edited_prompt_begins_a_branch_and_both_can_be_walked(
    service: Service,
    browser: Client,
    upstream: Upstream,
    prompt: Message,
    headers: dict[str, str],
    status: int,
) -> None:
    conversation = prompt.conversation
    upstream.says("A luthier")

    answer = send(browser, "Who was she?", to=address(prompt), headers=headers)

    assert answer.status_code == status
    assert sealed(conversation).text == "A luthier"
    shown = browser.get(f"/c/{conversation.pk}/")
    assert articles(shown) == ["user: Who was she?", "assistant: A luthier"]
    assert "Version 2 of 2" in words_of(page_of(shown))
    assert upstream.last.body["messages"] == [{"role": "user", "content": "Who was she?"}]

    back = browser.post(address(prompt, "branch"), headers=headers)

    assert back.status_code == status
    shown = browser.get(f"/c/{conversation.pk}/")
    assert articles(shown) == ["user: Who is she?", "assistant: A musician"]
    assert "Version 1 of 2" in words_of(page_of(shown))


def test_the_same_edit_twice_is_one_branch(
    service: Service, browser: Client, upstream: Upstream, prompt: Message
) -> None:
    key = str(uuid.uuid4())

    for _ in range(2):
        send(browser, "Who was she?", to=address(prompt), send_key=key)

    assert prompt.conversation.messages.count() == 4


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("Other words", 409, "An answer is still being written."),
        ("   ", 422, "Write a message first."),
        ("x" * 200_001, 422, "A message may have up to 200,000 characters"),
    ],
)
def test_a_refused_edit_changes_nothing_and_keeps_its_text(
    service: Service, browser: Client, prompt: Message, text: str, status: int, words: str
) -> None:
    begin_turn(prompt.conversation)
    before = list(Conversation.objects.values()), Message.objects.count()

    plain = send(browser, text, to=address(prompt))
    by_script = send(browser, text, to=address(prompt), headers=HTMX)

    assert (plain.status_code, by_script.status_code) == (status, status)
    assert boxes(plain) == [text]
    for answer in (plain, by_script):
        [notice] = notices(answer)
        assert notice.startswith(words)
    # In its place the form stays as it is: only the words come.
    assert boxes(by_script) == []
    assert (list(Conversation.objects.values()), Message.objects.count()) == before


def test_an_edit_is_refused_by_what_refuses_any_send(
    service: Service, browser: Client, prompt: Message, settings: Settings
) -> None:
    settings.MESSAGES_PER_MINUTE = 1

    answer = send(browser, "Who was she?", to=address(prompt))

    assert (answer.status_code, boxes(answer)) == (429, ["Who was she?"])
    assert int(answer["Retry-After"]) > 0
    settings.MODELS = ("another",)
    answer = send(browser, "Who was she?", to=address(prompt))
    assert (answer.status_code, boxes(answer)) == (422, ["Who was she?"])
    assert Message.objects.count() == 2


def test_where_a_budget_refuses_an_edit_more_can_be_asked_for_and_the_text_comes_along(
    service: Service, browser: Client, prompt: Message, ana: User
) -> None:
    budget = Budget.objects.create(user=ana, period=Period.MONTH, tokens=1)

    refused = send(browser, "Who was she?", to=address(prompt))
    asked = browser.post(f"/usage/budgets/{budget.pk}/ask/", {"text": "Who was she?"})

    assert (refused.status_code, boxes(refused)) == (429, ["Who was she?"])
    page = page_of(refused)
    assert '<form id="composer" class="edit"' in page
    assert f'form="composer" formaction="/usage/budgets/{budget.pk}/ask/' in page
    assert 'name="text" value="Who was she?"' in page_of(asked)
    assert Message.objects.count() == 2


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_colleague_finds_nothing_to_edit(
    service: Service, browser_of: Browser, ben: User, prompt: Message, method: str
) -> None:
    answer = getattr(browser_of(ben), method)(
        address(prompt), {"text": "Mine", "send_key": str(uuid.uuid4())}
    )

    assert answer.status_code == 404
    assert "Who" not in page_of(answer)
    assert Message.objects.count() == 2


# Another model


@as_page_or_script
def test_another_model_is_asked_and_named_and_the_conversation_keeps_its_own(
    service: Service,
    browser: Client,
    upstream: Upstream,
    prompt: Message,
    headers: dict[str, str],
    status: int,
) -> None:
    conversation, reply = prompt.conversation, prompt.children.get()
    page = page_of(browser.get(f"/c/{conversation.pk}/"))
    upstream.says("A luthier")

    answer = browser.post(
        address(reply, "try-again"), {"model": "deepseek-v4-flash"}, headers=headers
    )

    assert answer.status_code == status
    assert re.findall(r'name="model" value="([^"]+)"', page) == [
        "gemini-2.5-pro",
        "deepseek-v4-flash",
    ]
    second = sealed(conversation)
    assert upstream.last.body["model"] == "deepseek-v4-flash"
    assert second.completions.get().model_asked == "deepseek-v4-flash"
    shown = page_of(browser.get(f"/c/{conversation.pk}/"))
    assert "deepseek-v4-flash" in words_of(shown.partition('class="figures"')[2])
    conversation.refresh_from_db()
    assert conversation.model == "Gemini-3.0-pro"


def test_a_model_that_is_not_offered_is_not_asked(
    service: Service, browser: Client, prompt: Message
) -> None:
    answer = browser.post(
        address(prompt.children.get(), "try-again"), {"model": "gpt-9"}, headers=HTMX
    )

    assert answer.status_code == 422
    assert notices(answer) == ["Your text is kept: choose another model, then send it."]
    assert Message.objects.count() == 2


def test_where_one_model_is_offered_there_is_no_other_to_choose(
    browser: Client, prompt: Message, settings: Settings
) -> None:
    settings.MODELS = ("Gemini-3.0-pro",)

    page = page_of(browser.get(f"/c/{prompt.conversation_id}/"))

    assert "Try again" in page
    assert 'name="model"' not in page.partition('id="composer"')[0].partition('id="thread"')[2]


# Other settings for one answer


OTHERWISE = {"model": "gemini-2.5-pro", "stream": "on", "temperature": "0.2", "max_tokens": "2000"}


@as_page_or_script
def test_one_answer_is_asked_for_with_other_settings_and_the_chat_keeps_its_own(
    service: Service,
    browser: Client,
    upstream: Upstream,
    conversation: Conversation,
    headers: dict[str, str],
    status: int,
) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(parameters={"temperature": 1.0})
    first = make_turn(conversation).reply
    form = page_of(browser.get(address(first, "ask-otherwise"), headers=headers))
    upstream.says("Otherwise")

    answer = browser.post(address(first, "ask-otherwise"), OTHERWISE, headers=headers)

    assert answer.status_code == status
    assert 'name="temperature" value="1.0"' in form
    assert "system_prompt" not in form
    second = sealed(conversation)
    assert second.parameters == {"temperature": 0.2, "max_tokens": 2000}
    body = upstream.last.body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("gemini-2.5-pro", 0.2, 2000)
    shown = words_of(page_of(browser.get(f"/c/{conversation.pk}/")))
    assert "settings of its own Temperature: 0.2, Longest answer, in tokens: 2,000" in shown
    conversation.refresh_from_db()
    assert (conversation.model, conversation.parameters) == ("Gemini-3.0-pro", {"temperature": 1.0})
    # Whoever tries that one again otherwise begins with what it was asked with.
    again = page_of(browser.get(address(second, "ask-otherwise")))
    assert 'name="temperature" value="0.2"' in again
    assert '<option value="gemini-2.5-pro" selected>' in again


def test_settings_out_of_their_range_are_said_where_they_stand(
    browser: Client, prompt: Message
) -> None:
    form = OTHERWISE | {"temperature": "3"}

    answer = browser.post(address(prompt.children.get(), "ask-otherwise"), form, headers=HTMX)

    assert answer.status_code == 422
    assert "Give a number from 0 to 2." in page_of(answer)
    assert Message.objects.count() == 2
