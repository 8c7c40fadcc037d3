"""What has to be true of the database at every moment, whatever was killed and whoever raced.

A list, as data: a name, a sentence, and the rows that break it. Each is looked for by one
aggregate query, so a million rows need no more memory than ten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Length
from django.utils import timezone

from chat.enums import RUNNING_STATES, CompletionState, MessageState, Role, Source
from chat.models import (
    Allowance,
    Completion,
    Conversation,
    Correction,
    Feedback,
    Hold,
    JournalPiece,
    Message,
    Process,
    QueuedMessage,
    Revaluation,
)
from chat.queries.snapshot import snapshot

EXAMPLES = 5
# How long a reserved reply may be on its way to a process, and how long one may be silent until
# another has found that out and sealed what it ran.
UNCLAIMED_FOR = timedelta(seconds=30)
SILENT_SECONDS = 60.0

# Sets of primary keys of whatever the invariant speaks of.
Keys = QuerySet[Any, Any]


@dataclass(frozen=True, slots=True)
class Invariant:
    """`broken_by` gives the keys of what breaks it; `kind` says what they are keys of."""

    name: str
    sentence: str
    kind: str
    broken_by: Callable[[], Keys]


@dataclass(frozen=True, slots=True)
class Finding:
    """How many rows break an invariant, with the keys of the first few."""

    invariant: Invariant
    count: int
    examples: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return self.count == 0

    def __str__(self) -> str:
        if self.holds:
            return f"{self.invariant.name}: holds"
        some = ", ".join(self.examples)
        return f"{self.invariant.name}: {self.count} ({self.invariant.kind} {some})"


def findings() -> list[Finding]:
    """Every invariant, one after the other: in a `snapshot`, where evoweb may be running."""
    return [_look(invariant) for invariant in INVARIANTS]


def broken() -> list[Finding]:
    """Those that do not hold, all looked at in the same moment."""
    with snapshot():
        return [finding for finding in findings() if not finding.holds]


def _look(invariant: Invariant) -> Finding:
    keys = invariant.broken_by()
    count = keys.count()
    examples = tuple(str(key) for key in keys.order_by("pk")[:EXAMPLES]) if count else ()
    return Finding(invariant, count, examples)


# Turns


def _replies_without_prompt() -> Keys:
    is_answer = Q(parent__role=Role.USER)
    return _keys(Message.objects.replies().filter(Q(parent=None) | ~is_answer))


def _prompts_without_reply() -> Keys:
    answers = Message.objects.replies().filter(parent=OuterRef("pk"))
    return _keys(Message.objects.filter(~Exists(answers), role=Role.USER))


def _messages_of_the_wrong_author() -> Keys:
    signed_reply = Q(role=Role.ASSISTANT, author__isnull=False)
    return _keys(Message.objects.filter(signed_reply | Q(role=Role.USER, author=None)))


def _messages_of_two_conversations() -> Keys:
    elsewhere = Q(parent__isnull=False) & ~Q(parent__conversation=F("conversation"))
    return _keys(Message.objects.filter(elsewhere))


def _messages_without_their_pictures() -> Keys:
    counted = Message.objects.annotate(found=Count("attachments"))
    return _keys(counted.exclude(pictures=F("found")))


def _messages_with_a_wrong_end() -> Keys:
    running = Q(state__in=RUNNING_STATES)
    return _keys(
        Message.objects.filter(running & Q(finished_at__isnull=False) | ~running & _unfinished)
    )


def _running_beside_another() -> Keys:
    """Conversations: a reply that is told to stop makes place for the next one."""
    running = Message.objects.running().filter(stop_requested_at=None)
    several = running.values("conversation").annotate(runs=Count("pk")).filter(runs__gt=1)
    return _keys(Conversation.objects.filter(pk__in=several.values("conversation")))


def _running_without_owner() -> Keys:
    """The one place that knows what an owner is."""
    # A reply that goes on is reserved anew, which its newest row tells and not its own beginning.
    reserved = Completion.objects.filter(
        message=OuterRef("pk"), started_at__gt=timezone.now() - UNCLAIMED_FOR
    )
    on_its_way = Q(Exists(reserved), claim=None)
    owned = Q(claim__isnull=False, claim__in=_living())
    return _keys(Message.objects.running().filter(~on_its_way, ~owned))


def _living() -> Keys:
    silent = Process.objects.unheard_for(SILENT_SECONDS)
    return _keys(Process.objects.exclude(pk__in=silent))


# The queue


def _queued_and_sent() -> Keys:
    prompts = Message.objects.filter(author=OuterRef("author"), send_key=OuterRef("send_key"))
    return _keys(QueuedMessage.objects.filter(Exists(prompts)))


# Conversations


def _messages_ahead_of_their_conversation() -> Keys:
    return _keys(Message.objects.filter(revision__gt=F("conversation__revision")))


def _branches_ahead_of_their_conversation() -> Keys:
    return _keys(Conversation.objects.filter(branch_revision__gt=F("revision")))


def _heads_of_others() -> Keys:
    elsewhere = Q(head__isnull=False) & ~Q(head__conversation=F("pk"))
    headless = Q(Exists(Message.objects.filter(conversation=OuterRef("pk"))), head=None)
    return _keys(Conversation.objects.filter(elsewhere | headless))


def _requests_that_begin_elsewhere() -> Keys:
    begins = Message.objects.filter(
        pk=OuterRef("history_from"),
        conversation=OuterRef("conversation"),
        role=Role.USER,
        pk__lt=OuterRef("pk"),
    )
    return _keys(Message.objects.filter(~Exists(begins), history_from__isnull=False))


# The journal


def _pieces_of_finished_replies() -> Keys:
    return _keys(JournalPiece.objects.exclude(message__state__in=RUNNING_STATES))


def _journals_with_a_gap() -> Keys:
    """Replies whose pieces are not numbered from 0 without a gap: a number is used once, so it is
    one that lacks its predecessor."""
    before = JournalPiece.objects.filter(message=OuterRef("message"), number=OuterRef("number") - 1)
    after_a_gap = JournalPiece.objects.filter(~Exists(before), number__gt=0)
    return _keys(Message.objects.filter(pk__in=after_a_gap.values("message")))


def _continued_without_beginning() -> Keys:
    """Their text is in the journal's first piece, and nowhere else while they run."""
    beginning = JournalPiece.objects.filter(message=OuterRef("message"), number=0).annotate(
        length=Length("text") + Length("reasoning")
    )
    continued = Completion.objects.open().filter(continues_at__gt=0, message__isnull=False)
    lost = ~Exists(beginning.filter(length=OuterRef("continues_at")))
    return _keys(Message.objects.running().filter(pk__in=continued.filter(lost).values("message")))


