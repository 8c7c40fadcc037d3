"""Budgets: a completion holds its worst case before it is asked for, and gives back the rest.

A hold is taken in the transaction that opens the ledger row and goes in the one that closes it. So
it is posted or given back once, and whoever closes the row of a dead process frees its hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from django.db import connection
from django.db.models import F
from django.utils import timezone

from chat.completions.families import family_of
from chat.domain import thresholds
from chat.domain.estimates import prompt_tokens
from chat.models import Allowance, Budget, Completion, Hold, Price, User
from chat.models.budget import parts_of
from chat.queries import budgets as queries
from chat.queries import calendar

# An answer that could not be longer than this is not worth asking for.
LEAST_OUTPUT = 64
# What an answer may have where neither a setting nor the model's family says.
MOST_OUTPUT = 65_536


class BudgetRefuses(Exception):
    """A completion that is not begun."""


class BudgetExceeded(BudgetRefuses):
    """What is left of a hard budget does not reach for the shortest answer."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(str(budget))
        self.budget = budget
        _start, self.resets_at = calendar.starts(budget.period, timezone.now())


class ModelWithoutPrice(BudgetRefuses):
    """A budget of money cannot be kept with a model whose price nobody knows."""


@dataclass(slots=True)
class Need:
    """What a completion may take at the most."""

    prompt: int
    output: int
    price: Price | None = field(repr=False)


class _Post(NamedTuple):
    """What is used of an allowance from now on, and what is held no longer."""

    allowance: Allowance
    taken: int
    freed: int


def reserve(
    row: Completion,
    user: User,
    *,
    texts: Callable[[], Iterable[str]],
    max_tokens: int | None,
    pictures: Callable[[], int] = int,
) -> None:
    """Hold the worst case against every budget that applies. Under a hard one the answer may not
    be longer than what is held: `row.output_limit` says so.

    `texts` gives what the prompt is made of, `pictures` how many tokens those in it may count for;
    both are asked only where there is a budget. Raises BudgetRefuses; the transaction must then be
    undone.
    """
    budgets = queries.applying(user, row.started_at)
    if not budgets:
        return
    wanted = family_of(row.model_asked).most_output(max_tokens) or MOST_OUTPUT
    price = Price.objects.of(row.model_asked, at=row.started_at)
    need = Need(prompt=prompt_tokens(texts()) + pictures(), output=wanted, price=price)
    allowances = _allowances(budgets, user, row.started_at)
    for allowance in allowances:
        if allowance.budget.is_hard:
            _shorten(need, allowance)
    for allowance in allowances:
        _hold(row, allowance, need)
    if any(budget.is_hard for budget in budgets):
        row.output_limit = need.output
        row.save(update_fields=["output_limit"])


def settle(row: Completion) -> None:
    """Post what a row took and free the rest."""
    # Locked, so that what is used is known to the token where it passes a threshold, and in the
    # order in which they are taken: two that took them in another could wait for each other.
    locked = row.holds.select_for_update(of=("allowance",)).select_related("allowance__budget")
    holds = list(locked.order_by("allowance__start", "allowance__budget"))
    if not holds:
        return
    posts = [
        _Post(hold.allowance, _taken(row, hold.allowance.budget), hold.amount) for hold in holds
    ]
    _post(row, posts)
    for post in posts:
        post.allowance.used += post.taken
        thresholds.watch(post.allowance, row)


def _allowances(budgets: list[Budget], user: User, moment: datetime) -> list[Allowance]:
    """This period's, in one order for everybody, and this transaction's from here on. The order is
    that of their starts, so that a next attempt in a new period, which has settled those of the
    old one, stays in it."""
    found = []
    begun = [(calendar.starts(budget.period, moment)[0], budget) for budget in budgets]
    for start, budget in sorted(begun, key=lambda each: (each[0], each[1].pk)):
        of = None if budget.is_had_together else user
        Allowance.objects.bulk_create(
            [Allowance(budget=budget, user=of, start=start)], ignore_conflicts=True
        )
        locked = Allowance.objects.select_for_update()
        allowance = locked.get(budget=budget, user=of, start=start)
        allowance.budget = budget
        found.append(allowance)
    return found


def _shorten(need: Need, allowance: Allowance) -> None:
    """Let the answer be as long as what is left of a hard budget, or refuse one that would be too
    short to be any use, unless so little is asked for."""
    budget, least = allowance.budget, min(LEAST_OUTPUT, need.output)
    left = budget.limit - allowance.used - allowance.held
    nothing = budget.parts(prompt=need.prompt, output=0, price=need.price)
    million = budget.parts(prompt=need.prompt, output=1_000_000, price=need.price)
    if nothing is None or million is None:
        raise ModelWithoutPrice
    if million > nothing:
        need.output = min(need.output, (left - nothing) * 1_000_000 // (million - nothing))
    if left < nothing or need.output < least:
        raise BudgetExceeded(budget)


def _hold(row: Completion, allowance: Allowance, need: Need) -> None:
    budget = allowance.budget
    amount = budget.parts(prompt=need.prompt, output=need.output, price=need.price) or 0
    rows = Allowance.objects.filter(pk=allowance.pk)
    if budget.is_hard:
        # Once more by the database itself, whatever was read before.
        granted = queries.granted_beside(allowance, row.started_at)
        rows = rows.filter(used__lte=budget.base - amount - F("held") + granted)
    if not rows.update(held=F("held") + amount):
        raise BudgetExceeded(budget)
    Hold.objects.create(completion=row, allowance=allowance, amount=amount)


def _post(row: Completion, posts: list[_Post]) -> None:
    """In two statements: this is on the path of every reply's end."""
    values = [(allowance.pk, taken, freed) for allowance, taken, freed in posts]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Allowance._meta.db_table} "  # noqa: S608 - no values
            "SET used = used + post.column2, held = held - post.column3 "
            f"FROM (VALUES {', '.join(['(%s, %s, %s)'] * len(values))}) AS post "
            "WHERE id = post.column1",
            list(chain.from_iterable(values)),
        )
        cursor.execute(f"DELETE FROM {Hold._meta.db_table} WHERE completion_id = %s", [row.pk])  # noqa: S608


def _taken(row: Completion, budget: Budget) -> int:
    if budget.tokens is not None:
        return (row.prompt or 0) + (row.output or 0)
    if row.cost is None or row.price is None or row.price.currency != budget.currency:
        return 0
    return parts_of(row.cost)
