"""Each way in which an upstream refuses, as one real reply: what people see, what the log says,
what the ledger holds, and that nothing typed is lost.

All replies run at once in one service, so that the retries of the whole table wait together.
"""

from __future__ import annotations

import html
import json
import logging
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from chat.enums import CompletionState, Fault, MessageState
from chat.models import Completion, Message
from tests.factories import make_conversation, make_user
from tests.running_service import RunningService
from tests.upstream.errors import ERROR_TABLE, JSON, ErrorCase
from tests.upstream.process import Upstream, UpstreamProcess, scripted
from tests.waiting import eventually

# What the fixture below reads is in memory; the mark makes sure that there is a database to fill.
pytestmark = pytest.mark.django_db

SECRET = "xylophonist"

REPEATS_KEY_AND_PROMPT = ErrorCase(
    "repeats key and prompt",
    401,
    "",
    "key_refused",
    headers=dict(JSON),
)
CASES = (*ERROR_TABLE, REPEATS_KEY_AND_PROMPT)

# What the stored code of a case is when the client acted on the first one and got another.
CODES_IN_THE_END = {"stream_options_refused": "bad_request"}
# The upstream may have worked for these before it gave up: their rows are estimates.
MAY_BE_BILLED = {"timed_out", "gateway_timed_out", "empty", "unreadable"}
MOST_WAITING = 10.0
# What only an operator can mend, and the words that say how.
OPERATORS = {
    "key_refused": "EVOLINK_API_KEY",
    "quota_exhausted": "credit",
    "model_not_found": "EVOLINK_MODELS",
    "not_found": "EVOLINK_BASE_URL",
}


def test_the_table_is_whole() -> None:
    assert len(ERROR_TABLE) == 107


@dataclass(frozen=True)
class Told:
    """What became of one reply, and everything that was said about it."""

    reply: Message
    rows: list[Completion]
    page: str
    log: list[str]

    @property
    def causes(self) -> list[str]:
        """The line of each attempt that failed."""
        return [line for line in self.log if line.startswith(("WARNING chat.", "ERROR chat."))]

    @property
    def article(self) -> str:
        found = re.findall(r'<article [^>]*data-role="assistant".*?</article>', self.page, re.S)
        assert len(found) == 1
        return str(found[0])

    @property
    def note(self) -> str:
        """The sentence under the reply, without the buttons beside it."""
        notes = re.findall(r'<div class="message__note">(.*?)</div>', self.article, re.S)
        assert len(notes) == 1
        return html.unescape(
            re.sub(r"<button.*?</button>|<(?:details|span).*", "", notes[0], flags=re.S)
        ).strip()


@dataclass(frozen=True)
class Table:
    told: Mapping[str, Told]
    log: list[str]


@contextmanager
def all_that_is_logged() -> Iterator[list[str]]:
    """Hear all that evoweb itself logs, and of libraries what LOG_LEVEL=INFO shows."""
    lines: list[str] = []
    root, own = logging.getLogger(), logging.getLogger("chat")
    levels = root.level, own.level
    ears = logging.Handler()
    ears.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    ears.emit = lambda record: lines.append(ears.format(record))  # type: ignore[method-assign]
    root.addHandler(ears)
    root.setLevel(logging.INFO)
    own.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(ears)
        root.setLevel(levels[0])
        own.setLevel(levels[1])


@pytest.fixture(scope="module")
def table(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, upstream_process: UpstreamProcess
) -> Table:
    before_it = override_settings(
        EVOLINK_BASE_URL=upstream_process.base_url,
        EVOLINK_API_KEY=upstream_process.key,
        DRAIN_SECONDS=0.2,
    )
    with (
        before_it,
        django_db_blocker.unblock(),
        scripted(upstream_process) as upstream,
        all_that_is_logged() as log,
    ):
        try:
            found = Table(_ask_all(upstream, log), log)
        finally:
            call_command("flush", interactive=False, verbosity=0)
    return found


@pytest.fixture
def told(table: Table) -> Mapping[str, Told]:
    return table.told


