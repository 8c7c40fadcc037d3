"""Which part of all that was used is asked for, and by which totals it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import Count, Q
from django.utils import timezone

from chat.enums import Grain
from chat.models import Completion, Total
from chat.models.completion import CompletionQuerySet
from chat.models.literals import Literal
from chat.models.total import TotalQuerySet
from chat.queries import calendar

if TYPE_CHECKING:
    from django.contrib.auth.models import Group

    from chat.models import User

# Totals of one grain, from a day to the one after the last.
Stretch = tuple[Grain, date, date]


@dataclass(frozen=True, slots=True)
class Scope:
    """The days from `start` to `end`, both included. What is not given is no limit.

    A completion belongs to the day on which it began and to the model that was asked for.
    """

    start: date
    end: date
    user: User | None = None
    group: Group | None = None
    model: str = ""
    source: str = ""
    # Empty for those who have none.
    cost_centre: str | None = None

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """The half-open period."""
        return calendar.midnight(self.start), calendar.midnight(self._after)

    def totals(self, grain: Grain | None = None) -> TotalQuerySet:
        """Of that grain; without one as few as there can be, which is enough where time is not
        told apart."""
        stretches = self._stretches() if grain is None else [(grain, self.start, self._after)]
        who = self.who() & (Q(model=self.model) if self.model else Q())
        # In each stretch for itself, or SQLite reads all that somebody has ever used.
        wanted = [_between(*stretch) & who for stretch in stretches]
        return Total.objects.filter(reduce(or_, wanted))

    def completions(self) -> CompletionQuerySet:
        """The attempts themselves, those that run too."""
        rows = Completion.objects.between(*self.moments)
        return rows.filter(self._asked())

    def running(self) -> int:
        """How many attempts are not over yet. Found by being open, which few are: what else is
        asked of them is a part of the count, or the database would look at all of that time."""
        begun, ended = self.moments
        mine = Q(started_at__gte=begun, started_at__lt=ended) & self._asked()
        count: int = Completion.objects.open().aggregate(n=Count("pk", filter=mine))["n"]
        return count

    def who(self) -> Q:
        """By whom, for what and at whose cost."""
        wanted = Q()
        if self.user is not None:
            wanted &= Q(user=self.user)
        if self.group is not None:
            wanted &= Q(user__in=self.group.user_set.values("pk"))
        if self.source:
            wanted &= Q(source=self.source)
        if self.cost_centre is not None:
            wanted &= Q(cost_centre=self.cost_centre)
        return wanted

    def _asked(self) -> Q:
        """Of attempts."""
        return self.who() & (Q(model_asked=self.model) if self.model else Q())

    @property
    def _after(self) -> date:
        """The first day that is not in it."""
        return self.end + timedelta(days=1)

    def _stretches(self) -> list[Stretch]:
        """Whole months by their own totals, and the days before and after them. This month to date
        is whole too: nothing was used in days to come."""
        first, after = self.start, calendar.first_of_month(self._after)
        if self.end >= calendar.today(timezone.now()):
            after = calendar.next_month(self.end)
        if first.day != 1:
            first = calendar.next_month(first)
        if after <= first:
            return [(Grain.DAY, self.start, self._after)]
        stretches = [
            (Grain.DAY, self.start, first),
            (Grain.MONTH, first, after),
            (Grain.DAY, after, self._after),
        ]
        return [(grain, start, end) for grain, start, end in stretches if start < end]


def _between(grain: Grain, start: date, end: date) -> Q:
    return Q(
        grain=Literal(grain.value),
        start__gte=calendar.midnight(start),
        start__lt=calendar.midnight(end),
    )
