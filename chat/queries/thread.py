"""What a page shows of a conversation: the branch from the root to its head."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self, TypeVar

from django.db.models import FilteredRelation, Q
from django.utils.safestring import SafeString

from chat.completions.verdict import is_cut, is_filtered
from chat.enums import RUNNING_STATES, Fault, MessageState
from chat.models import Attachment, Completion, Conversation, JournalPiece, Message
from chat.queries import branches
from chat.queries.branches import MOST_MESSAGES

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
    # What the owner of the conversation thought of it, if they said so.
    verdict: str = ""
    pictures: tuple[Attachment, ...] = ()
    # Whether the model sees it and nothing above it.
    begins_view: bool = False
    # What it was asked with, where that is not what the conversation asks with.
    asked_with: Mapping[str, Any] | None = None
    # Where it is known beside the message itself.
    picture: Picture | None = None
    # How long it has thought before it wrote, once it is over.
    thought_for: timedelta | None = None
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
    pictures: int


N = TypeVar("N", Message, Words)


def branch(conversation: Conversation) -> list[Message]:
    """The messages from the root to the head, oldest first. One query."""
    return _path(conversation.messages.oldest_first(), conversation.head_id)


def words_to(
    conversation_id: uuid.UUID, message_id: int | None, *, since: int | None = None
) -> list[Words]:
    """What was said from the root, or from message `since`, to this one, oldest first. One
    query."""
    rows = Message.objects.filter(conversation=conversation_id, pk__gte=since or 0).values_list(
        *Words._fields
    )
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


def model_asked(reply_id: int) -> str:
    """The one that was asked last for a reply; nothing if none was."""
    rows = Completion.objects.filter(message=reply_id).order_by("-pk")
    return rows.values_list("model_asked", flat=True).first() or ""


def model_of(reply: Message) -> str:
    """The same, or else the conversation's."""
    return model_asked(reply.pk) or reply.conversation.model


def is_sealed(reply_id: int) -> bool:
    return not Message.objects.filter(pk=reply_id).running().exists()


def sealed_text(reply_id: int) -> str:
    """The whole text of a reply that is over; empty while it runs."""
    return Message.objects.filter(pk=reply_id).values_list("text", flat=True).first() or ""


def entries(
    conversation: Conversation,
    messages: Sequence[Message] | None = None,
    *,
    known: Container[int] = (),
) -> list[Entry]:
    """What to show of these messages, or of the whole branch.

    A running reply's text is what the journal holds of it, unless it is `known` to whoever asks.
    At most five queries, one more where there are pictures, and one for the whole branch.
    """
    shown = branch(conversation) if messages is None else messages
    replies = [message for message in shown if message.is_reply]
    _with_journal(message for message in replies if message.pk not in known)
    attempts = _attempts(replies)
    families = _families(conversation, shown) if shown else {}
    pictures = pictures_of(message.pk for message in shown if message.pictures)
    seen_from = _seen_from(conversation, shown) if shown else None
    return [
        _entry(
            message,
            conversation=conversation,
            attempts=attempts.get(message.pk, []),
            family=families[message.parent_id],
            is_last=message.pk == conversation.head_id,
            pictures=pictures.get(message.pk, ()),
            seen_from=seen_from,
        )
        for message in shown
    ]


def just_begun(conversation: Conversation, *, prompt: Message, reply: Message) -> list[Entry]:
    """What to show of a turn that was committed this moment, without a query, if it has no
    pictures."""
    pictures = pictures_of([prompt.pk] if prompt.pictures else ()).get(prompt.pk, ())
    return [
        _entry(
            prompt,
            conversation=conversation,
            attempts=[],
            family=Family([], {}),
            is_last=False,
            pictures=pictures,
            seen_from=reply.history_from,
        ),
        _entry(
            reply,
            conversation=conversation,
            attempts=[],
            family=Family([reply.pk], {}),
            is_last=True,
        ),
    ]


def pictures_of(message_ids: Iterable[int]) -> Mapping[int, tuple[Attachment, ...]]:
    """What was sent with prompts, in order. No query for none."""
    found: dict[int, list[Attachment]] = defaultdict(list)
    if ids := list(message_ids):
        for attachment in Attachment.objects.filter(message__in=ids).in_order():
            if attachment.message_id is not None:
                found[attachment.message_id].append(attachment)
    return {key: tuple(pictures) for key, pictures in found.items()}


