"""Owns every running reply of this process: one task each, which outlives whoever asked."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from threading import Lock

from django.conf import settings

from chat.domain.replies import Work
from chat.domain.turns import Turn
from chat.generation.run import Run
from chat.generation.titling import Titling
from chat.models import Message

logger = logging.getLogger(__name__)

# From how many replies on each is read less often, so that one read brings several tokens; for how
# many seconds, by each that runs; and for how many at most.
MANY = 30
PACE_A_REPLY = 0.0005
LONGEST_PACE = 0.2
# How long interrupted replies may take to be saved at the end.
SAVING_SECONDS = 10.0


class NotAccepting(Exception):
    """No reply can be started now. Nothing was changed, and the text must be kept."""


class Draining(NotAccepting):
    """This process is about to end."""


class Full(NotAccepting):
    """As many replies are running as this process takes."""


class FullForOne(NotAccepting):
    """As many replies are running as one person may have."""


class Supervisor:
    """Starts, stops and drains replies. Its public methods may be called from any thread,
    except for `adopt`, `lose`, `drain` and `interrupt_all`, which belong to the loop."""

    def __init__(
        self,
        *,
        make_run: Callable[[int, uuid.UUID, Work | None], Run],
        claim: Callable[[Turn], Work | None],
        make_titling: Callable[[int, uuid.UUID], Titling],
        follow_up: Callable[[uuid.UUID], Awaitable[None]],
    ) -> None:
        self._make_run = make_run
        self._make_titling = make_titling
        self._claim = claim
        # Sends what waits in a conversation for the end of its reply.
        self._follow_up = follow_up
        self._loop = asyncio.get_running_loop()
        self._runs: dict[int, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # Titles that are asked for. They take nobody's place, and nobody waits for them.
        self._titlings: dict[asyncio.Task[None], Titling] = {}
        self._lock = Lock()
        # Replies that were let in and have not ended, by the person who asked.
        self._places: Counter[int] = Counter()
        self._left = asyncio.Event()
        self._is_draining = self._is_over = False

    @property
    def is_draining(self) -> bool:
        return self._is_draining

    @contextlib.contextmanager
    def place(self, user_id: int) -> Iterator[Callable[[Turn], None]]:
        """A place for one reply: call what it gives with its turn, or leave it unused.

        Raises NotAccepting. The hand-over itself cannot fail, so a reply that was committed
        inside the block is started.
        """
        with self._lock:
            if self._is_draining:
                raise Draining
            if self._places.total() >= settings.MAX_REPLIES:
                raise Full
            if self._places[user_id] >= settings.MAX_REPLIES_PER_USER:
                raise FullForOne
            self._places[user_id] += 1
        handed_over = False

        def start(turn: Turn) -> None:
            nonlocal handed_over
            handed_over = True
            # Here, where there is a thread and a connection already, before pages are rendered
            # beside it. What comes to nothing is done again by the run.
            work, reply = self._claim(turn), turn.reply
            self._loop.call_soon_threadsafe(
                self._spawn, reply.pk, reply.conversation_id, user_id, work
            )

        try:
            yield start
        finally:
            if not handed_over:
                self._leave_place(user_id)

    def stop(self, reply_id: int) -> None:
        """Stop a reply that runs here; of others nothing is known and nothing happens."""
        self._loop.call_soon_threadsafe(self._stop, reply_id)

    def attends(self, reply_id: int) -> bool:
        return reply_id in self._runs

    def pace(self) -> float:
        """Seconds for which a reply may leave unread what comes: none while few run."""
        running = len(self._runs)
        return min(running * PACE_A_REPLY, LONGEST_PACE) if running > MANY else 0.0

    def attended(self) -> set[int]:
        """The replies that this process runs."""
        return set(self._runs)

    def adopt(self, reply: Message) -> None:
        """Run a reply that was accepted and never started, however many run already."""
        if self._is_draining or reply.pk in self._runs:
            return
        user_id = reply.conversation.owner_id
        with self._lock:
            self._places[user_id] += 1
        self._spawn(reply.pk, reply.conversation_id, user_id)

    def lose(self, reply_id: int) -> None:
        if run := self._runs.get(reply_id):
            run.lose()

    async def drain(self, seconds: float) -> None:
        """Take no more replies, give the running ones time to end, then interrupt the rest."""
        with self._lock:
            self._is_draining = True
        await self._all_left(seconds)
        self.interrupt_all()
        await self._all_left(SAVING_SECONDS)
        if self._titlings:
            await asyncio.wait(self._titlings, timeout=SAVING_SECONDS)

    def interrupt_all(self) -> None:
        """Interrupt what runs, and what was let in and has yet to be handed over."""
        self._is_over = True
        for run in self._runs.values():
            run.interrupt()
        for titling in self._titlings.values():
            titling.stop()

    async def _all_left(self, seconds: float) -> None:
        """Wait until every place is free, but not longer than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._places.total():
                    self._left.clear()
                    await self._left.wait()

    def _spawn(
        self, reply_id: int, conversation_id: uuid.UUID, user_id: int, work: Work | None = None
    ) -> None:
        if reply_id in self._runs:
            # Adopted while it was on its way.
            self._leave_place(user_id)
            return
        run = self._make_run(reply_id, conversation_id, work)
        self._runs[reply_id] = run
        if self._is_over:
            run.interrupt()
        # An empty context: a task that inherited a request's would keep its thread and connection.
        task = self._loop.create_task(self._watch_over(run, user_id), context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch_over(self, run: Run, user_id: int) -> None:
        try:
            await run.go()
        except Exception:
            # The next sweep seals what this one could not.
            logger.exception("Reply %s could not be brought to its end", run.reply_id)
        finally:
            self._runs.pop(run.reply_id, None)
            self._leave_place(user_id)
        if self._is_draining:
            return
        if run.is_first_answer and settings.MAKES_TITLES:
            self._begin_title(run)
        await self._follow_up(run.conversation_id)

    def _begin_title(self, run: Run) -> None:
        titling = self._make_titling(run.reply_id, run.conversation_id)
        task = self._loop.create_task(_to_its_end(titling), context=contextvars.Context())
        self._titlings[task] = titling
        task.add_done_callback(lambda task: self._titlings.pop(task))

    def _stop(self, reply_id: int) -> None:
        if run := self._runs.get(reply_id):
            run.stop()

    def _leave_place(self, user_id: int) -> None:
        with self._lock:
            self._places[user_id] -= 1
            # Nobody is remembered who has none.
            self._places += Counter()
        # A loop that is closed has nobody who waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._left.set)


async def _to_its_end(titling: Titling) -> None:
    try:
        await titling.go()
    except Exception:
        # The first words stay; a row that is open is closed when this process is gone.
        logger.exception("A title could not be made")
