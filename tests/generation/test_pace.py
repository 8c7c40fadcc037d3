"""While many replies run each is read less often: nothing of them is lost, and stop still stops."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async

from chat.enums import MessageState
from chat.generation import supervisor
from chat.generation.service import Service
from chat.models import Conversation
from tests.generation.conftest import Ask, sealed, shown
from tests.metrics import Added
from tests.upstream.process import Upstream
from tests.waiting import comes_true

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """One reply is as many as there may be."""
    monkeypatch.setattr(supervisor, "MANY", 0)
    monkeypatch.setattr(supervisor, "PACE_A_REPLY", supervisor.LONGEST_PACE)


async def test_a_reply_that_is_read_less_often_is_whole_and_comes_in_fewer_pieces(
    ask: Ask, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.stamps(rate=100, count=100)
    since = Added()

    reply = await sealed((await ask(conversation)).reply)

    assert (reply.state, reply.text.count(";")) == (MessageState.COMPLETE, 100)
    # One second of text, five times a second; unpaced there are about 25.
    assert since.to("evoweb_token_age_seconds_count") <= 10


async def test_a_stop_in_a_rest_closes_the_connection_at_once(
    ask: Ask,
    service: Service,
    conversation: Conversation,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "LONGEST_PACE", 60.0)
    monkeypatch.setattr(supervisor, "PACE_A_REPLY", 60.0)
    upstream.holds_after(1, {"delta": {"role": "assistant"}}, "One", " two", role_chunk=False)
    turn = await ask(conversation)
    run = service.supervisor._runs[turn.reply.pk]
    await comes_true(lambda: run._receipt.identified is not None)
    upstream.release(1)
    # What comes before the first text is not rested after.
    await shown(service, conversation, "One")

    await sync_to_async(service.stop)(turn.reply)

    reply = await sealed(turn.reply)
    assert (reply.state, reply.text) == (MessageState.STOPPED, "One")
    await asyncio.to_thread(upstream.wait_until_client_left)