def changed(
    conversation: Conversation, *, since: int, always: int | None = None
) -> list[Message] | None:
    """Messages of the branch that changed after a revision, and `always` whether it did or not.

    None if they are more than a page shows at once.
    """
    new = conversation.messages.changed_since(since).oldest_first()
    found = {message.pk: message for message in new[: MOST_MESSAGES + 1]}
    if len(found) > MOST_MESSAGES:
        return None
    if always is not None and always not in found:
        found |= conversation.messages.in_bulk([always])
    # Mostly the head is among them, and each leads to the next.
    linked = set[int]()
    key = conversation.head_id
    while key in found:
        linked.add(key)
        key = found[key].parent_id
    shown = linked if len(linked) == len(found) else branches.among(conversation, found)
    return [found[key] for key in sorted(shown)]


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


def _seen_from(conversation: Conversation, shown: Sequence[Message]) -> int | None:
    """The message at which the last request of the branch began, if it was not the first one."""
    for message in shown:
        if message.pk == conversation.head_id:
            return message.history_from
    head = Message.objects.filter(pk=conversation.head_id or 0)
    return head.values_list("history_from", flat=True).first()


class Family(NamedTuple):
    """What stands at one place of the tree, oldest first, and what the conversation's owner thought
    of each, where they said so."""

    keys: list[int]
    verdicts: dict[int, str]


def _families(conversation: Conversation, shown: Sequence[Message]) -> Mapping[int | None, Family]:
    """What stands beside these: the replies to each prompt, and the prompts that follow each reply
    or begin the conversation, by what they follow. One query."""
    families: dict[int | None, Family] = defaultdict(lambda: Family([], {}))
    parents = {message.parent_id for message in shown}
    beside = Q(parent__in=parents - {None})
    if None in parents:
        beside |= Q(parent=None)
    said = FilteredRelation("feedback", condition=Q(feedback__user=conversation.owner_id))
    rows = conversation.messages.filter(beside).annotate(said=said).oldest_first()
    for parent, key, verdict in rows.values_list("parent_id", "pk", "said__verdict"):
        families[parent].keys.append(key)
        if verdict:
            families[parent].verdicts[key] = verdict
    return families


def _entry(
    message: Message,
    *,
    conversation: Conversation,
    attempts: list[Completion],
    family: Family,
    is_last: bool,
    pictures: tuple[Attachment, ...] = (),
    seen_from: int | None = None,
) -> Entry:
    completion = attempts[-1] if attempts else None
    siblings, verdicts = family
    position = siblings.index(message.pk) if message.pk in siblings else 0
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
        siblings=len(siblings),
        position=position + 1,
        previous_id=siblings[position - 1] if position > 0 else None,
        next_id=siblings[position + 1] if position + 1 < len(siblings) else None,
        verdict=verdicts.get(message.pk, ""),
        pictures=pictures,
        begins_view=message.pk == seen_from,
        thought_for=_thought_for(message, attempts),
        asked_with=_own_parameters(message, conversation),
    )


def _own_parameters(message: Message, conversation: Conversation) -> Mapping[str, Any] | None:
    own: Mapping[str, Any] | None = message.parameters
    return None if own == conversation.parameters else own


def _asked_at(message: Message, attempts: list[Completion]) -> datetime:
    """Attempts that begin at the same place are for the same thing."""
    if not attempts:
        return message.created_at
    place = attempts[-1].continues_at
    return min(row.started_at for row in attempts if row.continues_at == place)


def _thought_for(message: Message, attempts: list[Completion]) -> timedelta | None:
    """From the first token of each attempt to the first that was no thinking, or to its end.

    After a stop an answer may be read on for what it costs: nobody sees what it thinks then.
    """
    if not message.reasoning or message.finished_at is None:
        return None
    # Of a process that is gone nobody knows when its text began.
    if any(row.text_characters and row.first_text_at is None for row in attempts):
        return None
    seen_until = message.finished_at
    spans = [
        min(seen_until, row.first_text_at or seen_until, row.finished_at or seen_until)
        - row.first_token_at
        for row in attempts
        if row.first_token_at
    ]
    return sum(spans, timedelta()) if spans else None


def _sentence(code: str) -> str:
    if not code:
        return ""
    return str(Fault(code).label) if code in Fault.values else str(Fault.INTERNAL.label)
