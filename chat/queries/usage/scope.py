"""Which part of all that was used is asked for, and by which totals it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q

from chat.enums import Grain
from chat.models import Completion, Total
from chat.models.completion import CompletionQuerySet
from chat.models.literals import Literal
from chat.models.total import TotalQuerySet
from chat.queries import calendar

if TYPE_CHECKING:
    from django.contrib.auth.models import Group

    from chat.models import User


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
        return calendar.midnight(self.start), calendar.midnight(self.end + timedelta(days=1))

    def totals(self, grain: Grain | None = None) -> TotalQuerySet:
        """Of that grain; without one as few as there can be, which is enough where time is not
        told apart."""
        totals = Total.objects.filter(self._stretches() if grain is None else self._by(grain))
        return totals.filter(self.who(), **({"model": self.model} if self.model else {}))

    def completions(self) -> CompletionQuerySet:
        """The attempts themselves, those that run too."""
        rows = Completion.objects.between(*self.moments)
        return rows.filter(self.who(), **({"model_asked": self.model} if self.model else {}))

    def running(self) -> CompletionQuerySet:
        """Found by being open, which few are: by their time the database would look at all."""
        return self.completions().filter(pk__in=Completion.objects.open().values("pk"))

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

    def _by(self, grain: Grain) -> Q:
        return _between(grain, self.start, self.end + timedelta(days=1))

    def _stretches(self) -> Q:
        """Whole months by their own totals, and the days before and after them."""
        first, after = self.start, calendar.first_of_month(self.end + timedelta(days=1))
        if first.day != 1:
            first = calendar.next_month(first)
        if after <= first:
            return self._by(Grain.DAY)
        stretches = _between(Grain.MONTH, first, after)
        for start, end in ((self.start, first), (after, self.end + timedelta(days=1))):
            if start < end:
                stretches |= _between(Grain.DAY, start, end)
        return stretches


def _between(grain: Grain, start: date, end: date) -> Q:
    return Q(
        grain=Literal(grain.value),
        start__gte=calendar.midnight(start),
        start__lt=calendar.midnight(end),
    )
