"""Who and what the usage pages can be narrowed to, and who has used nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, Q, Subquery

from chat.enums import Grain
from chat.models import Total, User
from chat.queries import calendar
from chat.queries.usage.scope import Scope


@dataclass(frozen=True, slots=True)
class Choices:
    groups: dict[int, Group]
    # Used in the months of a period.
    models: list[str]
    cost_centres: list[str]


@dataclass(frozen=True, slots=True)
class Idle:
    """Somebody who may sign in and has used nothing, and the day on which they last did."""

    user: User
    last_day: date | None


def choices(start: date, end: date) -> Choices:
    """Two queries, of which one reads the totals of months."""
    begun = calendar.midnight(calendar.first_of_month(start))
    months = Total.objects.by(Grain.MONTH).filter(
        start__gte=begun, start__lt=calendar.midnight(calendar.next_month(end))
    )
    used = list(months.values_list("model", "cost_centre").distinct())
    return Choices(
        groups={group.pk: group for group in Group.objects.order_by("name")},
        models=sorted({model for model, _ in used}),
        cost_centres=sorted({cost_centre for _, cost_centre in used if cost_centre}),
    )


def without_use(scope: Scope) -> list[Idle]:
    """Those who never used anything come first, then who did so longest ago. One query."""
    own = Total.objects.by(Grain.DAY).filter(user=OuterRef("pk")).order_by("-start")
    in_scope = scope.totals(Grain.DAY).filter(user=OuterRef("pk"))
    members = Q(groups=scope.group) if scope.group else Q()
    people = User.objects.filter(~Exists(in_scope), members, is_active=True).annotate(
        last_start=Subquery(own.values("start")[:1])
    )
    found = [Idle(user, _day(user.last_start)) for user in people]
    return sorted(found, key=lambda idle: (idle.last_day or date.min, idle.user.email))


def _day(start: datetime | None) -> date | None:
    return calendar.today(start) if start else None
