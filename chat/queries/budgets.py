"""Where budgets stand: what may be used of each in this period, and what is used and held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BigIntegerField, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from chat.enums import Period
from chat.models import Allowance, Budget, BudgetRequest, User
from chat.models.budget_request import BudgetRequestQuerySet
from chat.queries import calendar

_Key = tuple[int, int | None]
# From so many hundredths on, used or held, people are shown what is left.
LITTLE_LEFT = 80
MOST_PEOPLE = 10


@dataclass(frozen=True, slots=True)
class Standing:
    """One budget of one person in the period of a moment. Amounts are in its smallest parts:
    tokens, or 10⁻¹² of its currency."""

    budget: Budget
    limit: int
    used: int
    held: int
    start: datetime
    resets_at: datetime

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used - self.held)

    @property
    def over(self) -> int:
        """By how much a soft budget is exceeded."""
        return max(0, self.used - self.limit)

    @property
    def percent_used(self) -> int:
        return self.used * 100 // self.limit if self.limit else 100

    @property
    def percent(self) -> int:
        """How much of it is used or held, in whole hundredths of the limit."""
        taken = self.used + self.held
        return taken * 100 // self.limit if self.limit else 100


@dataclass(frozen=True, slots=True)
class Asked:
    """An open request, and where its budget stands."""

    request: BudgetRequest
    standing: Standing


def applying(user: User, moment: datetime) -> list[Budget]:
    """The budgets of this person with what is granted beside them at this moment. One query for
    those who have none, and two for the others: as one it took ten times as long to write."""
    budgets = list(Budget.objects.applying_to(user))
    if budgets:
        granted = _granted(budgets, moment)
        for budget in budgets:
            budget.granted = granted[_key(budget, user.pk)]
    return budgets


def granted_beside(allowance: Allowance, moment: datetime) -> Coalesce:
    """What is granted beside the limit of an allowance, for the database to add."""
    rows = BudgetRequest.objects.granted_at(moment).filter(budget=allowance.budget_id)
    if allowance.user_id is not None:
        rows = rows.filter(user=allowance.user_id)
    return Coalesce(_sum(rows), 0)


def limit_of(allowance: Allowance, moment: datetime) -> int:
    """With what is granted beside it; as many smallest parts as there are."""
    rows = Allowance.objects.filter(pk=allowance.pk)
    granted: int = rows.values_list(granted_beside(allowance, moment), flat=True).get()
    return allowance.budget.base + granted


def allowance_of(budget: Budget, user: User, moment: datetime) -> Allowance | None:
    """This period's, if any of it was used."""
    of = None if budget.is_had_together else user
    start, _next = calendar.starts(budget.period, moment)
    rows = Allowance.objects.select_related("budget__user", "budget__group")
    return rows.filter(budget=budget, user=of, start=start).first()


def standing(user: User, now: datetime) -> list[Standing]:
    """Every budget that applies to this person: one query for those who have none, and three for
    the others."""
    budgets = list(Budget.objects.applying_to(user))
    if not budgets:
        return []
    present = _Present(now, budgets, of=user)
    return [present.standing(budget, user) for budget in budgets]


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whether any budget applies to somebody, and the one of which least is left, if that is
    little."""

    is_limited: bool
    low: Standing | None


def outlook(user: User, now: datetime) -> Outlook:
    """As many queries as `standing`."""
    found = standing(user, now)
    low = [each for each in found if each.percent >= LITTLE_LEFT]
    return Outlook(bool(found), max(low, key=lambda each: each.percent, default=None))


def standing_of(budget: Budget, user: User, now: datetime) -> Standing:
    """That of one budget that applies to this person."""
    return next(each for each in standing(user, now) if each.budget == budget)


def has_asked(user: User, budget: Budget) -> bool:
    """Whether nobody has decided yet what this person asked for."""
    return BudgetRequest.objects.open().filter(user=user, budget=budget).exists()


def open_requests(now: datetime) -> list[Asked]:
    """The oldest first. Three queries, however many."""
    rows = list(BudgetRequest.objects.open().with_names().oldest_first())
    present = _Present(now, [row.budget for row in rows])
    return [Asked(row, present.standing(row.budget, row.user)) for row in rows]


@dataclass(frozen=True, slots=True)
class Line:
    """A budget as administrators see it: where it stands, or of those who each have as much the
    ones who used most, and how many others."""

    budget: Budget
    standing: Standing
    people: list[tuple[User, Standing]]
    others: int


def overview(now: datetime) -> list[Line]:
    """All budgets, those in force first. Three queries."""
    rows = Budget.objects.select_related("user", "group").order_by("-is_active", "pk")
    present = _Present(now, rows)
    return [_line(budget, present) for budget in rows]


def _line(budget: Budget, present: _Present) -> Line:
    people = [(user, present.standing(budget, user)) for user in present.people(budget)]
    people.sort(key=lambda each: -each[1].used)
    shown = people[:MOST_PEOPLE]
    return Line(budget, present.standing(budget, None), shown, len(people) - len(shown))


class _Present:
    """What was used and granted of some budgets in the periods of a moment, read in two queries."""

    def __init__(self, now: datetime, budgets: Collection[Budget], of: User | None = None) -> None:
        """Of everybody, or of one person."""
        self._now = now
        wanted = Q(user=None) | Q(user=of) if of else Q()
        periods = Q(pk__in=[])
        for period in Period:
            periods |= Q(budget__period=period, start=calendar.starts(period, now)[0])
        allowances = Allowance.objects.filter(periods, wanted, budget__in=budgets)
        self._allowances = {
            (row.budget_id, row.user_id): row for row in allowances.select_related("user")
        }
        self._granted = _granted(budgets, now)

    def people(self, budget: Budget) -> list[User]:
        """Who has used some of a budget of which each has as much."""
        rows = [] if budget.is_had_together else self._allowances.values()
        return [row.user for row in rows if row.budget_id == budget.pk and row.user is not None]

    def standing(self, budget: Budget, user: User | None) -> Standing:
        key = _key(budget, user.pk if user else None)
        start, resets_at = calendar.starts(budget.period, self._now)
        allowance = self._allowances.get(key)
        return Standing(
            budget=budget,
            limit=budget.base + self._granted[key],
            used=allowance.used if allowance else 0,
            held=allowance.held if allowance else 0,
            start=start,
            resets_at=resets_at,
        )


def _granted(budgets: Iterable[Budget], moment: datetime) -> Counter[_Key]:
    """What is granted beside budgets, in one query."""
    by_id = {budget.pk: budget for budget in budgets}
    rows = BudgetRequest.objects.granted_at(moment).filter(budget__in=by_id)
    granted: Counter[_Key] = Counter()
    for budget_id, user_id, amount in rows.values_list("budget_id", "user_id", "granted"):
        granted[_key(by_id[budget_id], user_id)] += amount or 0
    return granted


def _key(budget: Budget, user_id: int | None) -> _Key:
    """By which there is an allowance: one for all, or for each person."""
    return budget.pk, None if budget.is_had_together else user_id


def _sum(rows: BudgetRequestQuerySet) -> Subquery:
    return Subquery(
        rows.values("budget").annotate(sum=Sum("granted")).values("sum"),
        output_field=BigIntegerField(),
    )
