"""The people of these tests and the ledger they fill. Ana administers, Rita reviews, Ben and Cleo
do neither."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from chat.domain import pricing, totals
from chat.enums import CompletionState, MessageState, Role
from chat.models import Completion, Conversation, JournalPiece, Message, User

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
# What the seed's page answers: the figures that have to arrive on both pages.
SEED = {
    "prompt_tokens": 13,
    "completion_tokens": 1891,
    "total_tokens": 1904,
    "cached_tokens": 0,
    "reasoning_tokens": 1480,
}
SECRET = "xylophonist"

Spend = Callable[..., Completion]
ClientFor = Callable[[User], Client]


def body_of(answer: Any) -> str:
    """Of an answer that is sent while it is read, by other threads: the test needs no transaction
    of its own."""
    assert isinstance(answer, StreamingHttpResponse)

    async def collect() -> bytes:
        return b"".join([piece async for piece in answer])

    return asyncio.run(collect()).decode("utf-8-sig")


@pytest.fixture(autouse=True)
def _shipped_prices(shipped_prices: None) -> None:
    """Costs are reckoned with those."""


@pytest.fixture
def ana(db: None) -> User:
    return User.objects.create_user(
        "ana@example.org", display_name="Ana", is_staff=True, is_superuser=True
    )


@pytest.fixture
def ben(db: None) -> User:
    return User.objects.create_user("ben@example.org", display_name="Ben")


@pytest.fixture
def cleo(db: None) -> User:
    return User.objects.create_user("cleo@example.org", display_name="Cleo")


@pytest.fixture
def rita(db: None) -> User:
    return User.objects.create_user("rita@example.org", display_name="Rita", is_reviewer=True)


@pytest.fixture
def client_for() -> ClientFor:
    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def spend(ben: User) -> Spend:
    """Write a row of the ledger and add it up: Ben's, final, with the seed's figures, unless told
    otherwise."""

    def row(**fields: Any) -> Completion:
        state = fields.setdefault("state", CompletionState.FINAL)
        started_at = fields.setdefault("started_at", NOON)
        fields = {"user": ben, "model_asked": "Gemini-3.0-pro"} | fields
        if state == CompletionState.FINAL and not fields.keys() & SEED.keys():
            fields |= SEED
        if state == CompletionState.FINAL:
            fields.setdefault("usage", {})
        if state != CompletionState.OPEN:
            fields.setdefault("finished_at", started_at + timedelta(seconds=9))
        completion = Completion(**fields)
        if state != CompletionState.OPEN:
            for name, value in pricing.fields(completion).items():
                setattr(completion, name, value)
        completion.save(force_insert=True)
        if state != CompletionState.OPEN:
            totals.post(completion)
        return completion

    return row


@pytest.fixture
def estimated(spend: Spend) -> Spend:
    def row(prompt: int, output: int, **fields: Any) -> Completion:
        return spend(
            state=CompletionState.ESTIMATED,
            estimated_prompt=prompt,
            estimated_prompt_low=0,
            estimated_prompt_high=prompt * 4,
            estimated_output=output,
            estimated_output_low=0,
            estimated_output_high=output * 4,
            **fields,
        )

    return row


@pytest.fixture
def secret_turn(ben: User, spend: Spend) -> Message:
    """Ben's turn, of whose every text one secret word is a part."""
    conversation = Conversation.objects.create(
        owner=ben,
        title=f"About the {SECRET}",
        model="Gemini-3.0-pro",
        system_prompt=f"You are a {SECRET}.",
        parameters={"stop": [SECRET]},
    )
    prompt = Message.objects.create(
        conversation=conversation,
        role=Role.USER,
        author=ben,
        text=f"Who is the {SECRET}?",
        finished_at=NOON,
    )
    reply = Message.objects.create(
        conversation=conversation,
        parent=prompt,
        role=Role.ASSISTANT,
        text=f"The {SECRET} is Ben.",
        reasoning=f"They ask for the {SECRET}.",
        state=MessageState.COMPLETE,
        finished_at=NOON,
    )
    JournalPiece.objects.create(message=reply, number=1, text=SECRET, reasoning=SECRET)
    spend(conversation=conversation, message=reply)
    return reply