# The ledger


def _replies_without_row() -> Keys:
    rows = Completion.objects.filter(message=OuterRef("pk"))
    return _keys(Message.objects.replies().filter(~Exists(rows)))


def _running_without_open_row() -> Keys:
    """One without any row is another invariant's."""
    rows = Completion.objects.filter(message=OuterRef("pk"))
    return _keys(Message.objects.running().filter(~Exists(rows.open()), Exists(rows)))


def _open_rows_of_sealed_replies() -> Keys:
    """Who ran a stopped reply may still read on for its figures."""
    forgotten = (
        Q(message=None, source=Source.CHAT)
        | Q(message=None, source=Source.TITLE) & ~Q(claim__in=_living())
        | Q(message__isnull=False) & ~Q(message__state__in=RUNNING_STATES)
    )
    read_on = Q(
        message__state=MessageState.STOPPED,
        message__claim__isnull=False,
        message__claim__in=_living(),
    )
    return _keys(Completion.objects.open().filter(forgotten & ~read_on))


def _replies_with_several_open_rows() -> Keys:
    several = (
        Completion.objects.open().values("message").annotate(rows=Count("pk")).filter(rows__gt=1)
    )
    return _keys(Message.objects.filter(pk__in=several.values("message")))


def _rows_with_a_wrong_end() -> Keys:
    is_open = Q(state=CompletionState.OPEN)
    return _keys(
        Completion.objects.filter(is_open & Q(finished_at__isnull=False) | ~is_open & _unfinished)
    )


