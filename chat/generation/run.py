"""One reply from its claim to its seal: upstream events in, journalled text out, a ledger row each
attempt."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import ParamSpec, TypeVar

from django.conf import settings

from chat.completions.answer import Answer
from chat.completions.errors import AnswerUnusable, CompletionError
from chat.completions.events import (
    CompletionEvent,
    Ended,
    Reasoning,
    Text,
)
from chat.completions.request import CompletionRequest
from chat.completions.retries import Retries
from chat.completions.verdict import Outcome as Ending
from chat.completions.verdict import judge
from chat.domain import ledger, prompts, replies
from chat.domain.budgets import BudgetRefuses
from chat.domain.ledger import Receipt
from chat.domain.replies import Outcome, StoppedReplyOpen, Work
from chat.domain.seam import Seam
from chat.enums import Fault, MessageState
from chat.generation import causes
from chat.generation.course import Course
from chat.generation.hub import Hub, Piece
from chat.generation.journal import Journal
from chat.generation.pool import DatabasePool

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
# Makes one attempt at the upstream; leaving it closes the connection.
Ask = Callable[[CompletionRequest], AbstractAsyncContextManager[Answer]]

# Characters. Nobody reads more, and every viewer's page has to hold it.
LONGEST_REPLY = 4_000_000
# How often, and how many times, a new reply looks whether the stopped one before it is sealed.
SEALING_LOOK_SECONDS, SEALING_LOOKS = 0.02, 100


class Run:
    """Runs one reply. `stop` and `interrupt` end it from outside, before or after its start."""

    def __init__(
        self,
        reply_id: int,
        conversation_id: uuid.UUID,
        *,
        work: Work | None = None,
        claim: uuid.UUID,
        ask: Ask,
        journal: Journal,
        hub: Hub,
        pool: DatabasePool,
        pace: Callable[[], float],
        ended: Callable[[uuid.UUID], None],
    ) -> None:
        self.reply_id = reply_id
        self.conversation_id = conversation_id
        # If it was claimed already.
        self._work = work
        self._claim = claim
        self._ask = ask
        self._journal = journal
        self._hub = hub
        self._pool = pool
        # For how many seconds what comes may be left unread.
        self._pace = pace
        # Tells other processes that there is something to read in the conversation.
        self._ended = ended
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._characters = 0
        self._seam = Seam("")
        self._receipt = Receipt()
        self._completion_id = 0
        self._reading: asyncio.Task[Ended | None] | None = None
        self._ending: MessageState | None = None
        self._is_lost = False
        # Whether it is the first answer that a conversation has got.
        self.is_first_answer = False
        # Whether a request is with the upstream, and whether its answer is read for figures alone.
        self._is_asking = self._reads_on = False
        self._stopped = asyncio.Event()

    # From outside

    def stop(self) -> None:
        """The person wants no more of it: close the upstream connection at once, or read on out of
        sight, for the figures, if that is what the operator wants."""
        if self._ending is not None:
            return
        if settings.READS_ON and self._is_asking:
            self._ending = MessageState.STOPPED
            self._stopped.set()
        else:
            self._end(MessageState.STOPPED)

    def interrupt(self) -> None:
        """This process has to end before the reply does."""
        self._end(MessageState.INTERRUPTED)

    def lose(self) -> None:
        """Somebody else judged this reply: end without another word about it."""
        self._is_lost = True
        self._end(MessageState.INTERRUPTED)

    def _end(self, state: MessageState) -> None:
        # Once: a second cancellation would reach what the first one made to be tidied up.
        if self._ending is None or self._stopped.is_set():
            self._stopped.clear()
            self._ending = self._ending or state
            if self._reading is not None:
                self._reading.cancel()

    def _told(self) -> MessageState | None:
        return self._ending

    # The road

    async def go(self) -> None:
        work = self._work or await self._start()
        if work is None:
            return
        self._completion_id, self._course = work.completion_id, Course(work)
        if work.stop_requested:
            self.stop()
        begun = self._go_on_from(work)
        self._hub.open(self.reply_id, self.conversation_id, begun, continues_at=self._characters)
        self._journal.open(self.reply_id, position=work.position)
        try:
            outcome = await self._outcome(work)
            await self._journal.close(self.reply_id)
            await self._seal(outcome)
            is_whole = outcome.state == MessageState.COMPLETE and not self._is_lost
            self.is_first_answer = is_whole and work.is_first
            if self._reads_on:
                self._tell_of_the_end()
                await self._read_on(work)
            self._course.end(outcome, self._receipt, is_lost=self._is_lost)
        finally:
            self._tell_of_the_end()

    def _tell_of_the_end(self) -> None:
        self._hub.close(self.reply_id)
        self._ended(self.conversation_id)

    async def _start(self) -> Work | None:
        """Claim the reply, but not before the conversation's stopped one is sealed, here or in
        another process: its text belongs into the request. That is not waited for for ever."""
        for _ in range(SEALING_LOOKS):
            try:
                return await self._written(
                    replies.start, self.reply_id, self._claim, after_stopped=self._ending is None
                )
            except StoppedReplyOpen:
                await asyncio.sleep(SEALING_LOOK_SECONDS)
        return await self._written(replies.start, self.reply_id, self._claim)

    def _go_on_from(self, work: Work) -> list[Piece]:
        """Begin with what is there of a reply that is to go on. Gives its pieces."""
        self._text, self._reasoning = [work.begun], [work.thought]
        self._characters = len(work.begun) + len(work.thought)
        self._seam = Seam(work.begun)
        return [Piece(work.begun, work.thought)][: work.position]

    async def _outcome(self, work: Work) -> Outcome:
        """Read the reply to whatever end it comes to."""
        self._begin_receipt(work)
        if told := self._told():
            return self._as_ended(told)
        self._reading = asyncio.create_task(self._attempts(work))
        try:
            if await self._is_to_read_on(self._reading):
                self._reads_on = True
                return self._as_ended(MessageState.STOPPED)
            ended = await self._reading
        except asyncio.CancelledError:
            if told := self._told():
                return self._as_ended(told)
            raise
        except CompletionError as error:
            self._note(error, work)
            told = self._told()
            return self._as_ended(told) if told else self._as_failed(error.code)
        except BudgetRefuses:
            # What went wrong in the last attempt has been noted; no budget reaches for another.
            told = self._told()
            return self._as_ended(told) if told else self._as_broken(self._receipt.error)
        except Exception:
            if told := self._told():
                return self._as_ended(told)
            # A fault of ours must still seal the reply and close its row.
            logger.exception("Reply %s failed inside evoweb", self.reply_id)
            return self._as_failed(Fault.INTERNAL)
        return self._as_judged(ended)

    async def _is_to_read_on(self, reading: asyncio.Task[Ended | None]) -> bool:
        """Wait for the end of the answer, or for a stop after which it is read on."""
        stopped = asyncio.create_task(self._stopped.wait())
        await asyncio.wait((reading, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        return self._stopped.is_set() and not reading.done()

    async def _read_on(self, work: Work) -> None:
        """The reply is sealed: read what still comes for what it costs, and close the row."""
        assert self._reading is not None
        try:
            await self._reading
        except asyncio.CancelledError:
            # The process has to end: what is known stands in the receipt.
            pass
        except CompletionError as error:
            self._note(error, work)
        except Exception:
            logger.exception("Reply %s could not be read on", self.reply_id)
        if not self._is_lost:
            await self._written(ledger.close_row, self._completion_id, self._receipt)

    async def _attempts(self, work: Work) -> Ended | None:
        """Ask the upstream, again where that is sensible; each attempt has its own ledger row."""
        retries = Retries()
        while True:
            try:
                return await self._attempt(work)
            except CompletionError as error:
                delay = retries.delay_after(error)
                if delay is None or self._receipt.output_characters or self._ending:
                    raise
                self._note(error, work)
                self._course.failed(error.code)
                logger.info("Reply %s is asked for again in %.1f s", self.reply_id, delay)
            await asyncio.sleep(delay)
            work = await self._open_next_attempt(work)

    async def _open_next_attempt(self, work: Work) -> Work:
        """Close this attempt's ledger row and open the next one's, whoever stops us meanwhile.
        Raises BudgetRefuses: then this row stays open, and is that of the last attempt."""
        opening = asyncio.ensure_future(
            self._written(replies.attempt_again, work, self._receipt, claim=self._claim)
        )
        try:
            await asyncio.shield(opening)
        finally:
            if (following := await opening) is None:
                self.lose()
            else:
                work, self._completion_id = following, following.completion_id
            self._begin_receipt(work)
        return work

    async def _attempt(self, work: Work) -> Ended | None:
        self._receipt.may_be_billed = self._is_asking = True
        self._course.attempt()
        ended: Ended | None = None
        try:
            async with self._ask(work.request) as answer:
                self._receipt.http_status = answer.http_status
                async for events in answer:
                    for event in events:
                        if isinstance(event, Ended):
                            ended = event
                        self._take(event)
                    await self._journal.room(self.reply_id)
                    if self._receipt.first_token_at is not None:
                        await answer.rest(self._pace())
        finally:
            self._is_asking = False
        return ended

    def _take(self, event: CompletionEvent) -> None:
        is_first = self._receipt.first_token_at is None
        self._receipt.take(event)
        if is_first and self._receipt.first_token_at is not None:
            self._course.first_token()
        match event:
            case Text(text):
                self._count(text)
                self._show(self._seam.take(text))
            case Reasoning(text):
                self._count(text)
                if not self._stopped.is_set():
                    self._reasoning.append(text)
                    self._journal.append(self.reply_id, reasoning=text)

    def _show(self, text: str) -> None:
        if text and not self._stopped.is_set():
            self._text.append(text)
            self._journal.append(self.reply_id, text=text)

    def _count(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > LONGEST_REPLY:
            raise AnswerUnusable("the answer is too long", code="too_long", http_status=200)

    def _note(self, error: CompletionError, work: Work) -> None:
        causes.log(self.reply_id, error, work.request)
        self._receipt.error = error.code
        self._receipt.http_status = error.http_status or self._receipt.http_status
        # An answer that began with 200 is being billed, even if it then held an error.
        began = error.http_status == 200 or bool(self._receipt.output_characters)
        self._receipt.may_be_billed = error.may_be_billed or began

    def _begin_receipt(self, work: Work) -> None:
        self._receipt = Receipt(
            prompt_characters=prompts.characters(work.request),
            prompt_messages=len(work.request.messages),
            prompt_pictures=len(work.request.files),
            model=work.request.model,
            max_tokens=work.request.max_tokens,
        )

    # The end

    async def _seal(self, outcome: Outcome) -> None:
        if self._is_lost:
            return
        if self._reads_on:
            await self._written(
                replies.seal_unclosed,
                reply_id=self.reply_id,
                claim=self._claim,
                outcome=outcome,
            )
        else:
            await self._written(
                replies.finish,
                reply_id=self.reply_id,
                claim=self._claim,
                completion_id=self._completion_id,
                outcome=outcome,
                receipt=self._receipt,
            )

    async def _written(self, deed: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do one of this reply's deeds as soon as the database takes it."""
        return await self._pool.insist(f"Reply {self.reply_id}", deed, *args, **kwargs)

    def _as_ended(self, state: MessageState) -> Outcome:
        error = Fault.RESTARTED if state == MessageState.INTERRUPTED else ""
        self._receipt.error = self._receipt.error or error
        self._receipt.was_stopped = state == MessageState.STOPPED
        return self._sealed_as(state, error)

    def _as_failed(self, code: str) -> Outcome:
        self._course.failed(code)
        return self._as_broken(code)

    def _as_broken(self, code: str) -> Outcome:
        """What was shown stays: with text the reply is interrupted, without it failed."""
        self._receipt.error = self._receipt.error or code
        state = MessageState.INTERRUPTED if self._has_text() else MessageState.FAILED
        return self._sealed_as(state, code)

    def _as_judged(self, ended: Ended | None) -> Outcome:
        verdict = judge(ended, text=self._has_text(), reasoning=any(self._reasoning))
        if verdict.outcome == Ending.FAILED:
            return self._as_failed(verdict.code or Fault.EMPTY)
        if verdict.outcome == Ending.INTERRUPTED:
            return self._as_failed(Fault.UNFINISHED)
        return self._sealed_as(MessageState.COMPLETE, "")

    def _has_text(self) -> bool:
        """Whether there is anything to read: blanks alone are no answer."""
        return any(piece.strip() for piece in self._text)

    def _sealed_as(self, state: MessageState, error: str) -> Outcome:
        if state == MessageState.COMPLETE:
            # Of what broke off, what is held back is the start of what was to be repeated.
            self._text.append(self._seam.rest())
        return Outcome(
            state=state,
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            error=error,
            finish_reason=self._receipt.finish_reason,
        )
