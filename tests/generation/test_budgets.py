"""A hard budget is kept by every attempt at a reply, and not only by the first."""

from __future__ import annotations

import pytest
from django.db.models import F

from chat.domain.budgets import LEAST_OUTPUT
from chat.domain.estimates import prompt_tokens
from chat.enums import CompletionState, MessageState, Period
from chat.models import Allowance, Budget, Completion, Conversation, Hold
from tests.generation.conftest import Ask, sealed
from tests.upstream.process import Upstream

pytestmark = pytest.mark.django_db(transaction=True)

# Inside an answer that has begun, and so may be billed; it is asked once more without them.
REFUSED = {"error": {"type": "invalid_request_error", "message": "Unknown: 'stream_options'."}}
PROMPT = prompt_tokens(["A question"])


@pytest.mark.parametrize(
    ("room", "state", "asked"),
    [(1000, MessageState.COMPLETE, 2), (LEAST_OUTPUT, MessageState.FAILED, 1)],
)
async def test_what_an_attempt_cost_is_not_there_for_the_next(
    ask: Ask,
    conversation: Conversation,
    upstream: Upstream,
    room: int,
    state: MessageState,
    asked: int,
) -> None:
    budget = await Budget.objects.acreate(period=Period.DAY, tokens=PROMPT + room)
    upstream.fails(200, REFUSED)
    upstream.says("Hello")

    reply = await sealed((await ask(conversation)).reply)

    rows = [row async for row in Completion.objects.order_by("pk")]
    took = (rows[0].prompt or 0) + (rows[0].output or 0)
    limits = [record.body["max_tokens"] for record in upstream.requests]
    assert (reply.state, rows[0].state) == (state, CompletionState.ESTIMATED)
    assert took > 0
    assert limits == [room, room - took][:asked]
    assert len(rows) == asked
    assert not await Hold.objects.aexists()
    over = Allowance.objects.filter(used__gt=F("budget__tokens"))
    assert not await over.filter(budget=budget).aexists()
    if state == MessageState.FAILED:
        assert reply.error == rows[0].error == "stream_options_refused"
