"""A reply that one process runs and another shows: by hints if they come, else by the journal."""

from __future__ import annotations

import asyncio
import random

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from pytest_django import Settings

from chat.enums import MessageState
from chat.generation import copies as copying
from chat.generation.hints import TextHint
from chat.generation.service import Service
from chat.models import Conversation, Message
from tests.generation.conftest import Ask, sealed
from tests.generation.test_going_on import go_on
from tests.generation.test_viewers import watching
from tests.upstream.process import Upstream
from tests.waiting import comes_true

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = ["0", *(f" {number}" for number in range(1, 60))]
TEXT = "".join(WORDS)


@pytest.fixture(params=["with hints", "without hints"])
def wire(request: pytest.FixtureRequest, settings: Settings) -> None:
    """Ask for it before the service."""
    memory = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.CHANNEL_LAYERS = memory if request.param == "with hints" else {}
    channel_layers.backends.clear()


@pytest.fixture
def deaf(unhelped: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for it before the service: a process hears nothing of others, and looks when told to."""
    settings.CHANNEL_LAYERS = {}
    channel_layers.backends.clear()
    monkeypatch.setattr(copying, "SILENT_SECONDS", 3600.0)


async def test_a_tab_elsewhere_shows_the_answer_from_its_start_then_live_and_its_end(
    wire: None, ask: Ask, elsewhere: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two", " three")
    reply = (await ask(conversation)).reply
    await asyncio.to_thread(upstream.wait_until_held)

    async with watching(elsewhere, conversation) as tab:
        await tab.shows(reply.pk, "One")
        upstream.release(1)
        await tab.shows(reply.pk, "One two")
        upstream.release()
        await tab.shows_as(reply.pk, MessageState.COMPLETE)

        past = tab.screen.past[reply.pk]
        assert all("One two three".startswith(text) for text in past)
        assert past[-1] == "One two three"


async def test_a_tab_elsewhere_that_came_before_the_first_word_shows_the_answer_live(
    unhelped: None,
    wire: None,
    ask: Ask,
    elsewhere: Service,
    conversation: Conversation,
    upstream: Upstream,
) -> None:
    upstream.holds_after(0, "One", " two")
    reply = (await ask(conversation)).reply
    await asyncio.to_thread(upstream.wait_until_held)

    async with watching(elsewhere, conversation) as tab:
        await comes_true(lambda: elsewhere.hub.live(conversation.pk) is not None)
        upstream.release(1)
        await tab.shows(reply.pk, "One")
        upstream.release()
        await tab.shows_as(reply.pk, MessageState.COMPLETE)


async def test_a_tab_that_was_there_before_the_question_shows_it_and_its_answer(
    wire: None, ask: Ask, elsewhere: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")

    async with watching(elsewhere, conversation) as tab:
        turn = await ask(conversation)
        await tab.shows(turn.prompt.pk, "A question")
        await tab.shows(turn.reply.pk, "One")
        upstream.release()
        await tab.shows_as(turn.reply.pk, MessageState.COMPLETE)
        await tab.until(lambda: tab.screen.said[-1:] == ["Answer finished"])


async def test_what_is_stopped_elsewhere_stops_in_every_tab(
    wire: None,
    ask: Ask,
    service: Service,
    elsewhere: Service,
    conversation: Conversation,
    upstream: Upstream,
) -> None:
    upstream.holds_after(1, "One", " two")
    reply = (await ask(conversation)).reply
    await asyncio.to_thread(upstream.wait_until_held)

    async with watching(service, conversation) as here, watching(elsewhere, conversation) as there:
        await there.shows(reply.pk, "One")
        await sync_to_async(elsewhere.stop)(reply)
        await asyncio.to_thread(upstream.wait_until_client_left)
        await here.shows_as(reply.pk, MessageState.STOPPED)
        await there.shows_as(reply.pk, MessageState.STOPPED)


async def test_a_copy_is_kept_only_while_somebody_watches(
    wire: None, ask: Ask, elsewhere: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    reply = (await ask(conversation)).reply
    await asyncio.to_thread(upstream.wait_until_held)

    async with watching(elsewhere, conversation) as tab:
        await tab.shows(reply.pk, "One")
        await comes_true(lambda: elsewhere.hub.reply(reply.pk) is not None)

    await comes_true(lambda: not elsewhere.hub.reply(reply.pk))
    upstream.release()
    await sealed(reply)


@pytest.mark.parametrize("seed", range(6))
async def test_hints_that_are_lost_doubled_or_in_disorder_change_nothing_of_what_is_shown(
    wire: None,
    ask: Ask,
    elsewhere: Service,
    conversation: Conversation,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    monkeypatch.setattr(copying, "SILENT_SECONDS", 0.2)
    chance, heard, kept = random.Random(seed), elsewhere._copies.heard, list[TextHint]()

    def mangled(hint: TextHint) -> None:
        kept.append(hint)
        for each in chance.choices(kept, k=chance.randint(0, 3)):
            heard(each)

    monkeypatch.setattr(elsewhere._copies, "heard", mangled)
    upstream.says(*WORDS, delay=0.01)

    async with watching(elsewhere, conversation) as tab:
        reply = (await ask(conversation)).reply
        await tab.shows_as(reply.pk, MessageState.COMPLETE)

        shown = tab.screen.past[reply.pk]
        assert all(TEXT.startswith(text) for text in shown)
        assert shown[-1] == TEXT


async def until_pieces(service: Service, reply: Message, count: int, upstream: Upstream) -> None:
    """Let the upstream go on piece by piece, each committed by itself, until so many are there."""
    while (position := service.hub.position(reply.pk) or 0) < count:
        await asyncio.to_thread(upstream.wait_until_held)
        await asyncio.to_thread(upstream.release, 1)
        await comes_true(lambda: (service.hub.position(reply.pk) or 0) > position)  # noqa: B023


async def test_an_answer_that_ended_and_went_on_unheard_is_shown_without_a_gap(
    deaf: None,
    ask: Ask,
    service: Service,
    elsewhere: Service,
    conversation: Conversation,
    upstream: Upstream,
) -> None:
    upstream.holds_after(1, *WORDS)
    reply = (await ask(conversation)).reply
    await until_pieces(service, reply, 4, upstream)

    async with watching(elsewhere, conversation) as tab:
        await comes_true(lambda: elsewhere.hub.reply(reply.pk) is not None)
        await sync_to_async(service.stop)(reply)
        begun = (await sealed(reply)).text
        upstream.holds_after(1, *WORDS[WORDS.index(f" {begun.split()[-1]}") + 1 :])
        await go_on(service, reply)
        await until_pieces(service, reply, 8, upstream)
        elsewhere._copies.look(conversation.pk)
        await tab.shows_at_least(reply.pk, f"{begun} ")
        upstream.release()
        await sealed(reply)

        assert all(TEXT.startswith(text) for text in tab.screen.past[reply.pk])


async def test_a_page_without_script_elsewhere_streams_the_answer(
    wire: None, ask: Ask, elsewhere: Service, conversation: Conversation, upstream: Upstream
) -> None:
    from chat.views.live import Reader, texts  # noqa: PLC0415

    upstream.holds_after(1, "One", " two")
    reply = (await ask(conversation)).reply
    await asyncio.to_thread(upstream.wait_until_held)

    page = texts(elsewhere, conversation.pk, reply.pk, Reader(conversation.owner_id, ""))
    first = await anext(page)
    upstream.release()
    rest = [text async for text in page]

    assert (first, "".join(rest)) == ("One", " two")
