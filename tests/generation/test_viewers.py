"""What a viewer is shown: at every moment a prefix of the upstream's text, whenever it came,
however slowly it reads, and whatever else happens; and nothing once it may not see it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chat.domain import conversations, processes, replies, revisions
from chat.domain.ledger import Receipt
from chat.domain.replies import Outcome
from chat.enums import MessageState
from chat.generation import updates
from chat.generation.canvas import SLICE
from chat.generation.copies import Copies
from chat.generation.hub import Piece, Watch
from chat.generation.service import Service
from chat.generation.updates import Begun, Eyes, Gone
from chat.generation.viewer import Viewer
from chat.models import Conversation, JournalPiece, Message, User
from chat.queries import thread
from chat.templatetags.chat import live_markdown
from tests.factories import begin_turn, make_conversation, make_turn
from tests.generation.conftest import Ask, sealed
from tests.screen import Screen
from tests.upstream.process import Upstream

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 15.0


@pytest.fixture
def unhelped(unhelped: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does anybody follow in the journal what is done here by hand."""
    monkeypatch.setattr(Copies, "follow", lambda *_: None)


@dataclass
class Tab:
    """A page that was loaded, and the viewer at its socket."""

    screen: Screen
    task: asyncio.Task[None]

    async def shows(self, key: int, text: str) -> None:
        await self.until(lambda: self.screen.texts.get(key) == text)

    async def shows_at_least(self, key: int, text: str) -> None:
        await self.until(lambda: self.screen.texts.get(key, "").startswith(text))

    async def shows_as(self, key: int, state: MessageState) -> None:
        await self.until(lambda: self.screen.states.get(key) == state)

    async def has_looked(self, service: Service, conversation: Conversation) -> None:
        """Every look is over, and there is nothing new."""
        watches = service.hub._watches[conversation.pk]
        await self.until(lambda: bool(watches) and not any(one.has_changes for one in watches))

    async def until(self, is_so: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while not is_so():
            if self.task.done():
                self.task.result()
            assert loop.time() < deadline, f"the tab shows only {self.screen}"
            await asyncio.sleep(0.002)


def load(conversation_id: uuid.UUID) -> tuple[int, Screen]:
    """The page as it stands: its revision, read before its messages, and what it shows."""
    conversation = Conversation.objects.get(pk=conversation_id)
    screen = Screen()
    for entry in thread.entries(conversation):
        screen.put(entry.message.pk, live_markdown(entry.message.text))
        screen.states[entry.message.pk] = entry.message.state
    return conversation.revision, screen


@asynccontextmanager
async def watching(service: Service, conversation: Conversation) -> AsyncIterator[Tab]:
    """A tab that loads the page now and then opens its socket."""
    tab = await open_tab(service, conversation)
    try:
        yield tab
    finally:
        await close_tab(tab)


async def open_tab(
    service: Service, conversation: Conversation, *, since: int | None = None
) -> Tab:
    """With `since` one that has a page of that revision, and shows nothing of what came then."""
    revision, screen = await sync_to_async(load)(conversation.pk)
    if since is not None:
        revision, screen = since, Screen()
    screen.reads.set()
    viewer = Viewer(
        service,
        conversation.pk,
        eyes=Eyes(user_id=conversation.owner_id, language="en"),
        revision=revision,
        send=screen.send,
    )
    return Tab(screen, asyncio.create_task(viewer.run()))


async def close_tab(tab: Tab) -> None:
    tab.task.cancel()
    await asyncio.gather(tab.task, return_exceptions=True)


# Any order of events


class ByHand:
    """Does to one reply, a step at a time, what a run and the journal do to it."""

    def __init__(self, service: Service, reply: Message, pieces: list[str], rest: str) -> None:
        self.reply_id = reply.pk
        self.text = "".join(pieces) + rest
        self.published = ""
        self.is_open = False
        self.is_closed = False
        self._hub = service.hub
        self._conversation_id = reply.conversation_id
        self._completion_id = 0
        self._steps: list[Callable[[], Awaitable[None]]] = [self._start, self._open]
        for number, text in enumerate(pieces):
            self._steps.append(self._commit(number, text))
            self._steps.append(self._publish(number, text))
        self._steps += [self._finish, self._close]

    @property
    def is_over(self) -> bool:
        return not self._steps

    async def step(self) -> None:
        if self._steps:
            await self._steps.pop(0)()

    async def _start(self) -> None:
        self._claim = await sync_to_async(processes.join)("by hand")
        work = await sync_to_async(replies.start)(self.reply_id, self._claim)
        assert work is not None
        self._completion_id = work.completion_id

    async def _open(self) -> None:
        self._hub.open(self.reply_id, self._conversation_id)
        self.is_open = True

    def _commit(self, number: int, text: str) -> Callable[[], Awaitable[None]]:
        async def commit() -> None:
            piece = JournalPiece(message_id=self.reply_id, number=number, text=text)
            standing = await sync_to_async(replies.write_pieces)([piece], claim=self._claim)
            assert not standing.lost

        return commit

    def _publish(self, number: int, text: str) -> Callable[[], Awaitable[None]]:
        async def publish() -> None:
            assert self._hub.publish(self.reply_id, number, Piece(text, ""))
            self.published += text

        return publish

    async def _finish(self) -> None:
        outcome = Outcome(state=MessageState.COMPLETE, text=self.text, reasoning="")
        assert await sync_to_async(replies.finish)(
            reply_id=self.reply_id,
            claim=self._claim,
            completion_id=self._completion_id,
            outcome=outcome,
            receipt=Receipt(http_status=200),
        )

    async def _close(self) -> None:
        self._hub.close(self.reply_id)
        self.is_closed = True


ACTIONS = (
    "go on",
    "go on",
    "go on",
    "open a tab",
    "look",
    "rename",
    "beside",
    "hold",
    "read",
    "yield",
)


@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    rest=st.integers(0, 10),
    actions=st.lists(st.sampled_from(ACTIONS), max_size=24),
)
@example(  # The page has the first text already; what follows must still come.
    sizes=[3, 3],
    rest=0,
    actions=["go on"] * 4 + ["open a tab", "look", "go on", "go on", "look"],
)
@example(  # The page came, and was looked after, before there was anything to follow.
    sizes=[1], rest=0, actions=["open a tab", *["go on"] * 4, "look"]
)
@example(  # Sealed between what the hub has and what the database says.
    sizes=[3, 3], rest=4, actions=["go on"] * 7 + ["open a tab", "yield", "go on", "look"]
)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_whatever_happens_a_tab_shows_a_prefix_and_in_the_end_everything(
    unhelped: None, service: Service, ana: User, sizes: list[int], rest: int, actions: list[str]
) -> None:
    conversation = await sync_to_async(make_conversation)(ana)
    turn = await sync_to_async(begin_turn)(conversation)
    letters = "".join(chr(ord("a") + number % 26) for number in range(sum(sizes) + rest))
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    pieces = [letters[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    run = ByHand(service, turn.reply, pieces, letters[ends[-1] :])
    tabs: list[Tab] = []

    async def do(action: str) -> None:
        match action:
            case "go on":
                await run.step()
            case "open a tab" if len(tabs) < 3:
                tabs.append(await open_tab(service, conversation))
            case "rename":
                await sync_to_async(conversations.rename)(conversation, title="Other")
                service.announce(conversation.pk)
            case "beside":
                await sync_to_async(change)(turn.prompt)
                service.announce(conversation.pk)
            case "hold":
                for tab in tabs[:1]:
                    tab.screen.reads.clear()
            case "read":
                for tab in tabs:
                    tab.screen.reads.set()
            case "yield":
                await asyncio.sleep(0)
            case "look" if run.published and not run.is_closed:
                for tab in tabs:
                    if tab.screen.reads.is_set():
                        await tab.shows_at_least(run.reply_id, run.published)

    try:
        for action in [*actions, "read"]:
            await do(action)
        if not tabs:
            await do("open a tab")
        while not run.is_over:
            await do("go on")
        for tab in tabs:
            await tab.shows_as(run.reply_id, MessageState.COMPLETE)
            assert tab.screen.texts[run.reply_id] == run.text
            shown = tab.screen.past.get(run.reply_id, [])
            assert [text for text in shown if not run.text.startswith(text)] == []
    finally:
        for tab in tabs:
            await close_tab(tab)


# Stories with a real upstream


async def test_two_tabs_one_early_and_one_late_show_the_same(
    unhelped: None, ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(2, "One", " <two>", " three")
    async with watching(service, conversation) as early:
        reply = (await ask(conversation)).reply
        await early.shows(reply.pk, "One <two>")
        async with watching(service, conversation) as late:
            await late.shows(reply.pk, "One <two>")

            upstream.release(1)

            await early.shows(reply.pk, "One <two> three")
            await late.shows(reply.pk, "One <two> three")
            upstream.release()
            await sealed(reply)
            await late.shows_as(reply.pk, MessageState.COMPLETE)
            await early.shows_as(reply.pk, MessageState.COMPLETE)

    assert early.screen.said == late.screen.said == ["Answer started", "Answer finished"]


async def test_a_text_that_a_page_has_is_not_sent_again_at_its_end(
    unhelped: None, ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(2, "Once", " *more*", " again")
    async with watching(service, conversation) as early:
        reply = (await ask(conversation)).reply
        await early.shows(reply.pk, "Once more")
        upstream.release(1)
        await early.shows(reply.pk, "Once more again")
        shown = len(early.screen.frames)

        upstream.release()
        await early.shows_as(reply.pk, MessageState.COMPLETE)

    at_the_end = "".join(early.screen.frames[shown:])
    assert "Once" not in at_the_end
    assert early.screen.texts[reply.pk] == "Once more again"


async def test_an_end_that_came_before_anybody_looked_is_told_of_once(
    unhelped: None, ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says("At once")
    reply = (await ask(conversation)).reply
    await sealed(reply)
    tab = await open_tab(service, conversation, since=0)
    try:
        await tab.shows_as(reply.pk, MessageState.COMPLETE)
        # Its figures come later, as they do where a stopped answer is read on.
        await sync_to_async(revisions.touch)(conversation.pk, [reply.pk])
        tab.screen.states.clear()
        service.announce(conversation.pk)
        await tab.shows_as(reply.pk, MessageState.COMPLETE)
    finally:
        await close_tab(tab)

    assert tab.screen.said == ["Answer finished"]


async def test_a_turn_comes_with_what_changed_before_it_and_nobody_told(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    earlier = await sync_to_async(make_turn)(conversation)
    upstream.says("Now")
    async with watching(service, conversation) as tab:
        await tab.shows(earlier.reply.pk, "An answer")
        await sync_to_async(rewrite)(earlier.reply, "Changed")

        reply = (await ask(conversation)).reply

        await tab.shows(reply.pk, "Now")
        await tab.shows(earlier.reply.pk, "Changed")


async def test_text_that_came_before_its_turn_was_looked_at_follows_it(
    unhelped: None, service: Service, conversation: Conversation
) -> None:
    hub, said = service.hub, Piece("One", "")
    async with watching(service, conversation) as tab:
        await tab.has_looked(service, conversation)
        begun = await sync_to_async(_begun)(conversation)
        reply_id = begun.update.answering
        assert reply_id is not None

        hub.open(reply_id, conversation.pk)
        hub.publish(reply_id, 0, said)
        hub.changed(conversation.pk, begun=begun)

        await tab.shows(reply_id, "One")


def test_a_turn_is_not_all_when_more_changed_before_anybody_looked(
    conversation: Conversation,
) -> None:
    begun, watch = _begun(conversation), Watch("")
    # The first look is a reading.
    watch.has_changes = False

    for changes, handed_over, kept in (
        (True, begun, begun),
        (False, None, begun),
        (True, None, None),
        (True, begun, None),
    ):
        watch.wake(changes=changes, begun=handed_over)
        assert watch.begun is kept


@pytest.mark.parametrize(
    ("eyes", "behind", "unseen", "is_all"),
    [
        ({}, 1, None, True),
        ({}, 2, None, False),
        ({}, 0, None, False),
        ({}, 1, -1, False),
        ({"language": "es"}, 1, None, False),
        ({"zone": "Asia/Tokyo"}, 1, None, False),
        ({"user_id": 0}, 1, None, False),
    ],
)
def test_a_turn_is_all_for_its_author_whose_page_is_next_to_it(
    conversation: Conversation,
    eyes: dict[str, Any],
    behind: int,
    unseen: int | None,
    is_all: bool,
) -> None:
    begun = _begun(conversation)
    seen_by: dict[str, Any] = {"user_id": conversation.owner_id, "language": "en"} | eyes

    since = begun.update.revision - behind

    assert begun.is_all(Eyes(**seen_by), since=since, unseen=unseen) is is_all


def test_a_begun_turn_is_rendered_as_it_would_be_read(conversation: Conversation) -> None:
    begun = _begun(conversation)

    read = updates.read(
        conversation.pk,
        eyes=Eyes(user_id=conversation.owner_id, language="en"),
        since=begun.update.revision - 1,
        canvas=None,
        unseen=None,
    )

    assert begun.update == read


def _begun(conversation: Conversation) -> Begun:
    return updates.begun(begin_turn(conversation), conversation.owner)


async def test_a_tab_that_does_not_read_gets_the_rest_in_one_piece(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "0;", *(f"{number};" for number in range(1, 50)))
    reply = (await ask(conversation)).reply
    async with watching(service, conversation) as tab:
        await tab.shows(reply.pk, "0;")
        tab.screen.reads.clear()
        upstream.release()
        whole = await sealed(reply)

        tab.screen.reads.set()

        await tab.shows(reply.pk, whole.text)
    assert len(tab.screen.past[reply.pk]) <= 5


async def test_a_tab_that_does_not_read_gets_very_much_in_slices(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream, unhelped: None
) -> None:
    upstream.holds_after(1, "One", "and the end")
    reply = (await ask(conversation)).reply
    async with watching(service, conversation) as tab:
        await tab.shows(reply.pk, "One")
        # The first look gives all that there is then.
        await tab.until(lambda: any("<article" in frame for frame in tab.screen.frames))
        tab.screen.reads.clear()
        for number in range(1, 21):
            service.hub.publish(reply.pk, number, Piece(text="x" * (SLICE // 4), reasoning=""))

        tab.screen.reads.set()

        await tab.shows(reply.pk, "One" + "x" * SLICE * 5)
        lengths = [len(text) for text in tab.screen.past[reply.pk]]
    assert max(after - before for before, after in pairwise(lengths)) <= SLICE
    upstream.release()


async def test_a_tab_that_comes_late_is_never_shown_less_than_its_page_has(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream, unhelped: None
) -> None:
    upstream.holds_after(1, "x" * SLICE, *["y" * (SLICE // 2)] * 6, " and the end")
    reply = (await ask(conversation)).reply
    whole = "x" * SLICE + "y" * SLICE * 3
    async with watching(service, conversation) as early:
        # Piece by piece, so that they are not committed as one.
        for number in range(6):
            await early.shows(reply.pk, whole[: SLICE + number * SLICE // 2])
            upstream.release(1)
        await early.shows(reply.pk, whole)
        async with watching(service, conversation) as late:
            await late.until(lambda: bool(late.screen.past.get(reply.pk)))
            upstream.release()
            await late.shows_as(reply.pk, MessageState.COMPLETE)

    assert [text for text in late.screen.past[reply.pk] if len(text) < len(whole)] == []


async def test_a_change_beside_a_running_reply_does_not_cut_its_text(
    unhelped: None, ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    """The message before it changes: a stopped reply, say, that is sealed late."""
    earlier = await sync_to_async(make_turn)(conversation)
    upstream.holds_after(1, "One", " two")
    reply = (await ask(conversation)).reply
    async with watching(service, conversation) as tab:
        await tab.shows(reply.pk, "One")

        await sync_to_async(change)(earlier.reply)
        service.announce(conversation.pk)
        await tab.until(lambda: earlier.reply.pk in tab.screen.past)
        upstream.release(1)

        await tab.shows(reply.pk, "One two")
        assert not (await Message.objects.aget(pk=reply.pk)).finished_at


@transaction.atomic
def change(message: Message) -> None:
    """Nothing that can be seen: only its revision says that it changed."""
    revisions.touch(message.conversation_id, [message.pk])


@transaction.atomic
def rewrite(message: Message, text: str) -> None:
    change(message)
    Message.objects.filter(pk=message.pk).update(text=text)


async def test_a_tab_that_looks_at_another_answer_comes_back_to_the_running_one(
    unhelped: None,
    ask: Ask,
    service: Service,
    conversation: Conversation,
    upstream: Upstream,
    ana: User,
) -> None:
    first = (await sync_to_async(make_turn)(conversation)).reply
    upstream.holds_after(1, "One", " two", " three")
    await conversation.arefresh_from_db()
    turn = await sync_to_async(service.try_again)(
        conversation=conversation, reply=first, author=ana
    )
    async with watching(service, conversation) as tab:
        await tab.shows(turn.reply.pk, "One")

        await sync_to_async(service.show_branch)(conversation, through=first)
        await tab.until(lambda: turn.reply.pk not in tab.screen.texts)
        upstream.release(1)
        await asyncio.to_thread(upstream.wait_until_held)
        assert tab.screen.texts[first.pk] == "An answer"

        await sync_to_async(service.show_branch)(conversation, through=turn.reply)
        await tab.shows(turn.reply.pk, "One two")
        upstream.release(1)
        await tab.shows(turn.reply.pk, "One two three")


async def test_a_stop_is_seen_in_every_tab(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    reply = (await ask(conversation)).reply
    async with (
        watching(service, conversation) as one,
        watching(service, conversation) as other,
    ):
        await one.shows(reply.pk, "One")

        await sync_to_async(service.stop)(reply)

        for tab in (one, other):
            await tab.shows_as(reply.pk, MessageState.STOPPED)
            assert tab.screen.texts[reply.pk] == "One"


# Rights that end while somebody watches


async def test_a_deleted_conversation_ends_its_viewers(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.holds_after(1, "One", " two")
    reply = (await ask(conversation)).reply
    async with watching(service, conversation) as tab:
        await tab.shows(reply.pk, "One")

        await sync_to_async(service.delete)(conversation)

        with pytest.raises(Gone):
            await asyncio.wait_for(tab.task, 3)


async def test_a_person_who_is_switched_off_elsewhere_is_shown_nothing_more(
    ask: Ask, service: Service, conversation: Conversation, upstream: Upstream, ana: User
) -> None:
    upstream.holds_after(1, "One", " two")
    reply = (await ask(conversation)).reply
    async with watching(service, conversation) as tab:
        await tab.shows(reply.pk, "One")

        await User.objects.filter(pk=ana.pk).aupdate(is_active=False)

        with pytest.raises(Gone):
            await asyncio.wait_for(tab.task, 3)
        upstream.release()
    assert tab.screen.texts[reply.pk] == "One"


async def test_no_text_comes_for_a_reply_that_the_page_shows_no_more(
    ask: Ask, service: Service, conversation: Conversation, ana: User, upstream: Upstream
) -> None:
    first = (await sync_to_async(make_turn)(conversation)).reply
    await conversation.arefresh_from_db()
    upstream.holds_after(0, "One", " two")
    async with watching(service, conversation) as tab:
        second = (
            await sync_to_async(service.try_again)(
                conversation=conversation, reply=first, author=ana
            )
        ).reply
        await tab.shows_as(second.pk, MessageState.WAITING)

        await sync_to_async(service.show_branch)(conversation, through=first)
        await tab.until(lambda: second.pk not in tab.screen.texts)
        await asyncio.to_thread(upstream.wait_until_held)
        upstream.release()
        await sealed(second)
        await sync_to_async(service.show_branch)(conversation, through=second)

        # The screen refuses text for a message that it does not have.
        await tab.shows(second.pk, "One two")


async def test_a_person_whom_nobody_touched_goes_on_watching(
    service: Service, conversation: Conversation
) -> None:
    async with watching(service, conversation) as tab:
        await asyncio.sleep(2.5)

        assert not tab.task.done()


async def test_a_stranger_is_shown_nothing(service: Service, conversation: Conversation) -> None:
    ben = await User.objects.acreate(email="ben@example.org")
    screen = Screen()
    screen.reads.set()
    viewer = Viewer(
        service,
        conversation.pk,
        eyes=Eyes(user_id=ben.pk, language="en"),
        revision=0,
        send=screen.send,
    )

    with pytest.raises(Gone):
        await asyncio.wait_for(viewer.run(), 3)
    assert screen.texts == {}
    assert service.hub.watched() == []
