"""About how many tokens the next request of a conversation has, told beside the composer.

It rests on the last one: its figures are the upstream's own count of nearly the same history, and
what they make of its characters is what is made of those that are being typed. So nothing has to
be read that a page has not read already.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from chat.completions.families import family_of
from chat.domain.estimates import MESSAGE_CHARACTERS, ROUGH
from chat.models import Completion, Message

# Below it nobody needs to know.
FEW = 1000
# Characters from which on a request tells how many of them are a token.
ENOUGH = 400
# In percent: where the upstream has counted, and where evoweb has.
COUNTED, RECKONED = 10, 25


@dataclass(frozen=True, slots=True)
class NextRequest:
    # What is there already: history and system prompt.
    history: int
    tokens_a_character: float
    # How far off it may be, in percent.
    off: int
    few: int = FEW

    @property
    def about(self) -> int | None:
        """To two digits; None where it is little."""
        if self.history < FEW:
            return None
        return round(self.history, 2 - len(str(self.history)))


def first(system_prompt: str) -> NextRequest:
    """What begins a chat, for which no characters have been counted yet."""
    size = len(system_prompt) + MESSAGE_CHARACTERS
    return NextRequest(
        history=ceil(size * ROUGH.likely), tokens_a_character=ROUGH.likely, off=RECKONED
    )


def after(reply: Message, row: Completion) -> NextRequest:
    """What follows this reply, of whose attempts this row is the last."""
    size = (row.prompt_characters or 0) + MESSAGE_CHARACTERS * (row.prompt_messages or 0)
    has_counted = row.prompt is not None and size >= ENOUGH and not row.prompt_pictures
    rate = (row.prompt or 0) / size if has_counted else ROUGH.likely
    prompt = ceil(size * rate) if row.prompt is None else row.prompt
    is_exact = has_counted and not row.is_estimated
    return NextRequest(
        history=prompt + _said(reply, row, rate),
        tokens_a_character=round(rate, 4),
        off=COUNTED if is_exact else RECKONED,
    )


def _said(reply: Message, row: Completion, rate: float) -> int:
    """Tokens of the answer, as it will be sent back: its thinking is, for families that want it."""
    if not reply.text.strip():
        return 0
    counted = row.output if family_of(row.model_asked).returns_thinking else row.visible
    return ceil(len(reply.text) * rate) if counted is None else counted
