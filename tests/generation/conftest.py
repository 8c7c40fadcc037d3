"""A service in the test's own loop, before the test upstream and on the real database."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from pytest_django import Settings

from chat.domain.turns import Turn
from chat.generation import service as services
from chat.generation.service import Service
from chat.models import Conversation, Message, User
from tests.factories import make_conversation, make_user
from tests.upstream.process import Upstream

Ask = Callable[..., Awaitable[Turn]]


@pytest.fixture
def ana(transactional_db: None) -> User:
    return make_user("ana")


@pytest.fixture
def conversation(ana: User) -> Conversation:
    return make_conversation(ana)


@pytest.fixture
def unhelped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for it before the service: nobody looks around for what a viewer has missed."""
    monkeypatch.setattr("chat.generation.chores.LOOK_SECONDS", 3600.0)


@pytest.fixture
async def service(
    transactional_db: None, upstream: Upstream, settings: Settings
) -> AsyncIterator[Service]:
    settings.EVOLINK_BASE_URL = upstream.base_url
    settings.EVOLINK_API_KEY = upstream.key
    settings.DRAIN_SECONDS = 0.2
    service = Service()
    await service.start()
    yield service
    await service.drain()
    services._set_current(None)
    await sync_to_async(connections.close_all)()


@pytest.fixture
async def elsewhere(service: Service) -> AsyncIterator[Service]:
    """A second process as far as the database and the hints are concerned."""
    elsewhere = Service()
    await elsewhere.start()
    services._set_current(service)
    yield elsewhere
    services._set_current(elsewhere)
    await elsewhere.drain()
    services._set_current(service)


@pytest.fixture
def ask(service: Service) -> Ask:
    """Send a prompt the way a view does: from a thread that is not the loop's."""

    async def send(conversation: Conversation, text: str = "A question") -> Turn:
        return await sync_to_async(service.send)(
            conversation=conversation,
            author=conversation.owner,
            text=text,
            send_key=uuid.uuid4(),
        )

    return send


async def sealed(reply: Message, *, seconds: float = 10) -> Message:
    """The reply as the database has it once it is over."""

    async with asyncio.timeout(seconds):
        while True:
            fresh = await Message.objects.aget(pk=reply.pk)
            if not fresh.is_running:
                return fresh
            await asyncio.sleep(0.01)


async def shown(service: Service, conversation: Conversation, text: str) -> None:
    """Wait until viewers of the conversation would have been shown this text."""
    async with asyncio.timeout(10):
        while True:
            live = service.hub.live(conversation.pk)
            if live and live.since(0).text == text:
                return
            await asyncio.sleep(0.005)