def _final_rows_without_usage() -> Keys:
    return _keys(Completion.objects.filter(state=CompletionState.FINAL, usage__isnull=True))


def _estimates_out_of_bounds() -> Keys:
    """A figure that is missing is out of bounds too; a constraint would let it pass."""
    wrong = Q()
    for name in ("estimated_prompt", "estimated_output"):
        low, high = f"{name}_low", f"{name}_high"
        wrong |= Q(**{name: None}) | Q(**{low: None}) | Q(**{high: None})
        wrong |= Q(**{f"{name}__lt": F(low)}) | Q(**{f"{name}__gt": F(high)})
    return _keys(Completion.objects.filter(wrong, state=CompletionState.ESTIMATED))


def _rows_of_two_conversations() -> Keys:
    elsewhere = Q(conversation=None) | ~Q(conversation=F("message__conversation"))
    return _keys(Completion.objects.filter(elsewhere, message__isnull=False))


def _costs_out_of_bounds() -> Keys:
    known = Completion.objects.exclude(cost=None)
    within = Q(cost__gte=F("cost_low"), cost__lte=F("cost_high"))
    return _keys(known.exclude(within))


def _corrections_of_another_kind() -> Keys:
    """Of a row that is open, or by the price of another model."""
    other = ~Q(price__model=F("completion__model_asked"))
    return _keys(Correction.objects.filter(Q(completion__state=CompletionState.OPEN) | other))


def _corrections_out_of_bounds() -> Keys:
    within = Q(cost__gte=F("cost_low"), cost__lte=F("cost_high"))
    return _keys(Correction.objects.exclude(within))


def _revaluations_of_other_rows() -> Keys:
    counted = Revaluation.objects.annotate(made=Count("corrections"))
    return _keys(counted.exclude(rows=F("made")))


def _holds_of_closed_rows() -> Keys:
    return _keys(Hold.objects.exclude(completion__state=CompletionState.OPEN))


def _allowances_that_hold_something_else() -> Keys:
    summed = Allowance.objects.annotate(of_holds=Coalesce(Sum("holds__amount"), 0))
    return _keys(summed.exclude(held=F("of_holds")))


_unfinished = Q(finished_at=None)


def _keys(rows: QuerySet[Any]) -> Keys:
    return rows.values_list("pk", flat=True)


# Feedback


