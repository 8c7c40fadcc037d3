"""Asking for more of a budget: who may use what is granted, until when, and that it is counted once
whoever decides and sends at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import pytest
from django.db import OperationalError, connections
from django.utils import timezone

from chat.domain import asking
from chat.domain.asking import AskedAlready, DecidedAlready
from chat.domain.budgets import BudgetExceeded
from chat.enums import RequestState
from chat.models import Allowance, Budget, BudgetRequest, Completion, Conversation, User
from tests.domain.conftest import at_once
from tests.domain.test_budgets import ONE, budget, chat
from tests.factories import begin_turn, make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("shipped_prices"),
]
HOUR = timedelta(hours=1)


@pytest.fixture
def ana(transactional_db: None) -> User:
    return make_user("ana")


@pytest.fixture
def ben(transactional_db: None) -> User:
    return make_user("ben")


def grant(strict: Budget, user: User, *, amount: int = ONE) -> BudgetRequest:
    request = asking.ask(budget=strict, user=user, reason="A long report")
    asking.grant(request, by=user, amount=amount, until=timezone.now() + HOUR)
    return request


def fits(user: User) -> bool:
    try:
        begin_turn(chat(user))
    except BudgetExceeded:
        return False
    return True


def test_what_is_granted_may_be_used_and_not_one_token_more(ana: User) -> None:
    strict = budget(tokens=ONE, user=ana)
    assert [fits(ana), fits(ana)] == [True, False]

    grant(strict, ana)

    assert [fits(ana), fits(ana)] == [True, False]
    assert Allowance.objects.get().held == 2 * ONE


def test_what_is_granted_ends_with_its_time(ana: User) -> None:
    request = grant(budget(tokens=ONE), ana)
    BudgetRequest.objects.filter(pk=request.pk).update(until=timezone.now())

    assert [fits(ana), fits(ana)] == [True, False]


def test_what_is_asked_for_and_declined_raises_nothing(ana: User) -> None:
    strict = budget(tokens=ONE)
    asking.decline(asking.ask(budget=strict, user=ana, reason="More"), by=ana, words="Not now")
    asking.ask(budget=strict, user=ana, reason="Yet")

    assert [fits(ana), fits(ana)] == [True, False]


def test_where_each_has_as_much_only_who_asked_has_more(ana: User, ben: User) -> None:
    grant(budget(tokens=ONE, is_shared=False), ana)

    assert [fits(ana), fits(ana), fits(ana)] == [True, True, False]
    assert [fits(ben), fits(ben)] == [True, False]


def test_where_it_is_shared_all_have_more(ana: User, ben: User) -> None:
    grant(budget(tokens=ONE), ana)

    assert [fits(ben), fits(ben), fits(ana)] == [True, True, False]


def test_grants_add_up(ana: User) -> None:
    strict = budget(tokens=ONE)
    grant(strict, ana)
    grant(strict, ana)

    assert [fits(ana) for _ in range(4)] == [True, True, True, False]


def test_another_budget_is_not_raised(ana: User) -> None:
    budget(tokens=ONE)
    grant(budget(tokens=5 * ONE), ana)

    assert [fits(ana), fits(ana)] == [True, False]


def test_of_many_who_ask_at_once_one_request_is_open(ana: User) -> None:
    strict = budget()

    came = at_once(lambda: asking.ask(budget=strict, user=ana, reason="More"))

    assert sum(isinstance(each, AskedAlready) for each in came) == 7
    assert BudgetRequest.objects.get().state == RequestState.OPEN


def test_who_was_answered_may_ask_again(ana: User) -> None:
    strict = budget()
    asking.decline(asking.ask(budget=strict, user=ana, reason="More"), by=ana)

    asking.ask(budget=strict, user=ana, reason="Really")

    assert BudgetRequest.objects.count() == 2


def test_a_request_is_decided_once_and_raises_the_limit_once(ana: User) -> None:
    strict = budget(tokens=ONE)
    request = asking.ask(budget=strict, user=ana, reason="More")
    until = timezone.now() + HOUR
    deeds: Iterator[int] = count()

    def decide() -> None:
        if next(deeds) % 2:
            asking.decline(request, by=ana, words="No")
        else:
            asking.grant(request, by=ana, amount=ONE, until=until)

    came = at_once(decide)

    assert sum(isinstance(each, DecidedAlready) for each in came) == 7
    request.refresh_from_db()
    through = sum(fits(ana) for _ in range(4))
    assert through == (2 if request.state == RequestState.GRANTED else 1)


def test_of_many_sends_while_more_is_granted_what_fits_is_let_through(ana: User) -> None:
    strict = budget(tokens=6 * ONE)
    request = asking.ask(budget=strict, user=ana, reason="A long report")
    people = [make_user(f"person{number}") for number in range(8)]
    chats = [chat(people[number % 8]) for number in range(48)]

    def send(conversation: Conversation | None) -> bool:
        try:
            while True:
                try:
                    if conversation is None:
                        until = timezone.now() + HOUR
                        asking.grant(request, by=ana, amount=3 * ONE, until=until)
                    else:
                        begin_turn(conversation)
                except OperationalError:
                    # SQLite's one writer was busy for too long.
                    continue
                return conversation is not None
        except BudgetExceeded:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as threads:
        through = sum(threads.map(send, [*chats[:8], None, *chats[8:]]))

    assert 6 <= through <= 9
    assert through + sum(fits(ana) for _ in range(5)) == 9
    assert Completion.objects.count() == 9
    assert Allowance.objects.get().held == 9 * ONE
