"""What an operator can watch: each figure moves with what it is a figure of."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from chat.domain import replies
from chat.domain.replies import Standing
from chat.enums import MessageState
from chat.generation.journal import INTERVAL_SECONDS, RETRY_SECONDS
from chat.generation.service import Service
from chat.models import Conversation, JournalPiece, Message, User
from tests.factories import begin_turn
from tests.generation.conftest import Ask, sealed
from tests.metrics import Added, present
from tests.upstream.process import Upstream
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_reply_is_counted_at_its_start_and_at_its_end_and_in_between_as_running(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    since = Added()

    turn = await ask(conversation)
    await asyncio.to_thread(upstream.wait_until_held)
    running, ended = present("evoweb_replies_running"), _ended(since, "complete")
    upstream.release()
    await sealed(turn.reply)
    await _until_nothing_runs()

    assert (running, ended) == (1, 0)
    assert since.to("evoweb_replies_started_total") == 1
    assert _ended(since, "complete") == 1


@pytest.mark.parametrize(
    ("state", "pieces"), [(MessageState.INTERRUPTED, ["One"]), (MessageState.FAILED, [])]
)
async def test_how_a_reply_ended_and_why_its_attempt_failed_are_counted(
    ask: Ask,
    conversation: Conversation,
    upstream: Upstream,
    state: MessageState,
    pieces: list[str],
) -> None:
    upstream.breaks_after(*pieces)
    since = Added()

    await sealed((await ask(conversation)).reply)
    await _until_nothing_runs()

    assert _ended(since, state) == 1
    assert since.to("evoweb_attempts_failed_total", code="broken") == 1


async def test_a_stopped_reply_is_counted_as_stopped_and_as_no_failure(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    since = Added()

    turn = await ask(conversation)
    await asyncio.to_thread(upstream.wait_until_held)
    await sync_to_async(service.stop)(turn.reply)
    await sealed(turn.reply)
    await _until_nothing_runs()

    assert _ended(since, "stopped") == 1
    assert since.to("evoweb_attempts_failed_total", code="broken") == 0


async def test_each_attempt_that_failed_is_counted_also_one_that_was_repeated(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.fails(503)
    upstream.fails(400)
    since = Added()

    await sealed((await ask(conversation)).reply)
    await _until_nothing_runs()

    assert since.to("evoweb_attempts_failed_total", code="overloaded") == 1
    assert since.to("evoweb_attempts_failed_total", code="bad_request") == 1
    assert since.to("evoweb_replies_started_total") == 1
    assert _ended(since, "failed") == 1


async def test_an_answer_of_nothing_is_counted_as_a_failed_attempt(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says()
    since = Added()

    await sealed((await ask(conversation)).reply)
    await _until_nothing_runs()

    assert since.to("evoweb_attempts_failed_total", code="empty") == 1


async def test_the_time_to_the_first_token_is_that_of_the_attempt_that_had_one(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.fails(503)
    upstream.says({"wait": 0.3}, "One", " two")
    since = Added()

    await sealed((await ask(conversation)).reply)

    assert since.to("evoweb_time_to_first_token_seconds_count") == 1
    assert 0.3 <= since.to("evoweb_time_to_first_token_seconds_sum") < 0.3 + 0.5


async def test_text_that_waits_for_the_database_grows_old(
    ask: Ask, conversation: Conversation, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.holds_after(1, "One", " two")
    refused: list[bool] = []
    write = replies.write_pieces

    def write_at_the_third_try(pieces: list[JournalPiece], **kwargs: Any) -> Standing:
        if pieces and len(refused) < 2:
            refused.append(True)
            raise OperationalError("the database is away")
        return write(pieces, **kwargs)

    monkeypatch.setattr(replies, "write_pieces", write_at_the_third_try)
    since = Added()

    turn = await ask(conversation)
    await asyncio.to_thread(
        eventually, lambda: since.to("evoweb_token_age_seconds_count"), lambda count: count == 1
    )
    upstream.release()
    await sealed(turn.reply)

    assert since.to("evoweb_token_age_seconds_sum") >= 2 * RETRY_SECONDS
    assert since.to("evoweb_journal_commit_seconds_count") >= 3


async def test_a_look_at_where_replies_stand_is_no_commit(
    ask: Ask, conversation: Conversation, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.holds_after(1, "One", " two")
    looks: list[bool] = []
    write = replies.write_pieces

    def notice_looks(pieces: list[JournalPiece], **kwargs: Any) -> Standing:
        looks.extend([True] * (not pieces))
        return write(pieces, **kwargs)

    monkeypatch.setattr(replies, "write_pieces", notice_looks)
    since = Added()

    turn = await ask(conversation)
    await asyncio.to_thread(upstream.wait_until_held)
    await asyncio.to_thread(eventually, lambda: len(looks), lambda count: count >= 3)
    upstream.release()
    await sealed(turn.reply)

    assert 1 <= since.to("evoweb_journal_commit_seconds_count") <= 2


async def test_the_oldest_text_of_a_piece_counts_and_pieces_are_few(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.stamps(rate=500, count=200)
    since = Added()

    await sealed((await ask(conversation)).reply)

    pieces = since.to("evoweb_token_age_seconds_count")
    assert 2 <= pieces <= 40
    assert since.to("evoweb_token_age_seconds_sum") / pieces > INTERVAL_SECONDS / 2


async def test_replies_of_a_process_that_is_gone_are_counted_apart(
    service: Service, conversation: Conversation
) -> None:
    turn = await sync_to_async(begin_turn)(conversation)
    since = Added()

    await service._sweeper._abandon(await Message.objects.aget(pk=turn.reply.pk))

    assert since.to("evoweb_replies_abandoned_total") == 1
    assert since.to("evoweb_replies_started_total") == 0


async def test_open_sockets_are_those_that_are_open(service: Service, ana: User) -> None:
    with service.socket_of(ana.pk), service.socket_of(ana.pk):
        open_now = present("evoweb_sockets_open")

    assert (open_now, present("evoweb_sockets_open")) == (2, 0)


async def test_a_reply_leaves_one_line_in_the_log_with_figures_and_no_text(
    ask: Ask,
    conversation: Conversation,
    ana: User,
    upstream: Upstream,
    caplog: pytest.LogCaptureFixture,
) -> None:
    upstream.fails(503)
    upstream.says("Saffron", " crocus", prompt_tokens=3, completion_tokens=2)

    with caplog.at_level(logging.INFO):
        reply = await sealed((await ask(conversation, "Purple?")).reply)
        await _until_nothing_runs()

    (line,) = _lines(caplog)
    assert line.pop("first_token_ms") > 0
    assert line.pop("duration_ms") > 0
    assert line == {
        "event": "reply",
        "reply_id": reply.pk,
        "conversation_id": conversation.pk,
        "user_id": ana.pk,
        "state": "complete",
        "error": None,
        "finish_reason": "stop",
        "attempts": 2,
        "characters": len("Saffron crocus"),
        "figures": "final",
    }


@pytest.mark.parametrize(
    ("finish", "logged"), [("stop", "stop"), ("because of the crocus", "…"), (None, None)]
)
async def test_a_finish_reason_is_logged_only_if_it_is_a_word(
    ask: Ask,
    conversation: Conversation,
    upstream: Upstream,
    caplog: pytest.LogCaptureFixture,
    finish: str | None,
    logged: str | None,
) -> None:
    upstream.says("One", finish=finish)

    with caplog.at_level(logging.INFO):
        await sealed((await ask(conversation)).reply)
        await _until_nothing_runs()

    assert [line["finish_reason"] for line in _lines(caplog)] == [logged]


async def test_a_reply_without_figures_and_one_that_never_began_are_told_apart(
    ask: Ask,
    service: Service,
    conversation: Conversation,
    upstream: Upstream,
    caplog: pytest.LogCaptureFixture,
) -> None:
    upstream.says("One", usage_mode="never")
    upstream.fails(400)

    with caplog.at_level(logging.INFO):
        for words in ("First", "Second"):
            await sealed((await ask(conversation, words)).reply)
        await _until_nothing_runs()

    told = [(line["state"], line["error"], line["figures"]) for line in _lines(caplog)]
    assert told == [("complete", None, "estimated"), ("failed", "bad_request", "failed")]


def _ended(since: Added, state: str) -> float:
    return since.to("evoweb_replies_ended_total", state=str(state))


async def _until_nothing_runs() -> None:
    """The last line of a reply comes after its seal."""
    await asyncio.to_thread(
        eventually, lambda: present("evoweb_replies_running"), lambda running: running == 0
    )


def _lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    fields = [dict(getattr(record, "fields", {})) for record in caplog.records]
    return [found for found in fields if found.get("event") == "reply"]
