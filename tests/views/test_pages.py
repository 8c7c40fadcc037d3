"""The conversation page as it is read: what it shows of each state, and what it costs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client
from django.utils.translation import override

from chat.completions.events import Usage
from chat.domain import conversations, ledger, replies, turns
from chat.domain.ledger import Receipt
from chat.enums import Fault, MessageState
from chat.models import Completion, Conversation, Message, User
from chat.queries.people import ZONE_COOKIE
from tests.factories import begin_turn, make_conversation, make_turn, make_user
from tests.views.conftest import HTMX, Browser, articles, page_of, text_in_composer, words_of


@contextlib.contextmanager
def ending_behind(position: int, reply: Message) -> Iterator[list[str]]:
    """Let the reply end just behind the query at this position. Gives the queries, as they come."""
    queries: list[str] = []

    def execute_and_end(execute: Any, sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        queries.append(sql)
        if len(queries) == position + 1:
            replies.abandon(reply.pk, reply.claim)
        return answer

    with connection.execute_wrapper(execute_and_end):
        yield queries


def page_with(browser: Client, conversation: Conversation) -> str:
    return page_of(browser.get(f"/c/{conversation.pk}/"))


def test_the_empty_page_is_a_new_conversation(browser: Client) -> None:
    answer = browser.get("/")

    page = page_of(answer)
    assert answer.status_code == 200
    assert "What are you working on?" in page
    assert 'role="log"' not in page
    assert len(re.findall(r'class="suggestions__item" href="/\?text=[^"]+"', page)) == 4


@pytest.mark.parametrize("path", ["/", "/usage/", "/profile/"])
def test_no_page_of_a_person_is_kept_by_the_browser(browser: Client, path: str) -> None:
    """What Back shows has to be as it is now."""
    assert "no-store" in browser.get(path)["Cache-Control"]


def test_a_suggestion_fills_the_box_without_script(browser: Client) -> None:
    answer = browser.get("/", {"text": "Explain <this>: "})

    assert text_in_composer(answer) == "Explain <this>: "


def test_every_page_has_a_key_of_its_own(browser: Client) -> None:
    keys = {
        re.findall(r'name="send_key" value="([^"]+)"', page_of(browser.get("/")))[0] for _ in "12"
    }

    assert len(keys) == 2


def test_the_thread_is_the_shown_branch_in_order(
    browser: Client, conversation: Conversation
) -> None:
    make_turn(conversation, "One?", "Uno")
    make_turn(conversation, "Two?", "Dos")

    answer = browser.get(f"/c/{conversation.pk}/")

    assert articles(answer) == ["user: One?", "assistant: Uno", "user: Two?", "assistant: Dos"]
    assert 'role="log" aria-live="off" aria-label="Conversation"' in page_of(answer)


def test_a_prompt_is_text_and_an_answer_is_markdown(
    browser: Client, conversation: Conversation
) -> None:
    make_turn(conversation, "**Not** <b>markup</b>", "**Bold** <script>alert(1)</script>")

    page = page_with(browser, conversation)

    assert "**Not** &lt;b&gt;markup&lt;/b&gt;" in page
    assert "<strong>Bold</strong>" in page
    assert "<script>alert(1)" not in page


def test_a_running_reply_is_shown_as_far_as_the_journal_has_it(
    browser: Client, conversation: Conversation
) -> None:
    reply = begin_turn(conversation).reply
    reply.pieces.create(number=0, text="One ", reasoning="Hm. ")
    reply.pieces.create(number=1, text="<two>", reasoning="Yes.")

    answer = browser.get(f"/c/{conversation.pk}/")

    page = page_of(answer)
    assert articles(answer)[-1] == "assistant: One <two>"
    assert "Hm. Yes." in page
    assert 'data-state="waiting"' in page
    assert f"messages/{reply.pk}/stop/" in page
    assert "hx-ws:connect=" in page


def test_without_script_a_running_reply_leads_to_where_it_streams(
    browser: Client, conversation: Conversation
) -> None:
    begin_turn(conversation)
    running = page_with(browser, conversation)
    other = make_conversation(conversation.owner)
    make_turn(other)

    leads = rf'<noscript><meta http-equiv="refresh" content="0;url=/c/{conversation.pk}/live/">'
    assert leads in running
    assert "<noscript>" not in page_with(browser, other)


def test_without_script_a_reply_that_was_told_to_stop_is_looked_at_again(
    browser: Client, conversation: Conversation
) -> None:
    turns.request_stop(begin_turn(conversation).reply)

    page = page_with(browser, conversation)

    again = f'<noscript><meta http-equiv="refresh" content="1;url=/c/{conversation.pk}/">'
    assert 'data-state="waiting"' in page
    assert again in page


def test_without_script_a_branch_can_be_read_while_another_is_being_written(
    browser: Client, conversation: Conversation
) -> None:
    first = make_turn(conversation)
    turns.try_again(conversation=conversation, reply=first.reply, author=conversation.owner)
    conversations.show_branch(conversation, through=first.reply)

    answer = browser.get(f"/c/{conversation.pk}/")

    assert articles(answer) == ["user: A question", "assistant: An answer"]
    assert "<noscript>" not in page_of(answer)


def test_a_reply_that_ends_while_the_page_is_read_leaves_no_page_that_waits_for_ever(
    browser: Client, conversation: Conversation
) -> None:
    """Whichever of the page's queries the end falls behind."""
    for position in range(8):
        reply = begin_turn(conversation).reply
        with ending_behind(position, reply) as queries:
            page = page_with(browser, conversation)

        waits = re.search(r'data-state="(waiting|streaming)"', page) is not None
        leads_on = "<noscript>" in page
        assert len(queries) > position
        assert leads_on or not waits, queries[position]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (MessageState.STOPPED, "You stopped this answer."),
        (MessageState.INTERRUPTED, "This answer broke off."),
        (MessageState.FAILED, "There is no answer."),
    ],
)
def test_each_way_of_ending_has_its_words_and_a_way_on(
    browser: Client, conversation: Conversation, state: MessageState, words: str
) -> None:
    make_turn(conversation, reply="Half", state=state)

    page = page_with(browser, conversation)

    assert f'data-state="{state}"' in page
    assert words in page
    assert len(re.findall(r">Try again</button>", page)) == 1


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("language", ["en", "es"])
def test_each_fault_has_one_plain_sentence_in_each_language(fault: Fault, language: str) -> None:
    with override(language):
        sentence = str(fault.label)

    assert sentence.endswith(".")
    assert "_" not in sentence
    assert "please" not in sentence.lower()
    assert not re.search(r"\b(HTTP|JSON|null|\d{3})\b", sentence)


