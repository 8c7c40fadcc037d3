"""A team that nobody is in: departments, people with their habits, and models with their prices."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from chat.models import Conversation, Price, User


class Department(NamedTuple):
    """A group and who pays for it. Some pay together, and some people belong to none."""

    name: str
    cost_centre: str
    size: int


class Model(NamedTuple):
    """How much it is used, and how it answers: seconds, tokens a second, tokens of thinking for
    each that is read."""

    name: str
    popularity: float
    first_token: float
    pace: float
    thinking: float


DEPARTMENTS = (
    Department("Engineering", "4100 Product", 30),
    Department("Research", "4100 Product", 10),
    Department("Support", "4200 Customers", 22),
    Department("Sales", "4200 Customers", 16),
    Department("Marketing", "4300 Marketing", 9),
    Department("Finance", "4900 Administration", 7),
    Department("", "", 6),
)
# Of the last one nobody knows the price.
MODELS = (
    Model("Gemini-3.0-pro", 30, 5.0, 90, 1.5),
    Model("gemini-3-flash-preview", 22, 1.1, 180, 0.4),
    Model("gpt-5.6-sol", 14, 4.0, 70, 1.0),
    Model("gpt-5.6-luna", 10, 0.8, 160, 0.0),
    Model("gemini-2.5-pro", 8, 3.5, 100, 1.2),
    Model("deepseek-v4-flash", 6, 1.8, 60, 0.8),
    Model("grok-4.5", 5, 1.4, 80, 0.5),
    Model("kimi-k3", 6, 2.6, 55, 1.0),
)
NOTE = "Invented with the ledger"
GIVEN = """
Ada Aisha Alba Bruno Carmen Chen Dana Diego Elif Emil Fatima Finn Greta Hugo Ines Ivan Jana
Joris Kira Lena Luca Marta Mei Nils Noor Olga Omar Pablo Priya Rosa Samir Tessa Udo Vera Yuki
"""
FAMILY = """
Adler Bauer Costa Diaz Engel Ferrer Gupta Haas Ibarra Jansen Klein Lopez Meyer Novak Okoye
Prieto Quint Rossi Sato Torres Ueda Vidal Weber Xu Yilmaz Zapata
"""

# Some never begin, and some come in the course of time.
UNUSED, LATE = 0.05, 0.2


@dataclass(slots=True)
class Member:
    """Somebody, how much they use, which models they like, and the conversation they are in."""

    user: User
    appetite: float
    since: datetime
    tastes: list[float]
    model: Model
    conversation: Conversation | None = None
    turns: int = 0

    def appetite_at(self, moment: datetime) -> float:
        return self.appetite if self.since <= moment else 0.0


class Prices:
    """Those that were valid at a moment, without asking the database for each row."""

    def __init__(self) -> None:
        self._of: dict[str, list[Price]] = {}
        for price in Price.objects.order_by("effective_from"):
            self._of.setdefault(price.model, []).append(price)

    def at(self, model: str, moment: datetime) -> Price | None:
        prices = self._of.get(model, [])
        place = bisect_right(prices, moment, key=lambda price: price.effective_from)
        return prices[place - 1] if place else None


def enter_prices(models: Sequence[Model], since: datetime) -> None:
    """For models whose first price is later, let it be valid from the beginning."""
    prices = Prices()
    for model in models:
        first = Price.objects.filter(model=model.name).order_by("effective_from").first()
        if first is not None and prices.at(model.name, since) is None:
            first.pk, first.effective_from = None, since
            first.source, first.is_shipped = NOTE, False
            first.save(force_insert=True)


def gather(rng: Random, *, count: int, models: Sequence[Model], since: datetime) -> list[Member]:
    """The one who is there already uses much; the others come to so many in all."""
    first = User.objects.get()
    users = [_user(rng, number) for number in range(1, count)]
    departments = [_department(rng) for _ in users]
    for user, department in zip(users, departments, strict=True):
        user.cost_centre = department.cost_centre
    User.objects.bulk_create(users)
    _join(users, departments)
    members = [_member(rng, user, models, since) for user in users]
    for member in members:
        member.user.created_at = member.since
    User.objects.bulk_update(users, ["created_at"], batch_size=100)
    appetite = max((member.appetite for member in members), default=1.0)
    return [Member(first, appetite, since, _tastes(rng, models), models[0]), *members]


def _user(rng: Random, number: int) -> User:
    given, family = (rng.choice(names.split()) for names in (GIVEN, FAMILY))
    return User(
        email=f"{given}.{family}.{number}@example.org".lower(),
        display_name=f"{given} {family}",
        # One that nobody can sign in with.
        password=make_password(None),
    )


def _department(rng: Random) -> Department:
    return rng.choices(DEPARTMENTS, [each.size for each in DEPARTMENTS])[0]


def _join(users: Sequence[User], departments: Sequence[Department]) -> None:
    groups = {
        each.name: Group.objects.get_or_create(name=each.name)[0]
        for each in DEPARTMENTS
        if each.name
    }
    membership = User.groups.through
    membership.objects.bulk_create(
        membership(user_id=user.pk, group_id=groups[department.name].pk)
        for user, department in zip(users, departments, strict=True)
        if department.name
    )


def _member(rng: Random, user: User, models: Sequence[Model], since: datetime) -> Member:
    """Most use little and a few very much: of what is used the first fifth has about two thirds."""
    appetite = 0.0 if rng.random() < UNUSED else rng.lognormvariate(0, 1.2)
    if rng.random() < LATE:
        since += timedelta(days=rng.randrange(300))
    return Member(user, appetite, since, _tastes(rng, models), models[0])


def _tastes(rng: Random, models: Sequence[Model]) -> list[float]:
    """Everybody has favourites."""
    return [model.popularity * rng.lognormvariate(0, 1.0) for model in models]
