"""Who and what the usage pages can be narrowed to, and who has used nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter

from django.contrib.auth.models import Group
from django.db.models import Exists, IntegerField, OuterRef, Q, Subquery, Value

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
    """One query, which reads the totals of months."""
    begun = calendar.midnight(calendar.first_of_month(start))
    months = Total.objects.by(Grain.MONTH).filter(
        start__gte=begun, start__lt=calendar.midnight(calendar.next_month(end))
    )
    none = Value(0, output_field=IntegerField())
    used = months.order_by().values_list(none, "model", "cost_centre")
    groups = Group.objects.order_by().values_list("pk", "name", Value(""))
    found = sorted(used.union(groups), key=itemgetter(1, 2))
    return Choices(
        groups={key: Group(pk=key, name=name) for key, name, _ in found if key},
        models=sorted({model for key, model, _ in found if not key}),
        cost_centres=sorted({centre for key, _, centre in found if not key and centre}),
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
