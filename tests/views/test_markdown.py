"""A conversation as Markdown: its shown branch, a reply as it is written, and who may read."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.test import Client

from chat.domain import conversations
from chat.models import Completion, Conversation, User
from tests.evoweb_process import EvowebProcess, send
from tests.factories import begin_turn, make_turn
from tests.upstream.process import Upstream
from tests.views.conftest import Browser, page_of


def address(conversation: Conversation) -> str:
    return f"/c/{conversation.pk}.md"


def test_the_shown_branch_is_given_with_its_speakers_and_its_words_as_they_are(
    browser: Client, conversation: Conversation
) -> None:
    first = make_turn(conversation, "# Who\n\nis <she>?", "A *musician*\n\n```\nx = 1\n```")
    Completion.objects.update(model_answered="gemini\n# 3")
    make_turn(conversation, "And then?", "The end")
    begin_turn(conversation, "Other words", instead_of=first.prompt)
    conversations.show_branch(conversation, through=first.reply)

    answer = browser.get(address(conversation))

    assert page_of(answer) == (
        "# A talk\n\n## You\n\n# Who\n\nis <she>?\n\n"
        "## gemini # 3\n\nA *musician*\n\n```\nx = 1\n```\n\n"
        "## You\n\nAnd then?\n\n## Gemini-3.0-pro\n\nThe end\n"
    )
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert f'href="{address(conversation)}"' in page_of(browser.get(f"/c/{conversation.pk}/"))


def test_a_colleague_gets_what_a_missing_id_gets(
    browser: Client, browser_of: Browser, ben: User, conversation: Conversation
) -> None:
    make_turn(conversation, "Who is she?", "A musician")

    theirs = browser_of(ben).get(address(conversation))
    missing = browser_of(ben).get(f"/c/{uuid.uuid4()}.md")
    conversations.delete(conversation)
    deleted = browser.get(address(conversation))

    assert [answer.status_code for answer in (theirs, missing, deleted)] == [404] * 3
    for answer in (theirs, deleted):
        assert "musician" not in page_of(answer)


def test_a_running_reply_goes_on_until_it_ends(evoweb: EvowebProcess, upstream: Upstream) -> None:
    upstream.holds_after(1, "One", " <two>", " three")
    with evoweb.session() as person:
        path = send(person, "Count").url.path.rstrip("/") + ".md"

        with person.stream("GET", path) as answer:
            chunks = answer.iter_text()
            text = _until("One", chunks)
            upstream.release()
            text += "".join(chunks)

        assert text == "# Count\n\n## You\n\nCount\n\n## Gemini-3.0-pro\n\nOne <two> three\n"
        assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert person.get(path).text == text


def test_whoever_may_not_see_it_any_more_gets_no_more_of_it(
    evoweb: EvowebProcess, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    with evoweb.session() as person:
        page = send(person, "Count").url.path
        with person.stream("GET", page.rstrip("/") + ".md") as answer:
            chunks = answer.iter_text()
            _until("One", chunks)
            person.post(f"{page}delete/")
            rest = "".join(chunks)

    assert "two" not in rest


def _until(words: str, chunks: Iterator[str]) -> str:
    text = ""
    while not text.endswith(words):
        text += next(chunks)
    return text
