"""The shown branch of a conversation, as far as a page shows it.

The database walks it from the head up by the parents, and only what is shown is read with its text:
a long conversation costs about as much as a short one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

from chat.models import Conversation, Message

# What a page shows at once: so many messages, fewer if they are long, but never less than a turn.
MOST_MESSAGES = 20
MOST_CHARACTERS = 60_000
LEAST_MESSAGES = 2
# Of a page around one message, so many stand above it.
BEFORE_IT = 8

# `back` counts from the head, which is 0, up to the root. A child is younger than its parent.
PATH = """
WITH RECURSIVE path(id, parent_id, back) AS (
    SELECT id, parent_id, 0 FROM chat_message WHERE id = %s
    UNION ALL
    SELECT above.id, above.parent_id, path.back + 1
    FROM path JOIN chat_message above ON above.id = path.parent_id
    WHERE above.id >= %s
)"""
PASSED = "SELECT id FROM path"
# Those that stand so far from one of them, and where each is.
AROUND = """
SELECT message.*, path.back, (SELECT count(*) FROM path) AS length
FROM path JOIN chat_message message ON message.id = path.id
WHERE path.back - (SELECT back FROM path WHERE id = %s) BETWEEN %s AND %s
ORDER BY message.id"""


@dataclass(frozen=True, slots=True)
class Part:
    """Messages of the branch that follow one another, and how many stand above and below them."""

    messages: Sequence[Message] = ()
    earlier: int = 0
    later: int = 0

    @property
    def first_id(self) -> int | None:
        return self.messages[0].pk if self.messages else None

    @property
    def last_id(self) -> int | None:
        return self.messages[-1].pk if self.messages else None

    def has(self, message_id: int) -> bool:
        return any(message.pk == message_id for message in self.messages)


def last(conversation: Conversation) -> Part:
    """The end of the branch."""
    found = _from(conversation, conversation.head_id, 0, MOST_MESSAGES - 1)
    return _part(found, _fitting(reversed(found)))


def before(conversation: Conversation, message_id: int) -> Part:
    """What stands above a message; nothing if that is not on the branch."""
    found = _from(conversation, message_id, 1, MOST_MESSAGES)
    return _part(found, _fitting(reversed(found)))


def after(conversation: Conversation, message_id: int) -> Part:
    """What stands below it."""
    found = _from(conversation, message_id, -MOST_MESSAGES, -1)
    return _part(found, _fitting(found))


def around(conversation: Conversation, message_id: int) -> Part:
    """A message among its neighbours; nothing if it is not on the branch."""
    found = _from(conversation, message_id, BEFORE_IT + 1 - MOST_MESSAGES, BEFORE_IT)
    above = [message for message in found if message.pk < message_id]
    return _part(found, _fitting(found[len(above) :]) | _fitting(reversed(above)))


def among(conversation: Conversation, ids: Collection[int]) -> set[int]:
    """Which of these are on the branch. It is walked no further than they reach."""
    if not ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(PATH + PASSED, [conversation.head_id, min(ids)])
        return {key for (key,) in cursor.fetchall()} & set(ids)


def _from(
    conversation: Conversation, message_id: int | None, nearest: int, farthest: int
) -> list[Message]:
    """Those of the branch between two distances from a message, oldest first. One query."""
    place = [conversation.head_id, 0, message_id, nearest, farthest]
    return list(Message.objects.raw(PATH + AROUND, place))


def _fitting(messages: Iterable[Message]) -> set[int]:
    """The first of these, as far as a page has room for them."""
    taken: set[int] = set()
    room = MOST_CHARACTERS
    for message in messages:
        room -= len(message.text) + len(message.reasoning)
        if room < 0 and len(taken) >= LEAST_MESSAGES:
            break
        taken.add(message.pk)
    return taken


def _part(found: Sequence[Message], taken: Collection[int]) -> Part:
    shown = [message for message in found if message.pk in taken]
    if not shown:
        return Part()
    return Part(shown, earlier=_length(shown[0]) - _back(shown[0]) - 1, later=_back(shown[-1]))


def _back(message: Message) -> int:
    """As the query has counted it."""
    return int(message.back)  # type: ignore[attr-defined]


def _length(message: Message) -> int:
    return int(message.length)  # type: ignore[attr-defined]