def test_a_code_that_this_version_does_not_know_is_shown_as_a_fault_of_its_own(
    browser: Client, conversation: Conversation
) -> None:
    reply = make_turn(conversation, reply="", state=MessageState.FAILED).reply
    Message.objects.filter(pk=reply.pk).update(error="of_a_later_version")

    page = page_with(browser, conversation)

    assert "Something went wrong in evoweb." in page
    assert "of_a_later_version" not in page


def test_an_answer_that_was_cut_says_where_and_leads_to_the_limit(
    browser: Client, conversation: Conversation
) -> None:
    turn = begin_turn(conversation)
    usage = Usage(prompt_tokens=5, completion_tokens=1500, total_tokens=1505, reasoning_tokens=1400)
    seal(turn.reply, "Half", usage=usage, finish_reason="length")

    page = page_with(browser, conversation)

    assert "Cut at 1,500 tokens, of which 1,400 were thinking." in page
    assert f'<a href="/c/{conversation.pk}/settings/">Raise the limit</a>' in page


def test_the_figures_of_an_answer_are_under_it(browser: Client, conversation: Conversation) -> None:
    turn = begin_turn(conversation)
    usage = Usage(
        prompt_tokens=13, completion_tokens=1891, total_tokens=1904, reasoning_tokens=1480
    )
    seal(turn.reply, "Hello", usage=usage)

    figures = words_of(page_with(browser, conversation))

    assert "13 in 1,891 out, of which 1,480 thinking" in figures
    assert "of which visible 411" in figures


def test_missing_figures_are_unknown_and_not_zero(
    browser: Client, conversation: Conversation
) -> None:
    seal(begin_turn(conversation).reply, "Hello", usage=Usage(total_tokens=7, raw={"total": 7}))

    figures = words_of(page_with(browser, conversation))

    assert "tokens unknown" in figures
    assert "Tokens in unknown" in figures
    assert " 0 in" not in figures


