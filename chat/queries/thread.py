"""What a page shows of a conversation: the branch from the root to its head."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self, TypeVar

from django.db.models import Q
from django.utils.safestring import SafeString

from chat.completions.verdict import is_cut, is_filtered
from chat.enums import RUNNING_STATES, Fault, MessageState
from chat.models import Completion, Conversation, JournalPiece, Message

TRY_AGAIN_STATES = (
    MessageState.COMPLETE,
    MessageState.STOPPED,
    MessageState.INTERRUPTED,
    MessageState.FAILED,
)


@dataclass(frozen=True, slots=True)
class Together:
    """Tokens of several attempts. What is unknown counts as none."""

    prompt: int
    output: int
    is_estimated: bool

    @classmethod
    def of(cls, attempts: list[Completion]) -> Self:
        return cls(
            prompt=sum(row.prompt or 0 for row in attempts),
            output=sum(row.output or 0 for row in attempts),
            is_estimated=any(row.is_estimated for row in attempts),
        )


class Picture(NamedTuple):
    """The text and the reasoning of a running reply, as HTML."""

    text: SafeString
    reasoning: SafeString


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as a page shows it, with the ledger row of its latest attempt."""

    message: Message
    completion: Completion | None
    attempts: int
    together: Together
    # When its text, or the rest of it, was asked for.
    asked_at: datetime
    model_label: str
    is_last: bool
    can_try_again: bool
    can_go_on: bool
    fault: str
    # Ended by a limit of tokens, or by the upstream's filter.
    is_cut: bool
    is_filtered: bool
    siblings: int
    position: int
    previous_id: int | None
    next_id: int | None
    # Where it is known beside the message itself.
    picture: Picture | None = None
    # Whether the page has its text and its reasoning already, just as they are.
    is_shown: bool = False


class Words(NamedTuple):
    """A message as far as a request needs it. A long conversation has many, and rows cost a tenth
    of what objects do."""

    pk: int
    parent_id: int | None
    role: str
    text: str
    reasoning: str


class _Node(NamedTuple):
    """A message as far as is needed to know whether it has to be shown again."""

    pk: int
    parent_id: int | None
    revision: int


N = TypeVar("N", Message, Words, _Node)


def branch(conversation: Conversation) -> list[Message]:
    """The messages from the root to the head, oldest first. One query."""
    return _path(conversation.messages.oldest_first(), conversation.head_id)


def words_to(conversation_id: uuid.UUID, message_id: int | None) -> list[Words]:
    """What was said from the root to this message, oldest first. One query."""
    rows = Message.objects.filter(conversation=conversation_id).values_list(*Words._fields)
    return _path((Words(*row) for row in rows), message_id)


def _path(nodes: Iterable[N], end: int | None) -> list[N]:
    by_id = {node.pk: node for node in nodes}
    path: list[N] = []
    node = by_id.get(end) if end else None
    while node is not None:
        path.append(node)
        node = by_id.get(node.parent_id) if node.parent_id else None
    path.reverse()
    return path


def answering(conversation: Conversation) -> Message | None:
    """The reply that is being written, unless it was told to stop."""
    return conversation.messages.running().filter(stop_requested_at=None).first()


def is_sealed(reply_id: int) -> bool:
    return not Message.objects.filter(pk=reply_id).running().exists()


def sealed_text(reply_id: int) -> str:
    """The whole text of a reply that is over; empty while it runs."""
    return Message.objects.filter(pk=reply_id).values_list("text", flat=True).first() or ""


def entries(
    conversation: Conversation,
    *,
    changed_since: int | None = None,
    always: int | None = None,
    known: Container[int] = (),
) -> list[Entry]:
    """What to show of the branch, or only of its messages that changed after a revision.

    The message `always` is shown whether it changed or not. A running reply's text is what the
    journal holds of it, unless it is `known` to whoever asks. At most five queries.
    """
    if changed_since is None:
        shown = branch(conversation)
    else:
        shown = _changed(conversation, since=changed_since, always=always)
    replies = [message for message in shown if message.is_reply]
    _with_journal(message for message in replies if message.pk not in known)
    attempts = _attempts(replies)
    families = _siblings(conversation, shown) if shown else {}
    return [
        _entry(
            message,
            conversation=conversation,
            attempts=attempts.get(message.pk, []),
            family=families.get(message.parent_id, []),
            is_last=message.pk == conversation.head_id,
        )
        for message in shown
    ]


def just_begun(conversation: Conversation, *, prompt: Message, reply: Message) -> list[Entry]:
    """What to show of a turn that was committed this moment, without a query."""
    return [
        _entry(prompt, conversation=conversation, attempts=[], family=[], is_last=False),
        _entry(reply, conversation=conversation, attempts=[], family=[reply.pk], is_last=True),
    ]


