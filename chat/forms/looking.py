"""A usage page as its address asks for it: the period, what it is narrowed to, the way of looking
at it, the order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from chat.forms.usage import NarrowForm, PeriodForm
from chat.models import User
from chat.queries.usage import By, Scope
from chat.queries.usage.people import Choices, choices

# As tabs and the heads of columns have them.
LABELS: dict[By, Any] = {
    By.DAY: _("Day"),
    By.MONTH: _("Month"),
    By.HOUR: _("Hour"),
    By.PERSON: _("Person"),
    By.GROUP: _("Group"),
    By.MODEL: _("Model"),
    By.SOURCE: _("Made for"),
    By.COST_CENTRE: _("Cost centre"),
    By.CONVERSATION: _("Conversation"),
    By.OUTCOME: _("Errors and waiting"),
}
# The first is shown where none is asked for.
MINE = (By.DAY, By.MONTH, By.MODEL, By.CONVERSATION)
PERSON = (By.DAY, By.MONTH, By.HOUR, By.MODEL, By.SOURCE, By.OUTCOME)
TEAM = (
    By.DAY,
    By.MONTH,
    By.HOUR,
    By.PERSON,
    By.GROUP,
    By.MODEL,
    By.SOURCE,
    By.COST_CENTRE,
    By.OUTCOME,
)


@dataclass(frozen=True, slots=True)
class Look:
    by: By
    label: Any
    is_shown: bool


class Looking:
    """`user` is whose figures they are, where they are of one person; `fields` are what they can be
    narrowed by. One query, without fields none."""

    def __init__(
        self,
        query: QueryDict,
        looks: tuple[By, ...],
        *,
        today: date,
        user: User | None = None,
        fields: tuple[str, ...] = (),
    ) -> None:
        self.period = PeriodForm(query, today=today)
        start, end = self.period.period
        self._choices = choices(start, end) if fields else Choices({}, [], [])
        self.narrow = NarrowForm(query, self._choices, names=fields)
        self.scope = self.narrow.narrow(Scope(start, end, user=user))
        wanted = query.get("by", "")
        self.by = By(wanted) if wanted in looks else looks[0]
        self._looks = looks
        self.sort = query.get("sort", "")
        self.words = query.get("q", "").strip()
        # What goes along when the form is sent.
        self.kept = {name: query[name] for name in ("by", "sort") if query.get(name)}

    @property
    def is_usable(self) -> bool:
        return self.period.is_valid() and self.narrow.is_valid()

    @property
    def looks(self) -> list[Look]:
        """Those that could tell anything apart."""
        is_idle = {
            By.GROUP: not self._choices.groups,
            By.COST_CENTRE: not self._choices.cost_centres,
        }
        return [
            Look(by, LABELS[by], by == self.by)
            for by in self._looks
            if by == self.by or not is_idle.get(by)
        ]