def test_an_answer_that_was_refused_cost_nothing(
    browser: Client, conversation: Conversation
) -> None:
    make_turn(conversation, reply="", state=MessageState.FAILED)

    figures = words_of(page_with(browser, conversation))

    assert "nothing billed" in figures
    assert "tokens unknown" not in figures


def test_estimated_figures_are_marked_and_have_bounds(
    browser: Client, conversation: Conversation
) -> None:
    turn = begin_turn(conversation)
    receipt = Receipt(http_status=200, may_be_billed=True, output_characters=400)
    seal(turn.reply, "x" * 400, receipt=receipt)

    figures = words_of(page_with(browser, conversation))

    assert "≈ 100 out" in figures
    assert "estimated" in figures
    assert "Tokens out, estimated between 66 and 33,168" in figures
    assert "of which" not in figures


def test_of_an_answer_that_broke_off_the_parts_are_shown_that_were_counted(
    browser: Client, conversation: Conversation
) -> None:
    turn = begin_turn(conversation)
    usage = Usage(prompt_tokens=50, completion_tokens=9, cached_tokens=20, prompt_image_tokens=30)
    seal(turn.reply, "Half", receipt=Receipt(http_status=200, may_be_billed=True, usage=usage))

    figures = words_of(page_with(browser, conversation))

    row = Completion.objects.get()
    assert "of which cached 20" in figures
    assert "of which images 30" in figures
    assert "of which thinking unknown" in figures
    assert f"Number in the ledger {row.pk}" in figures


def test_where_an_answer_was_cut_is_marked_when_it_is_an_estimate(
    browser: Client, conversation: Conversation
) -> None:
    turn = begin_turn(conversation)
    receipt = Receipt(http_status=200, may_be_billed=True, output_characters=400)
    seal(turn.reply, "x" * 400, receipt=receipt, finish_reason="length")

    page = page_with(browser, conversation)

    assert "Cut at the limit of tokens, after about 100." in page


def test_both_models_are_named_when_another_one_answered(
    browser: Client, conversation: Conversation
) -> None:
    make_turn(conversation)
    Completion.objects.update(model_answered="gemini-3-pro-preview")

    assert "Gemini-3.0-pro → gemini-3-pro-preview" in page_with(browser, conversation)


@pytest.mark.parametrize(("language", "words"), [("en", "New chat"), ("es", "Nuevo chat")])
def test_a_page_follows_the_browser_and_then_the_profile(
    browser: Client, ana: User, language: str, words: str
) -> None:
    by_browser = page_of(browser.get("/", headers={"Accept-Language": language}))
    User.objects.filter(pk=ana.pk).update(language=language)
    other = {"en": "es", "es": "en"}[language]
    by_profile = page_of(browser.get("/", headers={"Accept-Language": other}))

    assert f'<html lang="{language}"' in by_browser
    assert f'<html lang="{language}"' in by_profile
    assert words in by_browser


def test_text_and_titles_cannot_break_out_of_the_page(browser: Client, ana: User) -> None:
    nasty = '"><script>alert(1)</script>{{ 1|add:1 }}'
    conversation = make_conversation(ana, title=nasty, model="x\"'><b>", system_prompt=nasty)
    make_turn(conversation, nasty, nasty)

    page = page_with(browser, conversation)

    assert "<script>alert" not in page
    assert "'><b>" not in page
    assert page.count("{{ 1|add:1 }}") >= 3


# What a page costs


@pytest.mark.parametrize("turns", [1, 3, 30])
def test_the_page_costs_the_same_queries_however_long_the_thread(
    browser: Client, conversation: Conversation, turns: int, django_assert_num_queries: Any
) -> None:
    for _ in range(turns):
        make_turn(conversation)

    # Session, person, conversation, messages, ledger rows, siblings with verdicts, who is
    # answering, pictures in the composer, sidebar.
    with django_assert_num_queries(11):
        browser.get(f"/c/{conversation.pk}/")


