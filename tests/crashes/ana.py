"""Ana, with one tab. What she did and what the tab showed is in the diary, so that after a crash
she goes on with the same tab and sends the same forms again."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import connections

from chat.domain import queued
from chat.domain.queued import QueueMoved
from chat.domain.revisions import ConversationGone
from chat.domain.turns import AlreadyQueued, Turn
from chat.enums import RUNNING_STATES, MessageState, TitleFrom
from chat.generation.service import Service
from chat.generation.updates import Eyes, Gone
from chat.generation.viewer import Viewer
from chat.models import Completion, Conversation, Message, QueuedMessage, User
from chat.queries.snapshot import snapshot
from chat.views.refusals import REFUSALS
from tests.crashes import diary as diaries
from tests.crashes.diary import Diary, Entry
from tests.crashes.events import Meter, die
from tests.screen import Screen
from tests.upstream.process import Upstream

T = TypeVar("T")

PATIENCE = 20.0
REFUSED: tuple[type[Exception], ...] = (*REFUSALS, ObjectDoesNotExist)
_FORMS = uuid.UUID("6f1f5d5c-6a05-4c0e-9d8f-0f6a0c6ad001")


def key_of(text: str) -> uuid.UUID:
    """The send key of a form: here each text is a form of its own."""
    return uuid.uuid5(_FORMS, text)


class Ana:
    def __init__(self, service: Service, *, diary: Diary, meter: Meter) -> None:
        self._service = service
        self._diary = diary
        self._meter = meter
        self._conversation_id: uuid.UUID | None = None
        self._reply_id = 0
        self._screen = Screen()
        self._tab: asyncio.Task[None] | None = None
        self.has_sent: list[str] = []

    def remembers(self, past: Path) -> None:
        """And opens the tab again that was open."""
        for entry in diaries.read(past):
            self._remember(entry)
        if self._conversation_id is not None:
            self._look_at(self._conversation_id)

    def _remember(self, entry: Entry) -> None:
        match entry.what, entry.words:
            case "asks", "send":
                self._note_sent(entry.text)
            case "did", "send" | "try_again" | "go_on":
                self._come_to(uuid.UUID(entry.conversation))
                self._reply_id = entry.reply
            case "did", "delete" | "leave":
                self._leave()
            case "frame", frame if entry.conversation == str(self._conversation_id):
                self._screen.take(frame)

    # What she does: the deeds of the views, each in the thread of a request

    async def sends(self, text: str) -> None:
        """The same text again is the same form again, as a browser sends it that heard nothing."""
        await self._sends(text, self._send)

    async def edits(self, text: str) -> None:
        """Says this instead of what the shown reply answers."""
        await self._sends(text, self._edit)

    async def queues(self, text: str) -> None:
        """Sends it while a reply runs."""
        self._note_sent(text)
        await self._does("queue", lambda: self._queue(text), text=text)

    async def _sends(self, text: str, send: Callable[[str], None]) -> None:
        self._note_sent(text)
        if await self._does("send", lambda: send(text), text=text):
            self._look_at(self._turn.conversation.pk)

    async def tries_again(self) -> None:
        await self._does("try_again", self._try_again)

    async def has_it_go_on(self) -> None:
        await self._does("go_on", self._go_on)

    async def stops(self) -> None:
        await self._does("stop", self._stop)

    async def deletes(self) -> None:
        """And is led to the page of a new conversation."""
        if await self._does("delete", self._delete):
            self._leave()

    async def leaves(self) -> None:
        """For the page of a new conversation, whatever runs in this one."""
        self._diary.write(Entry(what="did", words="leave"))
        self._leave()

    async def is_killed_here(self) -> None:
        die()

    async def _does(self, deed: str, act: Callable[[], None], *, text: str = "") -> bool:
        self._diary.write(Entry(what="asks", words=deed, text=text, reply=self._reply_id))
        try:
            await _in_request(act)
        except REFUSED as refusal:
            why = type(refusal).__name__
            self._diary.write(Entry(what="refused", words=deed, text=f"{text} {why}"))
            if isinstance(refusal, ConversationGone | ObjectDoesNotExist):
                self._leave()
            return False
        self._meter.happens(f"after the answer to {deed}")
        return True

    def _edit(self, text: str) -> None:
        _conversation, head = self._conversation_and_head()
        self._send(text, instead_of=head.parent)

    def _send(self, text: str, *, instead_of: Message | None = None) -> None:
        new = Conversation(owner=User.objects.get(), model=settings.MODELS[0])
        try:
            self._turn = self._service.send(
                conversation=self._conversation() if self._conversation_id else new,
                author=new.owner,
                text=text,
                send_key=key_of(text),
                instead_of=instead_of,
            )
        except AlreadyQueued:
            self._turn = self._send_from_the_queue(text)
        self._did_begin("send", self._turn)

    def _queue(self, text: str) -> None:
        conversation = self._conversation()
        queued.add(
            conversation=conversation,
            author=conversation.owner,
            text=text,
            send_key=key_of(text),
        )
        self._diary.write(Entry(what="did", words="queue", text=text))
        self._service.announce(conversation.pk)
        self._service.send_next(conversation.pk)

    def _send_from_the_queue(self, text: str) -> Turn:
        """By its button. Raises QueueMoved where it was sent by itself in this moment."""
        rows = QueuedMessage.objects.select_related("conversation", "author")
        if (message := rows.filter(send_key=key_of(text)).first()) is None:
            raise QueueMoved
        return self._service.send_queued(message)

    def _try_again(self) -> None:
        conversation, head = self._conversation_and_head()
        turn = self._service.try_again(
            conversation=conversation, reply=head, author=conversation.owner
        )
        self._did_begin("try_again", turn)

    def _go_on(self) -> None:
        conversation, head = self._conversation_and_head()
        turn = self._service.go_on(conversation=conversation, reply=head, author=conversation.owner)
        self._did_begin("go_on", turn)

    def _conversation_and_head(self) -> tuple[Conversation, Message]:
        conversation = self._conversation()
        return conversation, conversation.messages.get(pk=conversation.head_id or 0)

    def _stop(self) -> None:
        reply = self._conversation().messages.get(pk=self._reply_id)
        self._service.stop(reply)
        self._diary.write(Entry(what="did", words="stop", reply=reply.pk))

    def _delete(self) -> None:
        self._service.delete(self._conversation())
        self._diary.write(Entry(what="did", words="delete"))

    def _did_begin(self, deed: str, turn: Turn) -> None:
        self._reply_id = turn.reply.pk
        self._diary.write(
            Entry(
                what="did",
                words=deed,
                text=turn.prompt.text,
                conversation=str(turn.conversation.pk),
                reply=turn.reply.pk,
            )
        )

    def _conversation(self) -> Conversation:
        if self._conversation_id is None:
            raise Conversation.DoesNotExist
        return Conversation.objects.open_to(User.objects.get()).get(pk=self._conversation_id)

    def _note_sent(self, text: str) -> None:
        if text not in self.has_sent:
            self.has_sent.append(text)

    # What she waits for

    async def sees(self, text: str) -> None:
        await self._until(lambda: self._screen.texts.get(self._reply_id, "").startswith(text), text)

    async def sees_the_end(self) -> None:
        """Until her tab shows it, nothing runs in conversations that it does not show, and nothing
        waits any more that has its time."""
        async with asyncio.timeout(PATIENCE):
            while await _in_request(_something_is_to_come):  # noqa: ASYNC110 (it is in the database)
                await asyncio.sleep(0.01)
        with contextlib.suppress(ObjectDoesNotExist):
            head = (await _in_request(self._conversation)).head_id
            await self._until(lambda: self._shows_as_ended(head), f"the end of {head}")

    async def sees_the_end_within(self, seconds: float) -> None:
        """Or does not."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.sees_the_end()

    async def waits_until_upstream_is_asked(self) -> None:
        with contextlib.closing(Upstream(settings.EVOLINK_BASE_URL)) as upstream:
            await asyncio.to_thread(upstream.wait_for_requests)
        self._meter.happens("when the upstream has the request")

    async def waits_until_all_is_counted(self) -> None:
        """Also what is still read of answers that she stopped."""
        async with asyncio.timeout(PATIENCE):
            while await _in_request(Completion.objects.open().exists):  # noqa: ASYNC110 (as above)
                await asyncio.sleep(0.01)

    async def waits_until_there_is_a_title(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while (await _in_request(self._conversation)).title_from != TitleFrom.MODEL:  # noqa: ASYNC110 (as above)
                await asyncio.sleep(0.01)

    def _shows_as_ended(self, head: int | None) -> bool:
        return self._screen.states.get(head or 0, MessageState.WAITING) not in RUNNING_STATES

    async def _until(self, is_so: Callable[[], bool], what: str) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while not is_so():
            if self._tab is not None and self._tab.done():
                self._tab.result()
            assert loop.time() < deadline, f"not seen: {what}; the tab shows {self._screen}"
            await asyncio.sleep(0.002)

    # Her tab

    def _look_at(self, conversation_id: uuid.UUID) -> None:
        self._come_to(conversation_id)
        if self._tab is None:
            self._tab = asyncio.create_task(self._watch(conversation_id))

    def _come_to(self, conversation_id: uuid.UUID) -> None:
        if conversation_id != self._conversation_id:
            self._leave()
            self._conversation_id = conversation_id

    def _leave(self) -> None:
        if self._tab is not None:
            self._tab.cancel()
        self._conversation_id, self._tab, self._screen = None, None, Screen()

    async def _watch(self, conversation_id: uuid.UUID) -> None:
        owner_id = (await _in_request(User.objects.get)).pk
        viewer = Viewer(
            self._service,
            conversation_id,
            eyes=Eyes(user_id=owner_id, language="en"),
            # As an empty page has it: everything comes over the socket, after a restart too.
            revision=0,
            send=functools.partial(self._show, str(conversation_id)),
        )
        with contextlib.suppress(Gone):
            await viewer.run()

    async def _show(self, conversation: str, frame: str) -> None:
        self._diary.write(Entry(what="frame", words=frame, conversation=conversation))
        self._screen.take(frame)
        self._meter.happens("after a frame is sent")


def _something_is_to_come() -> bool:
    # In one moment: what ends makes something due, and what is due runs.
    with snapshot():
        return bool(queued.due()) or Message.objects.running().exists()


async def _in_request(act: Callable[[], T]) -> T:
    """In a thread that is not the loop's, and whose connection goes with the request."""

    def request() -> T:
        try:
            return act()
        finally:
            connections.close_all()

    return await asyncio.to_thread(request)
