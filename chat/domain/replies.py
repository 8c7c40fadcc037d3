"""The runner's side of a turn: claim a reply, journal its text, seal it; and what was abandoned.

Every write of a runner is conditional on its claim, so that one that was judged dead meanwhile
changes nothing.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Exists, Q
from django.utils import timezone

from chat.completions.request import CompletionRequest
from chat.domain import budgets, ledger, processes, prompts, revisions
from chat.domain.ledger import Receipt
from chat.enums import RUNNING_STATES, Fault, MessageState
from chat.models import Completion, Conversation, JournalPiece, Message, Process
from chat.models.message import MessageQuerySet
from chat.queries import thread


@dataclass(frozen=True, slots=True)
class Work:
    """What the runner of a reply needs to know."""

    reply_id: int
    conversation_id: uuid.UUID
    user_id: int
    completion_id: int
    request: CompletionRequest
    stop_requested: bool
    # What is there of a reply that is to go on: the first piece of its journal.
    begun: str = ""
    thought: str = ""

    @property
    def is_first(self) -> bool:
        """Whether no answer of the conversation goes with it."""
        answers = [each for each in self.request.messages if each.role == "assistant"]
        return len(answers) == (1 if self.begun else 0)

    @property
    def position(self) -> int:
        """How many pieces of the journal are there."""
        return 1 if self.begun else 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Of the replies that a process runs: those that it does not own any more, because another one
    judged them or they are gone, and those that somebody told to stop."""

    lost: frozenset[int] = frozenset()
    stopped: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a reply ended."""

    state: MessageState
    text: str
    reasoning: str
    error: str = ""
    finish_reason: str = ""


class StoppedReplyOpen(Exception):
    """A reply of the same conversation was told to stop and is not sealed yet."""


@transaction.atomic
def start(
    reply_id: int,
    claim: uuid.UUID,
    *,
    after_stopped: bool = False,
    row: Completion | None = None,
) -> Work | None:
    """Claim a reserved reply. None when another process has it, when it ended, or when this process
    was judged, which then leaves the reply to others.

    Whoever reserved it this moment gives its open ledger `row`. May be called again by whoever did
    not hear that it had succeeded. Raises StoppedReplyOpen if it is to come after stopped replies,
    whose text belongs into the request.
    """
    if not processes.lives(claim):
        return None
    unclaimed = Q(claim=None) | Q(claim=claim)
    reserved = Message.objects.filter(unclaimed, pk=reply_id, state=MessageState.WAITING)
    free = reserved.exclude(Exists(_stopped_beside(reply_id))) if after_stopped else reserved
    if not free.update(claim=claim):
        # Not whether one is stopped: it may have been sealed since.
        if after_stopped and reserved.exists():
            raise StoppedReplyOpen
        return None
    rows = Completion.objects.open().select_related("message__conversation")
    row = row or rows.get(message=reply_id)
    reply = row.message
    assert reply is not None
    conversation = reply.conversation
    begun, thought = _begun(row)
    request = prompts.request_for(reply, model=row.model_asked, begun=begun, thought=thought)
    return Work(
        reply_id=reply_id,
        conversation_id=conversation.pk,
        user_id=conversation.owner_id,
        completion_id=row.pk,
        request=prompts.within(row.output_limit, request),
        stop_requested=reply.stop_requested_at is not None,
        begun=begun,
        thought=thought,
    )


def _begun(row: Completion) -> tuple[str, str]:
    """Text and reasoning that were there before this attempt: the first piece of the journal."""
    if not row.continues_at:
        return "", ""
    first = JournalPiece.objects.filter(message=row.message_id, number=0)
    return first.values_list("text", "reasoning").get()


@transaction.atomic
def attempt_again(work: Work, receipt: Receipt, *, claim: uuid.UUID) -> Work | None:
    """Close the row of an attempt that failed and open one for the next, which budgets let through
    like any other: the one before may have cost something, or a period has ended.

    May be called again like `start`. None when the reply was judged by another process. Raises
    BudgetRefuses: nothing changed then.
    """
    is_ours = processes.lives(claim) and _owned([work.reply_id], claim).exists()
    closed = ledger.close_row(work.completion_id, receipt)
    if not is_ours:
        return None
    if closed:
        row = ledger.open_next(work.completion_id)
        budgets.reserve(
            row,
            row.user,
            texts=partial(prompts.texts, work.request),
            pictures=partial(prompts.picture_tokens, work.request),
            max_tokens=work.request.max_tokens,
        )
    else:
        row = Completion.objects.open().get(message=work.reply_id)
    request = prompts.within(row.output_limit, work.request)
    return dataclasses.replace(work, completion_id=row.pk, request=request)


@transaction.atomic
def write_pieces(
    pieces: Iterable[JournalPiece],
    *,
    claim: uuid.UUID,
    running: Collection[int] = (),
    begun: Collection[int] = (),
) -> Standing:
    """Commit pieces of running replies, and look where all that this process runs stand.

    `begun` are those whose first text was shown: from here on they are being written. It is no
    change that anybody has to be shown, and the first text does not wait for it.

    Nothing is written of those that it has lost. May be called again by whoever did not hear that
    it had succeeded: a piece is written once and never changed.
    """
    pieces = list(pieces)
    asked = {piece.message_id for piece in pieces}.union(running)
    owned: dict[int, Message] = {}
    if processes.lives(claim):
        rows = _owned(asked, claim).only("stop_requested_at")
        owned = {row.pk: row for row in rows}
    ours = [piece for piece in pieces if piece.message_id in owned]
    JournalPiece.objects.bulk_create(ours, ignore_conflicts=True)
    if being_written := owned.keys() & set(begun):
        _mark_begun(being_written)
    return Standing(
        lost=frozenset(asked - owned.keys()),
        stopped=frozenset(key for key, row in owned.items() if row.stop_requested_at),
    )


def _mark_begun(reply_ids: Collection[int]) -> None:
    """The ledger first, as whoever closes a row does: here nobody takes the conversation."""
    rows = Completion.objects.open().filter(message__in=reply_ids)
    rows.update(first_token_at=timezone.now())
    Message.objects.filter(pk__in=reply_ids).update(state=MessageState.STREAMING)


def _stopped_beside(reply_id: int) -> MessageQuerySet:
    others = Message.objects.filter(conversation__messages=reply_id).exclude(pk=reply_id)
    return others.running().exclude(stop_requested_at=None)


def _owned(ids: Collection[int], claim: uuid.UUID) -> MessageQuerySet:
    return Message.objects.filter(pk__in=ids, claim=claim).running()


@transaction.atomic
def finish(
    *, reply_id: int, claim: uuid.UUID, completion_id: int, outcome: Outcome, receipt: Receipt
) -> bool:
    """Seal a reply: text, state, figures and journal change together.

    False when this process no longer owns the reply; the ledger row closes all the same, because
    its figures are what this attempt cost.
    """
    conversation_id = revisions.lock(reply_id)
    ledger.close_row(completion_id, receipt)
    return _seal(_owned([reply_id], claim), reply_id, conversation_id, outcome)


@transaction.atomic
def seal_unclosed(*, reply_id: int, claim: uuid.UUID, outcome: Outcome) -> bool:
    """Seal a reply whose attempt is still being read, for its figures. Its row stays open."""
    return _seal(_owned([reply_id], claim), reply_id, revisions.lock(reply_id), outcome)


@transaction.atomic
def abandon(reply_id: int, claim: uuid.UUID | None) -> bool:
    """Seal a reply whose process, which had this claim, is gone, with what the journal holds.

    False when it is not that process's any more.
    """
    conversation_id = revisions.lock(reply_id)
    left = Message.objects.filter(pk=reply_id, claim=claim).running()
    reply = left.select_related("conversation").first()
    if reply is None:
        return False
    text, reasoning = thread.journalled([reply_id]).get(reply_id, ("", ""))
    stopped = reply.stop_requested_at is not None
    outcome = Outcome(
        state=MessageState.STOPPED if stopped else MessageState.INTERRUPTED,
        text=text,
        reasoning=reasoning,
        error="" if stopped else Fault.RESTARTED,
    )
    for row in reply.completions.open():
        _close_left(row, reply, begun=_begun(row), read=(len(text), len(reasoning)))
    return _seal(left, reply_id, conversation_id, outcome)


@transaction.atomic
def close_left() -> int:
    """Close the rows of sealed replies whose process read on for the figures and is gone."""
    living = Process.objects.values("pk")
    sealed = Message.objects.exclude(state__in=RUNNING_STATES).exclude(claim__in=living)
    rows = (
        Completion.objects.open()
        .filter(message__in=sealed)
        .select_related("message__conversation", "message__parent")
    )
    closed = 0
    for row in rows:
        reply = row.message
        assert reply is not None
        # What was there before is not known apart any more: the prompt counts it by its length.
        begun = reply.text[: row.continues_at], ""
        read = len(reply.text), len(reply.reasoning)
        closed += _close_left(row, reply, begun=begun, read=read)
    return closed


def _close_left(
    row: Completion, reply: Message, *, begun: tuple[str, str], read: tuple[int, int]
) -> bool:
    """Close a row of which a process that is gone told nothing: what came of it is an estimate.

    `read` are the characters of text and of thinking that there are, with those from before.
    """
    words, thought = begun
    request = prompts.request_for(reply, model=row.model_asked, begun=words, thought=thought)
    text, thinking = read
    characters = max(0, text + thinking - row.continues_at)
    return ledger.close_row(
        row.pk,
        Receipt(
            error=Fault.RESTARTED,
            was_stopped=reply.stop_requested_at is not None,
            prompt_characters=prompts.characters(request),
            prompt_messages=len(request.messages),
            prompt_pictures=len(request.files),
            output_characters=characters,
            text_characters=min(text, characters),
            model=request.model,
            max_tokens=request.max_tokens,
            # Without a claim nobody had begun to ask.
            may_be_billed=reply.claim is not None,
            http_status=200 if characters else None,
        ),
    )


def unstarted(*, before: datetime) -> list[Message]:
    """Replies that were reserved before this moment and that no process has claimed."""
    reserved = Message.objects.running().filter(claim=None, created_at__lte=before)
    return list(reserved.select_related("conversation").oldest_first())


def left_behind(claim: uuid.UUID) -> list[Message]:
    """Running replies of processes that are gone, and all of `claim`, which knows its own."""
    others = Process.objects.exclude(pk=claim).values("pk")
    claimed = Message.objects.running().exclude(claim=None)
    return list(claimed.exclude(claim__in=others).oldest_first())


def _seal(
    running: MessageQuerySet, reply_id: int, conversation_id: uuid.UUID | None, outcome: Outcome
) -> bool:
    now = timezone.now()
    sealed = running.update(
        state=outcome.state,
        text=outcome.text,
        reasoning=outcome.reasoning,
        error=outcome.error,
        finish_reason=outcome.finish_reason[:64],
        finished_at=now,
    )
    if not sealed or conversation_id is None:
        return False
    JournalPiece.objects.filter(message=reply_id).delete()
    revisions.touch(conversation_id, [reply_id])
    Conversation.objects.filter(pk=conversation_id).update(active_at=now)
    return True