def test_a_running_reply_costs_one_query_more(
    browser: Client, conversation: Conversation, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        make_turn(conversation)
    begin_turn(conversation)

    with django_assert_num_queries(12):
        browser.get(f"/c/{conversation.pk}/")


# Pages for what went wrong


@pytest.mark.parametrize("path", ["/nothing/", "/c/not-a-uuid/", "/c/", "/messages/"])
def test_an_address_that_is_none_has_a_page_with_a_way_on(
    browser_of: Browser, ana: User, path: str
) -> None:
    for person in (ana, None):
        answer = browser_of(person).get(path)

        assert answer.status_code == 404
        assert "There is nothing here" in page_of(answer)
        assert 'href="/"' in page_of(answer)


def test_a_fault_of_evowebs_own_has_a_page_without_a_trace(
    browser_of: Browser, ana: User, conversation: Conversation
) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(parameters=7)
    browser = browser_of(ana)
    browser.raise_request_exception = False

    answer = browser.get(f"/c/{conversation.pk}/")

    assert answer.status_code == 500
    assert "Something went wrong in evoweb" in page_of(answer)
    assert "Traceback" not in page_of(answer)
    assert "Error" not in words_of(page_of(answer))


def test_an_address_of_another_host_is_refused_with_a_page(browser: Client) -> None:
    answer = browser.get("/", headers={"Host": "evil.example"})

    assert answer.status_code == 400
    assert "could not be read" in page_of(answer)
    assert "evil.example" not in page_of(answer)


def test_a_body_that_is_far_too_large_is_refused_with_a_page(
    browser: Client, conversation: Conversation
) -> None:
    answer = browser.post(
        f"/c/{conversation.pk}/messages/",
        f"text={'x' * 5_000_000}",
        content_type="application/x-www-form-urlencoded",
        headers=HTMX,
    )

    assert answer.status_code == 400
    assert not Message.objects.exists()


@pytest.mark.parametrize("path", ["/c/{key}/delete/", "/c/{key}/messages/", "/c/{key}/restore/"])
def test_what_changes_something_cannot_be_done_by_a_link(
    browser: Client, conversation: Conversation, path: str
) -> None:
    assert browser.get(path.format(key=conversation.pk)).status_code == 405


def test_pages_forbid_what_they_do_not_need(browser: Client) -> None:
    answer = browser.get("/")

    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert " style=" not in page_of(answer)
    assert not re.search(r"<script(?![^>]* src=)", page_of(answer))


def seal(
    reply: Message,
    text: str,
    *,
    usage: Usage | None = None,
    receipt: Receipt | None = None,
    finish_reason: str = "stop",
) -> None:
    """Let a reserved reply be over, with these figures."""
    whole = Receipt(http_status=200, usage=usage, is_whole=True, finish_reason=finish_reason)
    for row in reply.completions.open():
        ledger.close_row(row.pk, receipt or whole)
    Message.objects.filter(pk=reply.pk).update(
        state=MessageState.COMPLETE,
        text=text,
        finish_reason=finish_reason,
        finished_at=reply.created_at,
    )


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (OperationalError("the database is away"), 503, "cannot reach its database"),
        (InterfaceError("the connection is closed"), 503, "cannot reach its database"),
        (ValueError("a fault of ours"), 500, "Something went wrong in evoweb"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_page_about_a_fault_asks_the_database_nothing(
    browser: Client,
    ana: User,
    fault: Exception,
    status: int,
    words: str,
    headers: dict[str, str],
) -> None:
    """It may be the database that failed."""
    asked: list[str] = []

    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        raise fault

    browser.raise_request_exception = False
    with connection.execute_wrapper(fail):
        answer = browser.get("/", headers=headers)

    assert (answer.status_code, len(asked)) == (status, 1)
    assert words in page_of(answer)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/", "/nothing-here/"])
def test_a_request_gives_its_connection_back_before_its_answer_is_sent(
    browser_of: Browser, path: str
) -> None:
    browser = browser_of(make_user("zoe"))

    answer = browser.get(path)

    assert connection.connection is None
    assert page_of(answer)


def test_a_conversation_waits_for_no_typeface_at_a_first_visit(
    browser: Client, conversation: Conversation
) -> None:
    chat, first = page_of(browser.get("/")), page_with(browser, conversation)
    browser.cookies[ZONE_COOKIE] = "Europe/Madrid"
    again = page_with(browser, conversation)

    assert ['rel="preload"' in page for page in (chat, first, again)] == [True, False, True]
