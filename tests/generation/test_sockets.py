"""The consumer: who is let in at the socket, what the others are told, and that it only shows."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from chat.consumers import NOT_FOUND, NOT_SIGNED_IN, TRY_AGAIN_LATER
from chat.domain import accounts
from chat.enums import MessageState
from chat.generation import service as services
from chat.generation.service import Service
from chat.models import Conversation, Message, User
from chat.queries import people
from evoweb.asgi import application
from tests.factories import make_conversation, make_user
from tests.generation.conftest import Ask, sealed
from tests.tree import words_of
from tests.upstream.process import Upstream

pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN = "http://127.0.0.1:8000"


def session_of(user: User) -> str:
    browser = Client()
    browser.force_login(user)
    return str(browser.cookies[settings.SESSION_COOKIE_NAME].value)


@asynccontextmanager
async def socket_of(
    user: User | None, conversation_id: uuid.UUID, *, query: str = "", origin: str = ORIGIN
) -> AsyncIterator[WebsocketCommunicator]:
    """A browser's socket, whether it is let in or not."""
    async with socket_at(f"/ws/c/{conversation_id}/?{query}", user, origin=origin) as socket:
        yield socket


@asynccontextmanager
async def socket_at(
    address: str, user: User | None, *, origin: str = ORIGIN
) -> AsyncIterator[WebsocketCommunicator]:
    headers = [(b"origin", origin.encode())]
    if user is not None:
        cookie = f"{settings.SESSION_COOKIE_NAME}={await sync_to_async(session_of)(user)}"
        headers.append((b"cookie", cookie.encode()))
    socket = WebsocketCommunicator(application, address, headers)
    try:
        yield socket
    finally:
        await socket.disconnect()


async def answer_to(socket: WebsocketCommunicator) -> int:
    """The code with which a socket that was accepted is closed again."""
    accepted, _ = await socket.connect()
    assert accepted, "a refusal before the acceptance makes browsers knock for ever"
    said = await socket.receive_output(5)
    assert said["type"] == "websocket.close", said
    return int(said["code"])


async def frames_until(socket: WebsocketCommunicator, words: str) -> str:
    """All that comes up to the frame with these words."""
    frames = ""
    while words not in frames:
        frames += await socket.receive_from(5)
    return frames


async def frame_with(socket: WebsocketCommunicator, words: str) -> str:
    """The first frame that has these words."""
    async with asyncio.timeout(5):
        while words not in (frame := str(await socket.receive_from(5))):
            pass
    return frame


async def test_the_owner_is_shown_what_is_written(
    ask: Ask, service: Service, conversation: Conversation, ana: User, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " <two>")
    async with socket_of(ana, conversation.pk) as socket:
        accepted, _ = await socket.connect()
        reply = (await ask(conversation)).reply
        shown = await frames_until(socket, f'<article id="message-{reply.pk}"')
        first = shown if "One" in shown else await frame_with(socket, "One")
        upstream.release(1)
        second = await frame_with(socket, "two")
        upstream.release()
        last = await frame_with(socket, 'data-state="complete"')

    assert accepted
    assert "Answer started" in shown
    assert "One" in first
    assert words_of(second) == " <two>"
    assert "Answer finished" in last


async def test_without_a_session_it_says_so(service: Service, conversation: Conversation) -> None:
    async with socket_of(None, conversation.pk) as socket:
        assert await answer_to(socket) == NOT_SIGNED_IN


async def test_a_stranger_is_told_what_is_told_for_a_missing_id(
    service: Service, conversation: Conversation
) -> None:
    ben = await sync_to_async(make_user)("ben")

    async with socket_of(ben, conversation.pk) as theirs, socket_of(ben, uuid.uuid4()) as missing:
        assert await answer_to(theirs) == await answer_to(missing) == NOT_FOUND


async def test_a_person_who_is_switched_off_is_not_let_in(
    service: Service, conversation: Conversation, ana: User
) -> None:
    async with socket_of(ana, conversation.pk) as socket:
        await User.objects.filter(pk=ana.pk).aupdate(is_active=False)

        assert await answer_to(socket) == NOT_SIGNED_IN


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
async def test_a_page_of_another_site_is_not_let_in(
    service: Service, conversation: Conversation, ana: User, origin: str
) -> None:
    async with socket_of(ana, conversation.pk, origin=origin) as socket:
        accepted, _ = await socket.connect()

    assert not accepted


async def test_an_address_that_does_not_exist_is_answered_for_good() -> None:
    socket = WebsocketCommunicator(application, "/ws/nothing/", [(b"origin", ORIGIN.encode())])

    assert await answer_to(socket) == NOT_FOUND


@pytest.mark.parametrize(
    "end",
    [
        lambda user: Session.objects.all().delete(),
        lambda user: Session.objects.update(expire_date=timezone.now()),
        lambda user: accounts.set_password(user=user, password="another long password"),
    ],
    ids=["signed out", "expired", "another password"],
)
async def test_a_session_that_is_over_lets_nobody_in_and_nobody_watch(
    service: Service, conversation: Conversation, ana: User, end: Callable[[User], object]
) -> None:
    async with socket_of(ana, conversation.pk) as open_before:
        await open_before.connect()
        cookie = dict(open_before.scope["headers"])[b"cookie"]

        await sync_to_async(end)(ana)

        said = await open_before.receive_output(5)
        assert (said["type"], said["code"]) == ("websocket.close", NOT_SIGNED_IN)
    headers = [(b"origin", ORIGIN.encode()), (b"cookie", cookie)]
    again = WebsocketCommunicator(application, f"/ws/c/{conversation.pk}/", headers)
    assert await answer_to(again) == NOT_SIGNED_IN


