"""How much of a conversation goes with a request: all of it, until it does not fit any more.

Then whole turns are left out from the front, rarely and deeply, so that for a long time every
request begins as the one before did, and the upstream's cache knows it. Where a request begins is
stored with its reply: another attempt, another process and the rest of it ask the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import Coalesce, Length

from chat.completions.families import family_of
from chat.domain.estimates import PER_MESSAGE, prompt_tokens
from chat.domain.parameters import Parameters
from chat.enums import Role
from chat.models import Conversation, Message
from chat.queries import thread
from chat.queries.thread import Words

# Of what a window has beside the answer, no more than this is filled; then it is emptied to this.
FULL, EMPTIED = 0.9, 0.45
# What an answer needs where nothing says how long it may be, and at most of a window.
USUAL_ANSWER = 8192
MOST_OF_WINDOW = 4


class PromptTooLong(Exception):
    """The last message does not fit into the model's window by itself."""


class Size(NamedTuple):
    """One message: whether it begins a turn, and about how many tokens it has."""

    pk: int
    is_prompt: bool
    tokens: int


@dataclass(frozen=True, slots=True)
class Room:
    """Tokens of messages: how many there may be, to how many they are reduced when they are more,
    and what none may go beyond."""

    limit: int
    target: int
    most: int


def window_of(model: str) -> int | None:
    """Tokens of prompt and answer together, by the operator's word or the family's; None where
    nobody knows."""
    named: int | None = settings.CONTEXT_WINDOWS.get(model)
    return named or family_of(model).window


def first_sent(sizes: Sequence[Size], *, start: int | None, room: Room) -> int | None:
    """The message at which a request begins that may begin at `start`: there, unless that is more
    than the room's limit. None is the beginning of the conversation."""
    begun = next((place for place, size in enumerate(sizes) if size.pk == start), 0)
    left = sum(size.tokens for size in sizes[begun:])
    if left <= room.limit:
        return start if begun else None
    turns = [place for place, size in enumerate(sizes) if size.is_prompt and place >= begun]
    for here, following in zip(turns, turns[1:], strict=False):
        left -= sum(size.tokens for size in sizes[here:following])
        if left <= room.target:
            return sizes[following].pk
    return sizes[turns[-1]].pk if turns and turns[-1] else None


@dataclass(frozen=True, slots=True)
class Measure:
    """What the database says of a conversation without its texts being read."""

    characters: int
    # Of all texts together, surely not more than this.
    tokens: int
    pictures: int
    # Where the request began of the reply that the next one follows, or is tried again instead of.
    start: int | None


def measure(conversation: Conversation, *, before: int | None) -> Measure:
    """One query."""
    found = conversation.messages.aggregate(
        text=Coalesce(Sum(Length("text")), 0),
        reasoning=Coalesce(Sum(Length("reasoning")), 0),
        count=Count("pk"),
        pictures=Coalesce(Sum("pictures"), 0),
        start=Max("history_from", filter=Q(pk=before)),
    )
    # A character is a token at the most.
    tokens = found["text"] + found["reasoning"] + 2 * (PER_MESSAGE + 1) * found["count"]
    return Measure(found["text"], tokens, found["pictures"], found["start"])


def begin(
    conversation: Conversation,
    measured: Measure,
    *,
    prompt: Message,
    model: str,
    before: int | None,
    parameters: Parameters | None = None,
    was_too_long: bool = False,
) -> int | None:
    """Where the request of a new reply to this prompt begins, which follows the reply `before`, or
    is tried again instead of it because that `was_too_long`. It is asked by `parameters`, or by the
    conversation's. Raises PromptTooLong."""
    window = window_of(model)
    few = measured.tokens + len(prompt.text) + len(conversation.system_prompt) + PER_MESSAGE
    few += (measured.pictures + prompt.pictures) * family_of(model).image_tokens
    fits = window is None or few <= window // 2
    if measured.start is None and fits and not was_too_long:
        return None
    path = thread.words_to(conversation.pk, prompt.pk)
    sizes = list(_sizes(path, model))
    # Another model may have another window: it is shown what it can see.
    start = measured.start if before is not None and thread.model_asked(before) == model else None
    whole = sum(size.tokens for size in sizes)
    parameters = parameters or Parameters.from_json(conversation.parameters)
    room = _room(conversation, model, window, parameters) if window else Room(whole, whole, whole)
    if sizes[-1].tokens > room.most:
        raise PromptTooLong
    if was_too_long:
        # Whatever was reckoned, it was more than there is room for.
        sent = sum(size.tokens for size in sizes if start is None or size.pk >= start)
        room = Room(limit=sent - 1, target=min(sent // 2, room.target), most=room.most)
    return first_sent(sizes, start=start, room=room)


def _room(conversation: Conversation, model: str, window: int, parameters: Parameters) -> Room:
    asked = parameters.max_tokens
    answer = family_of(model).most_output(asked) or asked or USUAL_ANSWER
    free = window - min(answer, window // MOST_OF_WINDOW)
    beside = prompt_tokens([conversation.system_prompt]) if conversation.system_prompt else 0
    return Room(
        limit=int(free * FULL) - beside, target=int(free * EMPTIED) - beside, most=free - beside
    )


def _sizes(path: Iterable[Words], model: str) -> Iterable[Size]:
    """Rather too many tokens than too few."""
    family = family_of(model)
    for said in path:
        is_prompt = said.role == Role.USER
        texts = [said.text] if is_prompt or said.text.strip() else []
        if texts and family.returns_thinking and said.reasoning:
            texts.append(said.reasoning)
        tokens = prompt_tokens(texts) + said.pictures * family.image_tokens
        yield Size(said.pk, is_prompt, tokens)