def _ask_all(upstream: Upstream, log: list[str]) -> dict[str, Told]:
    ana = make_user("ana")
    # Nobody may have all of them running.
    askers = [make_user(f"asker-{number}") for number in range(len(CASES) // 10 + 1)]
    with RunningService() as running:
        replies = {}
        for number, case in enumerate(CASES):
            prompt = f"case {number:03}: who is the {SECRET}?"
            upstream.script(**_script(case, prompt, upstream.key), match=prompt, times=0)
            turn = running.service.send(
                # A model of its own, because what one refuses is remembered for the next request.
                conversation=make_conversation(ana, model=f"model-{number:03}"),
                author=askers[number // 10],
                text=prompt,
                send_key=uuid.uuid4(),
            )
            replies[case.name] = turn.reply.pk
        eventually(Message.objects.running().count, lambda left: left == 0, seconds=25)
    browser = Client()
    browser.force_login(ana)
    return {name: _told(key, browser, log) for name, key in replies.items()}


def _script(case: ErrorCase, prompt: str, key: str) -> dict[str, Any]:
    if case is not REPEATS_KEY_AND_PROMPT:
        return case.script()
    message = f"Incorrect API key {key} provided for https://host-7.internal: {prompt}"
    return case.script() | {"body": json.dumps({"error": {"message": message, "code": 401}})}


def _told(reply_id: int, browser: Client, log: list[str]) -> Told:
    reply = Message.objects.get(pk=reply_id)
    return Told(
        reply=reply,
        rows=list(reply.completions.order_by("pk")),
        page=browser.get(f"/c/{reply.conversation_id}/").content.decode(),
        log=[line for line in log if re.search(rf"\bReply {reply_id}\b", line)],
    )


def attempts(case: ErrorCase) -> int:
    """How often evoweb may ask: three times at most, and never waiting more than ten seconds."""
    if case.code == "stream_options_refused":
        return 2
    if not case.retryable or case.status == 200 or (case.retry_after or 0) > MOST_WAITING:
        return 1
    return 2 if (case.retry_after or 0) * 2 > MOST_WAITING else 3


def code_of(case: ErrorCase) -> str:
    return CODES_IN_THE_END.get(case.code, case.code)


every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@every_case
def test_the_reply_fails_and_the_person_reads_one_plain_sentence(
    case: ErrorCase, told: Mapping[str, Told]
) -> None:
    heard = told[case.name]

    assert (heard.reply.state, heard.reply.text) == (MessageState.FAILED, "")
    assert heard.reply.error == code_of(case)
    assert heard.note == str(Fault(code_of(case)).label)
    assert 'data-state="failed"' in heard.article
    assert ">Try again</button>" in heard.article


@every_case
def test_nothing_typed_is_lost(case: ErrorCase, told: Mapping[str, Told]) -> None:
    prompt = f"case {CASES.index(case):03}: who is the {SECRET}?"

    assert f'dir="auto">{prompt}</div>' in told[case.name].page


@every_case
def test_the_page_shows_nothing_of_what_the_upstream_said(
    case: ErrorCase, told: Mapping[str, Told], upstream_process: UpstreamProcess
) -> None:
    page = told[case.name].article

    for words in re.findall(r"[^\"<>{}\\]{12,}", case.body):
        assert words not in page
    assert upstream_process.key not in page
    assert "host-7.internal" not in page
    assert "alert(1)" not in page


@every_case
def test_the_log_has_the_code_and_the_cause_but_no_key_and_no_prompt(
    case: ErrorCase, told: Mapping[str, Told], upstream_process: UpstreamProcess
) -> None:
    log, causes = told[case.name].log, told[case.name].causes

    assert len(causes) == attempts(case)
    assert f": {code_of(case)} ({case.status})" in causes[-1]
    assert case.detail in causes[-1]
    assert upstream_process.key not in "\n".join(log)


@every_case
def test_the_log_tells_an_operator_what_to_mend_and_how_long_to_wait(
    case: ErrorCase, told: Mapping[str, Told]
) -> None:
    causes = told[case.name].causes
    advice = OPERATORS.get(case.code, "")
    wait = f"it asks to wait {case.retry_after:g} s" if case.retry_after else ""

    assert {line.split()[0] for line in causes} == {"ERROR" if advice else "WARNING"}
    assert all(advice in line and wait in line for line in causes)
    assert all(("manage.py upstream check" in line) is bool(advice) for line in causes)


def test_no_line_of_the_whole_log_has_a_prompt_or_the_key(
    table: Table, upstream_process: UpstreamProcess
) -> None:
    assert len(table.log) > len(CASES)

    assert [line for line in table.log if SECRET in line or upstream_process.key in line] == []


@every_case
def test_the_ledger_has_a_closed_row_for_each_attempt(
    case: ErrorCase, told: Mapping[str, Told]
) -> None:
    rows = told[case.name].rows

    # An answer that began with 200 may be on the bill, whatever it then said.
    may_be_billed = code_of(case) in MAY_BE_BILLED or case.status == 200
    closed_as = CompletionState.ESTIMATED if may_be_billed else CompletionState.FAILED
    assert [row.error for row in rows] == [case.code] * (attempts(case) - 1) + [code_of(case)]
    assert [row.http_status for row in rows] == [case.status] * attempts(case)
    assert [row.state for row in rows] == [closed_as] * attempts(case)
    assert all(row.finished_at and row.usage is None for row in rows)
    assert all(row.first_token_at is None for row in rows)