def _feedback_on_nothing() -> Keys:
    words_without_chat = Q(message=None) & ~Q(text="")
    return _keys(Feedback.objects.filter(words_without_chat | Q(message__role=Role.USER)))


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "reply_answers_a_prompt",
        "Every reply answers a prompt.",
        "message",
        _replies_without_prompt,
    ),
    Invariant(
        "prompt_has_a_reply",
        "Every accepted prompt has a reply.",
        "message",
        _prompts_without_reply,
    ),
    Invariant(
        "prompts_alone_have_authors",
        "Every prompt has an author, and no reply has one.",
        "message",
        _messages_of_the_wrong_author,
    ),
    Invariant(
        "tree_stays_in_its_conversation",
        "Every message follows one of its own conversation.",
        "message",
        _messages_of_two_conversations,
    ),
    Invariant(
        "message_has_its_pictures",
        "Every message has as many pictures as it says, and no reply has one.",
        "message",
        _messages_without_their_pictures,
    ),
    Invariant(
        "message_finished_iff_it_has_an_end",
        "Every message that is not running has an end, and no running one has.",
        "message",
        _messages_with_a_wrong_end,
    ),
    Invariant(
        "one_running_reply_a_conversation",
        "A conversation has at most one running reply.",
        "conversation",
        _running_beside_another,
    ),
    Invariant(
        "running_reply_has_an_owner",
        "Every running reply is run by a living process.",
        "message",
        _running_without_owner,
    ),
    Invariant(
        "queued_is_not_sent",
        "No message that waits to be sent has been sent.",
        "queued message",
        _queued_and_sent,
    ),
    Invariant(
        "message_is_not_ahead",
        "No message is newer than its conversation.",
        "message",
        _messages_ahead_of_their_conversation,
    ),
    Invariant(
        "branch_is_not_ahead",
        "No branch is newer than its conversation.",
        "conversation",
        _branches_ahead_of_their_conversation,
    ),
    Invariant(
        "head_is_its_own",
        "Every conversation with messages shows one of its own.",
        "conversation",
        _heads_of_others,
    ),
    Invariant(
        "request_begins_with_a_prompt",
        "Where a request does not begin at the first message, it begins at a prompt before it.",
        "message",
        _requests_that_begin_elsewhere,
    ),
    Invariant(
        "journal_is_of_running_replies",
        "The journal holds no text of finished replies.",
        "piece",
        _pieces_of_finished_replies,
    ),
    Invariant(
        "journal_has_no_gap",
        "The text of a running reply is there from its beginning, without gaps.",
        "message",
        _journals_with_a_gap,
    ),
    Invariant(
        "continued_reply_has_its_beginning",
        "Every reply that goes on has its beginning in the journal.",
        "message",
        _continued_without_beginning,
    ),
    Invariant(
        "reply_is_in_the_ledger",
        "Every reply has a row in the ledger.",
        "message",
        _replies_without_row,
    ),
    Invariant(
        "running_reply_has_an_open_row",
        "Every running reply has an open row.",
        "message",
        _running_without_open_row,
    ),
    Invariant(
        "sealed_reply_has_no_open_row",
        "No row is open whose reply has ended, unless it is read on for its figures, nor of a "
        "title for which nobody asks.",
        "row",
        _open_rows_of_sealed_replies,
    ),
    Invariant(
        "one_open_row_a_reply",
        "A reply has at most one open row.",
        "message",
        _replies_with_several_open_rows,
    ),
    Invariant(
        "row_closed_iff_it_has_an_end",
        "Every closed row has an end, and no open one has.",
        "row",
        _rows_with_a_wrong_end,
    ),
    Invariant(
        "final_row_has_usage",
        "Every final row has the upstream's usage.",
        "row",
        _final_rows_without_usage,
    ),
    Invariant(
        "estimate_lies_in_its_bounds",
        "Every estimate lies in its bounds.",
        "row",
        _estimates_out_of_bounds,
    ),
    Invariant(
        "row_is_of_its_replys_conversation",
        "Every row with a reply belongs to the reply's conversation.",
        "row",
        _rows_of_two_conversations,
    ),
    Invariant(
        "cost_lies_in_its_bounds",
        "Every cost lies in its bounds.",
        "row",
        _costs_out_of_bounds,
    ),
    Invariant(
        "correction_is_of_a_closed_row",
        "Every correction is of a closed row, by a price of its model.",
        "correction",
        _corrections_of_another_kind,
    ),
    Invariant(
        "corrected_cost_lies_in_its_bounds",
        "Every corrected cost lies in its bounds.",
        "correction",
        _corrections_out_of_bounds,
    ),
    Invariant(
        "revaluation_counts_its_corrections",
        "Every revaluation has made as many corrections as it says.",
        "revaluation",
        _revaluations_of_other_rows,
    ),
    Invariant(
        "hold_is_of_an_open_row",
        "Nothing is held of a budget for a row that is closed.",
        "hold",
        _holds_of_closed_rows,
    ),
    Invariant(
        "allowance_holds_what_runs",
        "What is held of a budget is what its holds add up to.",
        "allowance",
        _allowances_that_hold_something_else,
    ),
    Invariant(
        "feedback_is_on_an_answer",
        "What somebody thought is of an answer, and words of it go with the answer.",
        "feedback",
        _feedback_on_nothing,
    ),
)
