"""A reply from the send to the seal, against a real upstream and a real database."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from asgiref.sync import sync_to_async

from chat.domain.turns import ReplyRunning
from chat.enums import CompletionState, Fault, MessageState
from chat.generation.service import Service
from chat.models import Completion, Conversation, JournalPiece
from tests.generation.conftest import Ask, sealed, shown
from tests.upstream.process import Upstream
from tests.upstream.scripts import SEED, Piece

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_reply_is_kept_with_what_it_cost(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says("Good ", "morning", prompt_tokens=12, completion_tokens=2)

    turn = await ask(conversation)
    reply = await sealed(turn.reply)

    row = await Completion.objects.aget(message=reply)
    assert (reply.state, reply.text) == (MessageState.COMPLETE, "Good morning")
    assert (row.state, row.prompt_tokens, row.completion_tokens) == (CompletionState.FINAL, 12, 2)
    assert row.finished_at is not None
    assert row.first_token_at is not None
    assert row.http_status == 200
    assert not await JournalPiece.objects.aexists()


async def test_of_several_accounts_of_an_answer_the_last_counts(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    accounts = [
        Piece(usage={"prompt_tokens": 12, "completion_tokens": count, "total_tokens": 12 + count})
        for count in (1, 7)
    ]
    pieces = ["Good ", accounts[0], "morning", accounts[1]]
    upstream.script(pieces=pieces, usage_mode="never", delay=0.02)

    reply = await sealed((await ask(conversation)).reply)

    row = await Completion.objects.aget(message=reply)
    assert (row.state, row.prompt, row.output) == (CompletionState.FINAL, 12, 7)


async def test_what_the_model_thought_is_kept_apart_from_what_it_said(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.thinks_then_says("Hm. ", "Yes.")

    reply = await sealed((await ask(conversation)).reply)

    assert (reply.reasoning, reply.text) == ("Hm. ", "Yes.")


async def test_thoughts_alone_are_no_answer_and_are_billed(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.thinks_then_says("Hm. ", finish=None, usage_mode="never", done=False)

    reply = await sealed((await ask(conversation)).reply)

    row = await Completion.objects.aget(message=reply)
    assert (reply.state, reply.error) == (MessageState.FAILED, Fault.EMPTY)
    assert (reply.reasoning, reply.text) == ("Hm. ", "")
    assert (row.state, row.output) == (CompletionState.ESTIMATED, 1)


@pytest.mark.parametrize(
    ("model", "returned"), [("deepseek-v4-flash", "Hm. "), ("Gemini-3.0-pro", None)]
)
async def test_thinking_goes_back_to_the_models_that_want_it(
    ask: Ask, conversation: Conversation, upstream: Upstream, model: str, returned: str | None
) -> None:
    conversation.model = model
    await conversation.asave()
    upstream.thinks_then_says("Hm. ", "Yes.")
    upstream.says("No.")

    await sealed((await ask(conversation, "Is it?")).reply)
    await sealed((await ask(conversation, "Really?")).reply)

    assert upstream.last.body is not None
    _, answer, _ = upstream.last.body["messages"]
    assert (answer["content"], answer.get("reasoning_content")) == ("Yes.", returned)


async def test_the_whole_history_goes_to_the_upstream_and_ends_with_the_prompt(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says("Two")
    upstream.says("Four")

    await sealed((await ask(conversation, "1 + 1?")).reply)
    await sealed((await ask(conversation, "2 + 2?")).reply)

    assert upstream.last.body is not None
    assert upstream.last.body["messages"] == [
        {"role": "user", "content": "1 + 1?"},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": "2 + 2?"},
    ]


async def test_a_second_send_is_refused_while_a_reply_runs(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    first = await ask(conversation)
    await asyncio.to_thread(upstream.wait_until_held)

    with pytest.raises(ReplyRunning):
        await ask(conversation, "Too early")

    upstream.release()
    reply = await sealed(first.reply)
    assert reply.text == "One two"
    assert await conversation.messages.acount() == 2


async def test_stop_keeps_the_text_closes_the_upstream_and_frees_the_next_send(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    upstream.says("Next")
    first = await ask(conversation)
    await shown(service, conversation, "One")

    await sync_to_async(service.stop)(first.reply)
    second = await ask(conversation, "And now?")
    stopped = await sealed(first.reply)
    reply = await sealed(second.reply)

    row = await Completion.objects.aget(message=stopped)
    assert (stopped.state, stopped.text) == (MessageState.STOPPED, "One")
    assert row.state == CompletionState.ESTIMATED
    assert row.estimated_output_low is not None
    assert row.estimated_output_high is not None
    await asyncio.to_thread(upstream.wait_until_client_left)
    assert reply.text == "Next"
    assert upstream.last.body is not None
    assert [message["content"] for message in upstream.last.body["messages"]] == [
        "A question",
        "One",
        "And now?",
    ]


async def test_stop_before_the_first_token_ends_the_reply_too(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.hangs_after()
    turn = await ask(conversation)
    await asyncio.to_thread(upstream.wait_for_requests)

    await sync_to_async(service.stop)(turn.reply)
    reply = await sealed(turn.reply)

    assert (reply.state, reply.text) == (MessageState.STOPPED, "")
    await asyncio.to_thread(upstream.wait_until_client_left)


async def test_a_connection_that_breaks_leaves_the_text_and_says_interrupted(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.breaks_after("Half an ans")

    reply = await sealed((await ask(conversation)).reply)

    row = await Completion.objects.aget(message=reply)
    assert (reply.state, reply.text) == (MessageState.INTERRUPTED, "Half an ans")
    assert reply.error == Fault.BROKEN
    assert row.state == CompletionState.ESTIMATED


async def test_an_answer_that_turns_to_nonsense_is_asked_for_once_and_may_be_billed(
    ask: Ask, conversation: Conversation, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw = head + b"1F\r\ndata: the model's own words" + b"no chunk"
    upstream.script(raw_http=base64.b64encode(raw).decode())

    reply = await sealed((await ask(conversation)).reply)

    row = await Completion.objects.aget(message=reply)
    assert (reply.state, reply.error) == (MessageState.FAILED, Fault.BROKEN)
    assert row.state == CompletionState.ESTIMATED
    assert "broken" in caplog.text
    assert "own words" not in caplog.text


async def test_for_the_documented_model_the_log_names_what_it_is_called_elsewhere(
    ask: Ask, conversation: Conversation, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.fails(404, {"error": {"message": "no such model", "code": "model_not_found"}})

    await sealed((await ask(conversation)).reply)

    [line] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "no such model" in line.getMessage()
    assert "gemini-3-pro-preview" in line.getMessage()


async def test_each_retry_has_a_ledger_row_of_its_own(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.fails(503)
    upstream.says("At last")

    reply = await sealed((await ask(conversation)).reply)

    rows = [row async for row in Completion.objects.filter(message=reply).order_by("pk")]
    assert reply.text == "At last"
    assert [row.state for row in rows] == [CompletionState.FAILED, CompletionState.FINAL]
    assert [row.http_status for row in rows] == [503, 200]


@pytest.mark.parametrize("form", ["stream", "plain", "plain for a stream"])
async def test_the_seeds_answer_lands_in_the_ledger_with_all_its_figures(
    ask: Ask, conversation: Conversation, upstream: Upstream, form: str
) -> None:
    if form == "plain":
        conversation.parameters = {"stream": False}
        await conversation.asave()
    if form == "plain for a stream":
        upstream.script(body=json.dumps(SEED), headers={"Content-Type": "application/json"})

    reply = await sealed((await ask(conversation, "Please introduce yourself")).reply)

    row = await Completion.objects.aget(message=reply)
    assert reply.text.startswith("Hello! I'm pleased to introduce myself.")
    assert row.upstream_id == "chatcmpl-20251010015944503180122WJNB8Eid"
    assert (row.model_asked, row.model_answered) == ("Gemini-3.0-pro", "Gemini-3.0-pro")
    assert row.object == SEED["object"] + (".chunk" if form == "stream" else "")
    assert (row.created, row.choices, row.finish_reason) == (1760032810, 1, "stop")
    assert (row.http_status, row.error) == (200, "")
    assert (row.prompt_tokens, row.completion_tokens, row.total_tokens) == (13, 1891, 1904)
    assert (row.cached_tokens, row.prompt_text_tokens) == (0, 13)
    assert (row.prompt_audio_tokens, row.prompt_image_tokens) == (0, 0)
    assert (row.completion_text_tokens, row.completion_audio_tokens) == (0, 0)
    assert row.reasoning_tokens == 1480
    assert (row.input_tokens, row.output_tokens) == (0, 0)
    assert row.usage is not None
    assert row.usage["input_tokens_details"] is None
    assert row.visible == 411


async def test_a_drained_service_interrupts_what_does_not_end_and_loses_nothing(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(2, "One", " two", " three")
    turn = await ask(conversation)
    await shown(service, conversation, "One two")

    await service.drain()

    reply = await sealed(turn.reply)
    assert (reply.state, reply.text) == (MessageState.INTERRUPTED, "One two")
    assert reply.error == Fault.RESTARTED
    assert not await Completion.objects.open().aexists()
