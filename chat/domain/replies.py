"""The runner's side of a turn: claim a reply, journal its text, seal it; and what was abandoned.

Every write of a runner is conditional on its claim, so that one that was judged dead meanwhile
changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from chat.completions.request import CompletionRequest
from chat.domain import ledger, prompts, revisions
from chat.domain.ledger import Receipt
from chat.enums import Fault, MessageState
from chat.models import Completion, Conversation, JournalPiece, Message
from chat.models.message import MessageQuerySet
from chat.queries import thread


@dataclass(frozen=True, slots=True)
class Work:
    """What the runner of a reply needs to know."""

    reply_id: int
    conversation_id: uuid.UUID
    completion_id: int
    request: CompletionRequest
    stop_requested: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a reply ended."""

    state: MessageState
    text: str
    reasoning: str
    error: str = ""
    finish_reason: str = ""


@transaction.atomic
def start(reply_id: int, claim: uuid.UUID) -> Work | None:
    """Claim a reserved reply. None when another process has it, or when it ended.

    May be called again by whoever did not hear that it had succeeded.
    """
    unclaimed = Q(claim=None) | Q(claim=claim)
    reserved = Message.objects.filter(unclaimed, pk=reply_id, state=MessageState.WAITING)
    if not reserved.update(claim=claim):
        return None
    reply = Message.objects.select_related("conversation").get(pk=reply_id)
    conversation = reply.conversation
    # The settings of this moment are asked with, so this is the model that is asked.
    row = reply.completions.open()
    row.update(model_asked=conversation.model)
    return Work(
        reply_id=reply_id,
        conversation_id=conversation.pk,
        completion_id=row.values_list("pk", flat=True)[0],
        request=prompts.build(conversation, path=thread.path_to(reply.parent)),
        stop_requested=reply.stop_requested_at is not None,
    )


@transaction.atomic
def attempt_again(reply_id: int, completion_id: int, receipt: Receipt) -> int | None:
    """Close the row of an attempt that failed and open one for the next. Gives the new row's id.

    May be called again like `start`. None when the reply was judged by another process.
    """
    if ledger.close_row(completion_id, receipt):
        return ledger.open_next(completion_id).pk
    rows = Completion.objects.filter(message=reply_id).open()
    return rows.values_list("pk", flat=True).first()


@transaction.atomic
def write_pieces(
    pieces: Iterable[JournalPiece], *, claim: uuid.UUID, first: Iterable[int]
) -> set[int]:
    """Commit pieces of running replies; `first` names the replies that begin to show with them.

    Gives the replies that this process no longer owns: nothing was written of those.
    """
    pieces = list(pieces)
    owned = set(
        Message.objects.filter(pk__in={piece.message_id for piece in pieces}, claim=claim)
        .running()
        .values_list("pk", flat=True)
    )
    JournalPiece.objects.bulk_create(
        [piece for piece in pieces if piece.message_id in owned],
        # One that was committed without our hearing of it comes again, with what came after it.
        update_conflicts=True,
        unique_fields=("message", "number"),
        update_fields=("text", "reasoning"),
    )
    for reply_id in owned.intersection(first):
        _show_first(reply_id)
    return {piece.message_id for piece in pieces} - owned


@transaction.atomic
def finish(
    *, reply_id: int, claim: uuid.UUID, completion_id: int, outcome: Outcome, receipt: Receipt
) -> bool:
    """Seal a reply: text, state, figures and journal change together.

    False when this process no longer owns the reply; the ledger row closes all the same, because
    its figures are what this attempt cost.
    """
    ledger.close_row(completion_id, receipt)
    owned = Message.objects.filter(pk=reply_id, claim=claim).running()
    return _seal(owned, reply_id, outcome)


@transaction.atomic
def abandon(reply_id: int) -> bool:
    """Seal a reply whose process is gone, with what the journal holds of it."""
    revisions.lock(reply_id)
    reply = Message.objects.select_related("conversation").get(pk=reply_id)
    text, reasoning = thread.journalled([reply_id]).get(reply_id, ("", ""))
    stopped = reply.stop_requested_at is not None
    outcome = Outcome(
        state=MessageState.STOPPED if stopped else MessageState.INTERRUPTED,
        text=text,
        reasoning=reasoning,
        error="" if stopped else Fault.RESTARTED,
    )
    for row in reply.completions.open():
        request = prompts.build(reply.conversation, path=thread.path_to(reply.parent))
        ledger.close_row(
            row.pk,
            Receipt(
                error=Fault.RESTARTED,
                prompt_characters=prompts.characters(request),
                prompt_messages=len(request.messages),
                output_characters=len(text) + len(reasoning),
                model=request.model,
                max_tokens=request.max_tokens,
                # Without a claim nobody had begun to ask.
                may_be_billed=reply.claim is not None,
                http_status=200 if text or reasoning else None,
            ),
        )
    return _seal(Message.objects.filter(pk=reply_id).running(), reply_id, outcome)


def unattended(*, attended: Collection[int], before: datetime) -> list[Message]:
    """Replies that were reserved before this moment, run by the database, and are none of
    `attended`, which this process runs."""
    return list(
        Message.objects.running()
        .filter(created_at__lte=before)
        .exclude(pk__in=attended)
        .oldest_first()
    )


def _show_first(reply_id: int) -> None:
    """The first text of a reply: from here on it is being written."""
    revisions.lock(reply_id)
    reply = Message.objects.only("conversation_id").get(pk=reply_id)
    Message.objects.filter(pk=reply_id).update(state=MessageState.STREAMING)
    reply.completions.open().update(first_token_at=timezone.now())
    revisions.touch(reply.conversation_id, [reply_id])


def _seal(running: MessageQuerySet, reply_id: int, outcome: Outcome) -> bool:
    conversation_id, now = revisions.lock(reply_id), timezone.now()
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
