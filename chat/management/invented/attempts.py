"""What an invented team asks, in the order in which it does, with the conversations it begins."""

from __future__ import annotations

import uuid
from bisect import bisect
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

from chat.enums import Source
from chat.management.invented import hours
from chat.management.invented.patterns import Pattern, Patterns
from chat.management.invented.team import Member, Model
from chat.models import Conversation

# One conversation has about so many turns, and nearly all of them a title.
TURNS, TITLED = 12, 0.95
SUBJECTS = (
    "Quarterly report",
    "A query that is slow",
    "Reply to a complaint",
    "Minutes of the meeting",
    "Questions on a contract",
    "Slides for the fair",
    "A test that fails at times",
    "Translation of the manual",
    "Holiday rota",
    "Names for the new product",
)


class Inventor:
    def __init__(self, rng: Random, members: Sequence[Member], models: Sequence[Model]) -> None:
        self._rng = rng
        self._members = members
        self._models = models
        self._patterns = Patterns(rng)
        # Whoever stores attempts takes these out, and stores them first.
        self.begun: list[Conversation] = []

    def attempts(self, count: int, *, start: datetime, end: datetime) -> Iterator[Pattern]:
        """Each has happened when it is given, and may happen again with the next."""
        for begun, seconds, number in hours.spread(count, start=start, end=end):
            appetites = list(accumulate(each.appetite_at(begun) for each in self._members))
            for offset in sorted(self._rng.random() * seconds for _ in range(number)):
                place = bisect(appetites, self._rng.random() * appetites[-1])
                yield self._attempt(self._members[place], begun + timedelta(seconds=offset))

    def _attempt(self, member: Member, begun: datetime) -> Pattern:
        source = Source.CHAT
        if member.conversation is None or self._rng.random() < 1 / TURNS:
            self._begin_conversation(member, begun)
        elif member.turns == 1 and self._rng.random() < TITLED:
            source = Source.TITLE
        member.turns += 1
        pattern = self._patterns.any(member.model, source, begun)
        pattern.happen(member, begun)
        return pattern

    def _begin_conversation(self, member: Member, begun: datetime) -> None:
        member.model = self._rng.choices(self._models, member.tastes)[0]
        member.turns = 0
        member.conversation = Conversation(
            id=uuid.UUID(int=self._rng.getrandbits(128), version=4),
            owner=member.user,
            title=self._rng.choice(SUBJECTS),
            model=member.model.name,
            created_at=begun,
            active_at=begun,
        )
        self.begun.append(member.conversation)