def _changed(conversation: Conversation, *, since: int, always: int | None) -> list[Message]:
    """Of a long conversation only what is shown is read with its text."""
    nodes = conversation.messages.values_list(*_Node._fields)
    wanted = [
        node.pk
        for node in _path((_Node(*node) for node in nodes), conversation.head_id)
        if node.revision > since or node.pk == always
    ]
    return list(conversation.messages.filter(pk__in=wanted).oldest_first()) if wanted else []


def journalled(message_ids: Iterable[int]) -> Mapping[int, tuple[str, str]]:
    """The committed text and reasoning of running replies, by message."""
    texts: dict[int, list[str]] = defaultdict(list)
    reasonings: dict[int, list[str]] = defaultdict(list)
    pieces = JournalPiece.objects.filter(message__in=list(message_ids))
    # A long reply has thousands of pieces: rows cost a tenth of what objects do.
    rows = pieces.order_by("message", "number").values_list("message", "text", "reasoning")
    for key, text, reasoning in rows:
        texts[key].append(text)
        reasonings[key].append(reasoning)
    return {key: ("".join(texts[key]), "".join(reasonings[key])) for key in texts}


def journal_of(
    reply_id: int, *, after: int, continues_at: int | None = None
) -> list[tuple[str, str]] | None:
    """Text and reasoning of a running reply's pieces but the first `after`; None when it is over,
    or when it runs for another rest than the one that `continues_at` these characters.

    The pieces are read first: those of a reply that still runs after that are all there.
    """
    pieces = JournalPiece.objects.filter(message=reply_id, number__gte=after).order_by("number")
    rows = list(pieces.values_list("text", "reasoning"))
    if continues_at is None:
        return None if is_sealed(reply_id) else rows
    return rows if where_it_continues(reply_id) == continues_at else None


def where_it_continues(reply_id: int) -> int | None:
    """How many characters of a running reply were there before it ran; None when it is over.

    Its pieces are numbered anew each time that it goes on, which by this can be told apart.
    """
    rows = Completion.objects.open().filter(message=reply_id, message__state__in=RUNNING_STATES)
    return rows.order_by("-pk").values_list("continues_at", flat=True).first()


def _with_journal(replies: Iterable[Message]) -> None:
    running = {message.pk: message for message in replies if message.is_running}
    if not running:
        return
    for key, (text, reasoning) in journalled(running).items():
        running[key].text, running[key].reasoning = text, reasoning


def _attempts(replies: list[Message]) -> Mapping[int, list[Completion]]:
    """The ledger rows of each reply, oldest first."""
    rows: dict[int, list[Completion]] = defaultdict(list)
    for row in Completion.objects.filter(message__in=replies).order_by("pk"):
        if row.message_id is not None:
            rows[row.message_id].append(row)
    return rows


def _siblings(conversation: Conversation, shown: list[Message]) -> Mapping[int | None, list[int]]:
    """What stands beside these: the replies to each prompt, and the prompts that follow each reply
    or begin the conversation, oldest first, by what they follow."""
    families: dict[int | None, list[int]] = defaultdict(list)
    parents = {message.parent_id for message in shown}
    beside = Q(parent__in=parents - {None})
    if None in parents:
        beside |= Q(parent=None)
    rows = conversation.messages.filter(beside).oldest_first()
    for parent, key in rows.values_list("parent_id", "pk"):
        families[parent].append(key)
    return families


def _entry(
    message: Message,
    *,
    conversation: Conversation,
    attempts: list[Completion],
    family: list[int],
    is_last: bool,
) -> Entry:
    completion = attempts[-1] if attempts else None
    position = family.index(message.pk) if message.pk in family else 0
    model = (completion.model_answered or completion.model_asked) if completion else ""
    return Entry(
        message=message,
        completion=completion,
        attempts=len(attempts),
        together=Together.of(attempts),
        asked_at=_asked_at(message, attempts),
        model_label=model or conversation.model,
        is_last=is_last,
        can_go_on=is_last and message.can_go_on,
        can_try_again=is_last and message.is_reply and message.state in TRY_AGAIN_STATES,
        fault=_sentence(message.error),
        is_cut=is_cut(message.finish_reason),
        is_filtered=is_filtered(message.finish_reason),
        siblings=len(family),
        position=position + 1,
        previous_id=family[position - 1] if position > 0 else None,
        next_id=family[position + 1] if position + 1 < len(family) else None,
    )


def _asked_at(message: Message, attempts: list[Completion]) -> datetime:
    """Attempts that begin at the same place are for the same thing."""
    if not attempts:
        return message.created_at
    place = attempts[-1].continues_at
    return min(row.started_at for row in attempts if row.continues_at == place)


def _sentence(code: str) -> str:
    if not code:
        return ""
    return str(Fault(code).label) if code in Fault.values else str(Fault.INTERNAL.label)