async def test_the_sessions_of_others_end_with_no_password(
    service: Service, conversation: Conversation, ana: User
) -> None:
    ben = await sync_to_async(make_user)("ben")
    async with socket_of(ana, conversation.pk) as socket:
        await socket.connect()

        await sync_to_async(accounts.set_password)(user=ben, password="another long password")

        assert await socket.receive_nothing(3)


async def test_whoever_comes_in_while_sessions_are_looked_up_stays(
    service: Service, conversation: Conversation, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answered = threading.Event(), threading.Event()
    look_up = people.current_sessions

    def slowly(keys: Collection[str]) -> set[str]:
        found = look_up(keys)
        asked.set()
        answered.wait(10)
        return found

    async with socket_of(ana, conversation.pk) as early, socket_of(ana, conversation.pk) as late:
        assert await is_let_in(early)
        monkeypatch.setattr(people, "current_sessions", slowly)
        assert await asyncio.to_thread(asked.wait, 10)
        assert await is_let_in(late)

        answered.set()

        assert await early.receive_nothing(0.5)
        assert await late.receive_nothing(0.5)


async def test_one_person_has_only_so_many_sockets_and_others_theirs(
    service: Service, conversation: Conversation, ana: User, settings: Settings
) -> None:
    settings.MAX_SOCKETS_PER_USER = 2
    ben = await sync_to_async(make_user)("ben")
    bens = await sync_to_async(make_conversation)(ben)

    async with socket_of(ana, conversation.pk) as one, socket_of(ana, conversation.pk) as two:
        assert await is_let_in(one)
        assert await is_let_in(two)
        async with socket_of(ana, conversation.pk) as three, socket_of(ben, bens.pk) as his:
            assert await answer_to(three) == TRY_AGAIN_LATER
            assert await is_let_in(his)
    async with socket_of(ana, conversation.pk) as next_one:
        assert await is_let_in(next_one)


async def is_let_in(socket: WebsocketCommunicator) -> bool:
    accepted, _ = await socket.connect()
    return bool(accepted and await socket.receive_nothing(0.2))


async def test_readers_who_keep_the_database_busy_delay_no_reply(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says("Hello")
    busy = [asyncio.ensure_future(service.readers.run(time.sleep, 3)) for _ in range(8)]
    await asyncio.sleep(0)

    reply = await sealed((await ask(conversation)).reply, seconds=2.5)

    assert reply.state == MessageState.COMPLETE
    await asyncio.gather(*busy)


async def test_before_the_service_is_up_it_says_to_come_back(conversation: Conversation) -> None:
    assert services.current_or_none() is None

    async with socket_of(conversation.owner, conversation.pk) as socket:
        assert await answer_to(socket) == TRY_AGAIN_LATER


async def test_a_conversation_that_is_deleted_closes_its_sockets(
    service: Service, conversation: Conversation, ana: User
) -> None:
    async with socket_of(ana, conversation.pk) as socket:
        await socket.connect()

        await sync_to_async(service.delete)(conversation)

        said = await socket.receive_output(3)
        assert (said["type"], said["code"]) == ("websocket.close", NOT_FOUND)


async def test_a_socket_that_goes_away_leaves_no_watch_and_the_reply_alone(
    ask: Ask, service: Service, conversation: Conversation, ana: User, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    async with socket_of(ana, conversation.pk) as socket:
        await socket.connect()
        reply = (await ask(conversation)).reply
        await frame_with(socket, "One")

    await _until(lambda: service.hub.watched() == [])
    upstream.release()
    assert (await sealed(reply)).state == MessageState.COMPLETE


async def test_what_a_browser_says_over_the_socket_does_nothing(
    service: Service, conversation: Conversation, ana: User
) -> None:
    async with socket_of(ana, conversation.pk) as socket:
        await socket.connect()
        await socket.send_to(text_data='{"text": "Do something"}')
        await socket.send_to(bytes_data=b"\x00\xff")

        assert await socket.receive_nothing(0.1)
    assert not await Message.objects.aexists()


async def test_a_browser_may_ask_whether_the_line_still_stands(
    service: Service, conversation: Conversation, ana: User
) -> None:
    async with socket_of(ana, conversation.pk) as socket:
        await socket.connect()
        await socket.send_to(text_data="ping")

        assert await socket.receive_from(5) == "pong"


@pytest.mark.parametrize(
    "query", ["since=-1", "since=x", f"since={'9' * 400}", "since=%00", "language=xx", "%ff=%ff"]
)
async def test_a_query_that_makes_no_sense_is_read_as_none(
    ask: Ask, service: Service, conversation: Conversation, ana: User, query: str
) -> None:
    await sealed((await ask(conversation)).reply)

    async with socket_of(ana, conversation.pk, query=query) as socket:
        await socket.connect()
        frame = await socket.receive_from(5)

    # All of it, because nothing of it is known to be on the page.
    assert frame.count("<article") == 2
    assert "aria-labelledby" in frame


@pytest.mark.parametrize(("language", "words"), [("en", "Answer started"), ("es", "Respuesta")])
async def test_a_socket_speaks_the_language_of_its_page(
    ask: Ask,
    service: Service,
    conversation: Conversation,
    ana: User,
    upstream: Upstream,
    language: str,
    words: str,
) -> None:
    upstream.holds_after(1, "One", " two")
    await ask(conversation)

    async with socket_of(ana, conversation.pk, query=f"language={language}") as socket:
        await socket.connect()
        status = await frame_with(socket, 'id="status"')

    assert words in status


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 (the hub sets no event for it)
            await asyncio.sleep(0.005)
