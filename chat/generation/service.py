"""Everything that runs replies in this process, put together, started and ended in one place."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Sequence
from datetime import timedelta

from django.conf import settings

from chat.completions.answer import Answer
from chat.completions.client import CompletionClient
from chat.completions.request import CompletionRequest
from chat.domain import conversations, queued, replies, sharing, thresholds, turns
from chat.domain.budgets import BudgetExceeded
from chat.domain.parameters import Parameters
from chat.domain.queued import QueueMoved
from chat.domain.replies import Standing, StoppedReplyOpen, Work
from chat.domain.revisions import ConversationGone
from chat.domain.turns import Turn
from chat.generation import loading, updates
from chat.generation.canvas import Painter
from chat.generation.chores import chores
from chat.generation.copies import Copies
from chat.generation.demonstration import DemonstrationModel
from chat.generation.hints import Hints, Wire
from chat.generation.hub import Hub, Piece
from chat.generation.journal import Journal
from chat.generation.membership import Membership
from chat.generation.ownership import Ownership
from chat.generation.pool import FAULTS, DatabasePool
from chat.generation.run import Run
from chat.generation.supervisor import NotAccepting, Supervisor
from chat.generation.sweeper import JUST_RESERVED, Sweeper
from chat.generation.titling import Titling
from chat.generation.updates import Begun
from chat.models import Conversation, Message, QueuedMessage, ShareLink, User

logger = logging.getLogger(__name__)

CLOSING_SECONDS = 3.0


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
        self._loop = asyncio.get_running_loop()
        self._stop_draining = asyncio.Event()
        self._client = self._make_client()
        self.pool, self.readers = DatabasePool("replies"), DatabasePool("readers")
        self._painter = Painter(drawn=lambda canvas: self.hub.drawn(canvas))
        self.hub = Hub(paint=self._painter.want)
        self._membership = Membership(pool=self.pool, alone=self._is_alone, judged=self._judged)
        self._journal = Journal(
            claim=lambda: self._membership.claim,
            publish=self._publish,
            heed=self._heed,
            away=self.hub.note_away,
        )
        self.supervisor = Supervisor(
            make_run=self._make_run,
            claim=self._claim_early,
            make_titling=self._make_titling,
            follow_up=self._follow_up,
        )
        self._sweeper = Sweeper(
            membership=self._membership,
            supervisor=self.supervisor,
            pool=self.pool,
            ownership=self._ownership,
            announce=self._tell_all,
            follow_up=self._follow_up,
        )
        self._wire = Wire(hear=self._hear)
        self._copies = Copies(hub=self.hub, pool=self.readers, runs_here=self.supervisor.attends)
        await self._membership.join()
        self._own(self._wire.send())
        self._own(self._wire.receive())
        self._own(self._membership.run())
        self._own(self._journal.run())
        self._own(self._painter.run())
        await self._sweeper.sweep(older_than=self._reserved_long_ago())
        self._own(self._sweeper.run())
        if self.demonstration is not None:
            self._own(self.demonstration.watch())
        metered = self._client if self.demonstration is None else None
        for chore in chores(hub=self.hub, pool=self.pool, metered=metered):
            self._own(chore)
        _set_current(self)

    def _reserved_long_ago(self) -> timedelta:
        """Who is alone knows that what was reserved before the start is on nobody's way."""
        return timedelta(0) if self._is_alone else JUST_RESERVED

    @property
    def _is_alone(self) -> bool:
        return self._ownership is not None and not self._ownership.is_shared

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
        with contextlib.suppress(Exception):
            # Whoever could not say so is missed by the others.
            await asyncio.wait_for(self._membership.leave(), CLOSING_SECONDS)

    def stop_now(self) -> None:
        """A second signal: do not wait for replies any more."""
        if self._stop_draining is not None:
            self._stop_draining.set()
            self.supervisor.interrupt_all()

    # Deeds, from any thread: the transaction, and what has to happen in this process with it

    def send(
        self,
        *,
        conversation: Conversation,
        author: User,
        text: str,
        send_key: uuid.UUID,
        instead_of: Message | None = None,
        pictures: Sequence[uuid.UUID] = (),
        drafted: Collection[uuid.UUID] | None = None,
    ) -> Turn:
        """Begin a turn, at the end or beside an earlier prompt, and run its reply. Raises
        NotAccepting and TurnRefused: nothing changed."""
        return self._run(
            author,
            lambda: turns.begin(
                conversation=conversation,
                author=author,
                text=text,
                send_key=send_key,
                instead_of=instead_of,
                pictures=pictures,
                drafted=drafted,
            ),
            only_adds=instead_of is None,
        )

    def try_again(
        self,
        *,
        conversation: Conversation,
        reply: Message,
        author: User,
        model: str = "",
        parameters: Parameters | None = None,
    ) -> Turn:
        """Run another reply to the same prompt, maybe asked otherwise. Raises as `send` does."""
        return self._run(
            author,
            lambda: turns.try_again(
                conversation=conversation,
                reply=reply,
                author=author,
                model=model,
                parameters=parameters,
            ),
        )

    def go_on(self, *, conversation: Conversation, reply: Message, author: User) -> Turn:
        """Run a reply that ended too early for the rest of it. Raises as `send` does."""
        return self._run(
            author, lambda: turns.go_on(conversation=conversation, reply=reply, author=author)
        )

    def send_queued(self, message: QueuedMessage) -> Turn:
        """Begin the turn that a queued message was waiting for. Raises as `send` does."""
        if message.conversation.model not in settings.MODELS:
            raise queued.ModelGone
        return self._run(message.author, lambda: queued.begin(message))

    def send_next(self, conversation_id: uuid.UUID) -> None:
        """Send what comes next in the queue of a conversation, if it is its time. What would be
        refused in a moment too waits for its author; for anything else it is tried again."""
        if (message := queued.next_of(conversation_id)) is None:
            return
        try:
            self.send_queued(message)
        except (NotAccepting, *queued.PASSING):
            return
        except queued.REFUSALS:
            with contextlib.suppress(ConversationGone, QueueMoved):
                queued.refuse(message)
            self.announce(conversation_id)

    def _run(self, author: User, reserve: Callable[[], Turn], *, only_adds: bool = False) -> Turn:
        """`only_adds` says that nothing but the messages of a new turn is changed by it."""
        with self.supervisor.place(author.pk) as start:
            try:
                turn = reserve()
            except BudgetExceeded as refusal:
                thresholds.refused(refusal.budget, author)
                raise
            if turn.is_new:
                start(turn)
        is_all = only_adds and turn.is_new and not turn.moves_view
        is_all = is_all and self.hub.is_watched(turn.conversation.pk)
        self.announce(turn.conversation.pk, begun=updates.begun(turn, author) if is_all else None)
        return turn

    def stop(self, reply: Message) -> None:
        """Stop a reply. The mark is committed first: the next send is free from then on."""
        turns.request_stop(reply)
        self._stop(reply.pk)
        self.announce(reply.conversation_id)

    def show_branch(self, conversation: Conversation, *, through: Message) -> None:
        conversations.show_branch(conversation, through=through)
        self.announce(conversation.pk)

    def delete(self, conversation: Conversation) -> None:
        for reply_id in conversations.delete(conversation):
            self._stop(reply_id)
        self.announce(conversation.pk)

    def end_share(self, link: ShareLink) -> None:
        """Whoever reads by it is shown no more: each looks whether it still may."""
        sharing.end(link)
        self.announce(link.conversation_id)

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

    def follow(self, reply_id: int, conversation_id: uuid.UUID) -> None:
        """On the loop: somebody here watches a reply that runs, here or in another process."""
        self._copies.follow(reply_id, conversation_id)

    @property
    def open_sockets(self) -> int:
        """By which people watch through this process; from any thread."""
        return self._sockets.total()

    def announce(self, conversation_id: uuid.UUID, *, begun: Begun | None = None) -> None:
        """From any thread: viewers of this conversation have something to read, or are given it."""
        self._loop.call_soon_threadsafe(self._tell_all, conversation_id, begun)

    def _tell_all(self, conversation_id: uuid.UUID, begun: Begun | None = None) -> None:
        self.hub.changed(conversation_id, begun=begun)
        self._wire.changed(conversation_id)

    def _hear(self, hints: Hints) -> None:
        """What another process tells of."""
        for hint in hints.texts.values():
            self._copies.heard(hint)
        for conversation_id in hints.changed:
            self._copies.look(conversation_id)
            self.hub.changed(conversation_id)
        for reply_id in hints.stopped:
            self.supervisor.stop(reply_id)

    def _stop(self, reply_id: int) -> None:
        """From any thread: here, or in the process that runs it, which otherwise finds the mark."""
        self._loop.call_soon_threadsafe(self._stop_anywhere, reply_id)

    def _stop_anywhere(self, reply_id: int) -> None:
        if self.supervisor.attends(reply_id):
            self.supervisor.stop(reply_id)
        else:
            self._wire.stopped(reply_id)

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        # One of them may be held up by a database that does not answer.
        await asyncio.wait(self._tasks, timeout=CLOSING_SECONDS)
        await self._copies.close()
        self._painter.close()
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
        if request.files:
            # Read as late as can be: while they wait, requests only name them.
            request = await asyncio.to_thread(loading.loaded, request)
        async with self._client.stream(request) as answer:
            yield answer

    def _own(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(_end_with_it)
        self._tasks.append(task)

    async def _follow_up(self, conversation_id: uuid.UUID) -> None:
        """What could not be sent is found by a sweep."""
        try:
            await self.pool.run(self.send_next, conversation_id)
        except Exception:
            logger.exception("What waits in conversation %s could not be sent", conversation_id)

    def _claim_early(self, turn: Turn) -> Work | None:
        """In the request's thread. None where the run has to do it: later, or once more."""
        try:
            return replies.start(
                turn.reply.pk, self._membership.claim, after_stopped=True, row=turn.row
            )
        except (StoppedReplyOpen, *FAULTS):
            return None

    def _make_run(self, reply_id: int, conversation_id: uuid.UUID, work: Work | None) -> Run:
        return Run(
            reply_id,
            conversation_id,
            work=work,
            claim=self._membership.claim,
            ask=self._ask,
            journal=self._journal,
            hub=self.hub,
            pool=self.pool,
            pace=self.supervisor.pace,
            ended=self._wire.changed,
        )

    def _make_titling(self, reply_id: int, conversation_id: uuid.UUID) -> Titling:
        return Titling(
            reply_id,
            conversation_id,
            claim=self._membership.claim,
            ask=self._ask,
            pool=self.pool,
            announce=self._tell_all,
        )

    def _publish(self, reply_id: int, number: int, piece: Piece) -> None:
        """Show a committed piece, here and elsewhere."""
        self.hub.publish(reply_id, number, piece)
        if live := self.hub.reply(reply_id):
            self._wire.text(live, number, piece)

    def _heed(self, standing: Standing) -> None:
        """Do what the database says of the replies that run here."""
        for reply_id in standing.lost:
            self.supervisor.lose(reply_id)
        for reply_id in standing.stopped:
            self.supervisor.stop(reply_id)

    def _judged(self) -> None:
        for reply_id in self.supervisor.attended():
            self.supervisor.lose(reply_id)


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
