"""Everything that runs replies in this process, put together, started and ended in one place."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from chat.completions.answer import Answer
from chat.completions.client import CompletionClient
from chat.completions.request import CompletionRequest
from chat.domain import conversations, ledger, replies, turns
from chat.domain.turns import Turn
from chat.generation.demonstration import DemonstrationModel
from chat.generation.hub import Hub
from chat.generation.journal import Journal
from chat.generation.ownership import AlreadyServed, Ownership
from chat.generation.pool import DatabasePool
from chat.generation.run import Run
from chat.generation.supervisor import Supervisor
from chat.models import Conversation, Message, User
from chat.queries import people, revisions

logger = logging.getLogger(__name__)

# How often rights and changes that nobody announced are looked for, two queries for all viewers.
LOOK_SECONDS = 2.0
PURGE_SECONDS = 3600.0
SWEEP_SECONDS = 15.0
CLOSING_SECONDS = 3.0
# A reply that was reserved so recently may be on its way to the supervisor.
JUST_RESERVED = timedelta(seconds=5)


class NotServing(Exception):
    """This process does not run replies, or does not do so yet."""


class Service:
    """One per process. `hub` and `supervisor` are there once `start` is done."""

    hub: Hub
    supervisor: Supervisor
    # For replies and regular tasks; what is rendered for readers has threads of its own, so that no
    # number of readers delays a reply.
    pool: DatabasePool
    readers: DatabasePool

    def __init__(
        self,
        demonstration: DemonstrationModel | None = None,
        ownership: Ownership | None = None,
    ) -> None:
        self.demonstration = demonstration
        self._ownership = ownership
        self._tasks: list[asyncio.Task[None]] = []
        self._sockets: Counter[int] = Counter()
        self._stop_draining: asyncio.Event | None = None

    async def start(self) -> None:
        claim = uuid.uuid4()
        self._loop = asyncio.get_running_loop()
        self._stop_draining = asyncio.Event()
        self._client = self._make_client()
        self.pool, self.readers = DatabasePool("replies"), DatabasePool("readers")
        self.hub = Hub()
        self._journal = Journal(hub=self.hub, claim=claim, lose=self._lose)

        def make_run(reply_id: int, conversation_id: uuid.UUID) -> Run:
            return Run(
                reply_id,
                conversation_id,
                claim=claim,
                ask=self._ask,
                journal=self._journal,
                hub=self.hub,
                pool=self.pool,
            )

        self.supervisor = Supervisor(make_run=make_run)
        await self._sweep(older_than=timedelta(0))
        self._own(self._journal.run())
        self._own(self._look_around())
        self._own(self._sweep_now_and_then())
        self._own(self._purge())
        if self.demonstration is not None:
            self._own(self.demonstration.watch())
        _set_current(self)

    async def drain(self) -> None:
        """Let running replies end, for a while; save and mark the rest. Pages go on meanwhile."""
        if current_or_none() is not self or self._stop_draining is None:
            return
        draining = asyncio.create_task(self.supervisor.drain(settings.DRAIN_SECONDS))
        hurry = asyncio.create_task(self._stop_draining.wait())
        await asyncio.wait((draining, hurry), return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        self.supervisor.interrupt_all()
        await draining
        await self._close()

    def stop_now(self) -> None:
        """A second signal: do not wait for replies any more."""
        if self._stop_draining is not None:
            self._stop_draining.set()
            self.supervisor.interrupt_all()

    # Deeds, from any thread: the transaction, and what has to happen in this process with it

    def send(
        self, *, conversation: Conversation, author: User, text: str, send_key: uuid.UUID
    ) -> Turn:
        """Begin a turn and run its reply. Raises NotAccepting and TurnRefused: nothing changed."""
        with self.supervisor.place(author.pk) as start:
            turn = turns.begin(
                conversation=conversation, author=author, text=text, send_key=send_key
            )
            if turn.is_new:
                start(turn.reply)
        self.announce(turn.conversation.pk)
        return turn

    def try_again(self, *, conversation: Conversation, reply: Message, author: User) -> Turn:
        """Run another reply to the same prompt. Raises as `send` does."""
        with self.supervisor.place(author.pk) as start:
            turn = turns.try_again(conversation=conversation, reply=reply, author=author)
            start(turn.reply)
        self.announce(conversation.pk)
        return turn

    def stop(self, reply: Message) -> None:
        """Stop a reply. The mark is committed first: the next send is free from then on."""
        turns.request_stop(reply)
        self.supervisor.stop(reply.pk)
        self.announce(reply.conversation_id)

    def show_branch(self, conversation: Conversation, *, through: Message) -> None:
        conversations.show_branch(conversation, through=through)
        self.announce(conversation.pk)

    def delete(self, conversation: Conversation) -> None:
        for reply_id in conversations.delete(conversation):
            self.supervisor.stop(reply_id)
        self.announce(conversation.pk)

    @contextlib.contextmanager
    def socket_of(self, user_id: int) -> Iterator[bool]:
        """Whether this person may have one more socket open; on the loop, for as long as it is."""
        self._sockets[user_id] += 1
        try:
            yield self._sockets[user_id] <= settings.MAX_SOCKETS_PER_USER
        finally:
            self._sockets[user_id] -= 1
            # Nobody is remembered who has none.
            self._sockets += Counter()

    def announce(self, conversation_id: uuid.UUID) -> None:
        """From any thread: viewers of this conversation have something to read."""
        self._loop.call_soon_threadsafe(self.hub.changed, conversation_id)

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        # One of them may be held up by a database that does not answer.
        await asyncio.wait(self._tasks, timeout=CLOSING_SECONDS)
        await self._client.aclose()
        if self.demonstration is not None:
            await asyncio.to_thread(self.demonstration.stop)

    def _make_client(self) -> CompletionClient:
        if self.demonstration is not None:
            return CompletionClient(self.demonstration.base_url, self.demonstration.key)
        return CompletionClient(settings.EVOLINK_BASE_URL, settings.EVOLINK_API_KEY)

    @contextlib.asynccontextmanager
    async def _ask(self, request: CompletionRequest) -> AsyncIterator[Answer]:
        """One attempt; whoever asks a demonstration model that is still starting waits for it."""
        if self.demonstration is not None:
            await self.demonstration.settled()
        async with self._client.stream(request) as answer:
            yield answer

    def _own(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(_end_with_it)
        self._tasks.append(task)

    def _lose(self, reply_id: int) -> None:
        self.supervisor.lose(reply_id)

    async def _sweep(self, *, older_than: timedelta) -> None:
        """Seal what nobody runs. This process owns the database, so that is whatever runs in it
        and is none of its own."""
        before, attended = timezone.now() - older_than, self.supervisor.attended()
        left = await self.pool.run(replies.unattended, attended=attended, before=before)
        for reply in left:
            await self._abandon(reply)
        if forgotten := await self.pool.run(ledger.close_forgotten):
            logger.error("%d rows of the ledger were open although no reply runs", forgotten)

    async def _abandon(self, reply: Message) -> None:
        try:
            await self.pool.run(replies.abandon, reply.pk)
        except Exception:
            # The others are not to wait for this one.
            logger.exception("Reply %s was left running and cannot be sealed", reply.pk)
            return
        self.hub.changed(reply.conversation_id)
        logger.warning("Reply %s was left running and is interrupted now", reply.pk)

    async def _sweep_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                if self._ownership is not None:
                    await self.pool.run(self._ownership.confirm)
                await self._sweep(older_than=JUST_RESERVED)
            except AlreadyServed:
                # Whatever runs here, the other process has taken for dead.
                raise
            except Exception:
                logger.warning("Replies that nobody runs could not be looked for", exc_info=True)

    async def _look_around(self) -> None:
        """Tell viewers what nobody told them: changes by other programs, and rights that ended."""
        seen: dict[uuid.UUID, int] = {}
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            watched = self.hub.watched()
            if not watched:
                continue
            try:
                now = await self.pool.run(revisions.of_conversations, watched)
                # Only these are judged: whoever comes in meanwhile was not asked about.
                sessions = self.hub.sessions()
                current = await self.pool.run(people.current_sessions, sessions)
            except Exception:
                logger.warning("Changes could not be looked for", exc_info=True)
                continue
            for session_key in sessions - current:
                self.hub.end(session_key)
            for conversation_id in watched:
                # One that is gone is none that has not changed, even if it was never seen.
                if conversation_id not in now or seen.get(conversation_id) != now[conversation_id]:
                    self.hub.changed(conversation_id)
            seen = now

    async def _purge(self) -> None:
        while True:
            try:
                await self.pool.run(conversations.purge)
            except Exception:
                logger.warning("Deleted conversations could not be purged", exc_info=True)
            await asyncio.sleep(PURGE_SECONDS)


def _end_with_it(task: asyncio.Task[None]) -> None:
    """Without one of its tasks a process would look alive and do nothing: let it be restarted."""
    if not task.cancelled() and (error := task.exception()):
        logger.critical("A task that has to run died; evoweb ends", exc_info=error)
        signal.raise_signal(signal.SIGTERM)


_current: Service | None = None


def current() -> Service:
    """The service of this process. Raises NotServing."""
    if _current is None:
        raise NotServing
    return _current


def current_or_none() -> Service | None:
    return _current


def is_ready() -> bool:
    return _current is not None and not _current.supervisor.is_draining


def _set_current(service: Service | None) -> None:
    global _current  # noqa: PLW0603 (one per process is what it is)
    _current = service
