"""A reader's socket, opened by a link: what it shows, and that it closes when the link ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from channels.testing import WebsocketCommunicator
from django.utils import timezone
from pytest_django import Settings

from chat.consumers import NOT_FOUND, NOT_SIGNED_IN
from chat.domain import accounts, conversations, sharing
from chat.domain.sharing import NewLink
from chat.generation.lookout import Lookout
from chat.generation.service import Service
from chat.generation.updates import Eyes, Gone
from chat.generation.viewer import Viewer
from chat.models import Conversation, ShareLink, User
from chat.views.live import Reader, texts
from tests.factories import make_turn, make_user
from tests.generation.conftest import Ask
from tests.generation.test_sockets import answer_to, frame_with, frames_until, socket_at
from tests.tree import words_of
from tests.upstream.process import Upstream

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nobody_looks_out(unhelped: None) -> None:
    """But when a test does, so that it is known what has closed a socket."""


@pytest.fixture
def wire(settings: Settings) -> Iterator[None]:
    """Ask for it before the service."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    channel_layers.backends.clear()
    yield
    channel_layers.backends.clear()


@pytest.fixture
def lookout(service: Service) -> Lookout:
    return Lookout(hub=service.hub, pool=service.pool)


@pytest.fixture
def ben(transactional_db: None) -> User:
    return make_user("ben")


@pytest.fixture
def made(conversation: Conversation) -> NewLink:
    return sharing.share(conversation, by=conversation.owner, lasts=timedelta(days=1))


def socket_by(token: str, user: User | None) -> AbstractAsyncContextManager[WebsocketCommunicator]:
    return socket_at(f"/ws/s/{token}/?language=en", user)


async def has_looked(service: Service, lookout: Lookout, made: NewLink) -> None:
    """What it sees for the first time it takes for changed."""
    service.hub.watch(made.link.conversation_id)
    await lookout.look()


async def code_at_the_end(socket: WebsocketCommunicator) -> int:
    """With which it is closed, whatever it shows before."""
    while (said := await socket.receive_output(5))["type"] != "websocket.close":
        pass
    return int(said["code"])


async def test_a_reader_sees_a_reply_as_it_is_written_and_nothing_to_press(
    ask: Ask, service: Service, ana: User, ben: User, made: NewLink, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    async with socket_by(made.token, ben) as theirs, socket_by(made.token, ana) as own:
        for socket in (theirs, own):
            assert (await socket.connect())[0]
        reply = (await ask(made.link.conversation)).reply
        begun = [await frames_until(one, f'id="message-{reply.pk}"') for one in (theirs, own)]
        first = begun[0] if "One" in begun[0] else await frame_with(theirs, "One")
        upstream.release(1)
        second = await frame_with(theirs, "two")
        upstream.release()
        ended = [await frame_with(one, 'data-state="complete"') for one in (theirs, own)]

    assert "One" in first
    assert words_of(second) == " two"
    # What the one who sent it is shown by the link is a reader's page too.
    for shown in begun + ended:
        assert "formaction" not in shown
        assert "composer" not in shown
        assert str(made.link.conversation_id) not in shown


async def test_who_comes_without_a_session_or_a_link_is_not_let_in(
    service: Service, ben: User, made: NewLink
) -> None:
    async with socket_by(made.token, None) as stranger:
        assert await answer_to(stranger) == NOT_SIGNED_IN
    async with socket_by("never-was", ben) as wrong:
        assert await answer_to(wrong) == NOT_FOUND
    await sync_to_async(sharing.end)(made.link)
    async with socket_by(made.token, ben) as late:
        assert await answer_to(late) == NOT_FOUND


async def test_a_link_that_is_ended_closes_at_once_what_is_open_by_it_and_nothing_else(
    service: Service, ana: User, ben: User, made: NewLink
) -> None:
    conversation = made.link.conversation
    await sync_to_async(make_turn)(conversation)
    other = await sync_to_async(sharing.share)(conversation, by=ana, lasts=timedelta(days=1))
    async with socket_by(made.token, ben) as theirs, socket_by(other.token, ben) as by_other:
        for socket in (theirs, by_other):
            await socket.connect()
            await frame_with(socket, "An answer")

        await sync_to_async(service.end_share)(made.link)

        assert await code_at_the_end(theirs) == NOT_FOUND
        assert await by_other.receive_nothing(0.5)


async def test_in_another_process_it_closes_as_soon_as_that_hears_of_it(
    wire: None, service: Service, elsewhere: Service, ben: User, made: NewLink
) -> None:
    await sync_to_async(make_turn)(made.link.conversation)
    shown = asyncio.Event()

    async def show(frame: str) -> None:
        shown.set()

    eyes = Eyes(user_id=ben.pk, language="en", share=made.token)
    viewer = Viewer(elsewhere, made.link.conversation_id, eyes=eyes, revision=0, send=show)
    reading = asyncio.create_task(viewer.run())
    await asyncio.wait_for(shown.wait(), 5)

    await sync_to_async(service.end_share)(made.link)

    with pytest.raises(Gone):
        await asyncio.wait_for(reading, 5)


ENDS: dict[str, Callable[[ShareLink, User], object]] = {
    # By another process, whose hint was lost.
    "revoked": lambda link, _ben: sharing.end(link),
    "expired": lambda link, _ben: ShareLink.objects.update(
        created_at=timezone.now() - timedelta(days=2), expires_at=timezone.now()
    ),
    "deleted": lambda link, _ben: conversations.delete(link.conversation),
    "owner switched off": lambda link, _ben: accounts.switch_off(user=link.created_by),
    "owner erased": lambda link, _ben: accounts.erase(user=link.created_by),
    "reader switched off": lambda _link, ben: accounts.switch_off(user=ben),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
async def test_whatever_ends_a_link_is_found_while_text_comes(
    ask: Ask,
    service: Service,
    lookout: Lookout,
    ben: User,
    made: NewLink,
    upstream: Upstream,
    end: Callable[[ShareLink, User], object],
) -> None:
    upstream.holds_after(1, "One", " two")
    await ask(made.link.conversation)
    await has_looked(service, lookout, made)
    async with socket_by(made.token, ben) as socket:
        await socket.connect()
        await frame_with(socket, "One")

        await sync_to_async(end)(made.link, ben)
        await lookout.look()

        assert await code_at_the_end(socket) in (NOT_FOUND, NOT_SIGNED_IN)
    upstream.release()


@pytest.mark.parametrize("end", [ENDS["revoked"], ENDS["expired"]], ids=["revoked", "expired"])
async def test_a_page_that_is_streamed_without_script_ends_with_the_link_too(
    ask: Ask,
    service: Service,
    lookout: Lookout,
    ben: User,
    made: NewLink,
    upstream: Upstream,
    end: Callable[[ShareLink, User], object],
) -> None:
    upstream.holds_after(1, "One", " two")
    turn = await ask(made.link.conversation)
    await has_looked(service, lookout, made)
    reader = Reader(ben.pk, "", made.token)
    page = texts(service, made.link.conversation_id, turn.reply.pk, reader)
    assert await anext(page) == "One"

    await sync_to_async(end)(made.link, ben)
    await lookout.look()

    async with asyncio.timeout(5):
        assert [text async for text in page] == []
    upstream.release()
