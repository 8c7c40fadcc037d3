"""80 % and 100 % of a budget: whoever has to know is told once of each, in the transaction that
passes it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from chat.completions.events import Usage
from chat.domain import ledger, notices, thresholds
from chat.domain.ledger import Receipt
from chat.enums import News
from chat.models import Allowance, Budget, Completion, Notice, User
from tests.domain.test_asking import grant
from tests.domain.test_budgets import budget, chat, end
from tests.factories import begin_turn, make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("shipped_prices"),
]
LIMIT = 1000


@pytest.fixture
def ana(transactional_db: None) -> User:
    """She administers."""
    return make_user("ana", is_staff=True, is_superuser=True)


@pytest.fixture
def ben(ana: User) -> User:
    return make_user("ben")


def use(user: User, tokens: int) -> None:
    end(begin_turn(chat(user)).reply, prompt=1, output=tokens - 1)


def told() -> list[tuple[str, str]]:
    rows = Notice.objects.order_by("pk")
    return [(notice.user.email.partition("@")[0], notice.kind) for notice in rows]


def test_the_person_and_the_administrators_are_told_once_of_each(ben: User) -> None:
    budget(tokens=LIMIT, user=ben)

    use(ben, 799)
    assert told() == []
    use(ben, 1)
    assert told() == [("ben", News.BUDGET_LOW), ("ana", News.BUDGET_LOW)]
    use(ben, 100)
    assert len(told()) == 2
    use(ben, 100)
    use(ben, 1) if Budget.objects.update(is_hard=False) else None

    assert told()[2:] == [("ben", News.BUDGET_REACHED), ("ana", News.BUDGET_REACHED)]


def test_what_passes_both_at_once_is_told_as_used_up(ben: User) -> None:
    budget(tokens=LIMIT, user=ben, is_hard=False)

    use(ben, LIMIT)

    assert told() == [("ben", News.BUDGET_REACHED), ("ana", News.BUDGET_REACHED)]


def test_used_up_takes_the_place_of_little_left(ben: User) -> None:
    budget(tokens=LIMIT, user=ben)
    use(ben, 850)
    use(ben, 150)

    unread = Notice.objects.of(ben).unread(timezone.now())

    assert [notice.kind for notice in unread] == [News.BUDGET_REACHED]


def test_of_a_shared_budget_the_administrators_are_told_alone(ben: User) -> None:
    budget(tokens=LIMIT)

    use(ben, 900)

    assert told() == [("ana", News.BUDGET_LOW)]


def test_where_each_has_as_much_it_is_told_of_each(ben: User) -> None:
    budget(tokens=LIMIT, is_shared=False)

    for name in ("cleo", "dora"):
        use(make_user(name), 900)

    assert [name for name, _kind in told()] == ["cleo", "ana", "dora", "ana"]


def test_what_is_granted_counts_to_the_limit(ben: User) -> None:
    grant(budget(tokens=LIMIT, user=ben), ben, amount=1000)
    Notice.objects.all().delete()

    use(ben, 1000)
    assert told() == []
    use(ben, 600)

    assert told() == [("ben", News.BUDGET_LOW), ("ana", News.BUDGET_LOW)]


def test_the_next_period_is_told_of_again_and_one_that_is_over_is_not(ben: User) -> None:
    budget(tokens=LIMIT, user=ben)
    use(ben, 900)
    late = begin_turn(chat(ben)).reply
    Allowance.objects.update(start=timezone.now() - timedelta(days=3))

    end(late, prompt=1, output=200)
    assert len(told()) == 2
    use(ben, 900)

    assert len(told()) == 4


def test_what_is_undone_was_not_told(ben: User, monkeypatch: pytest.MonkeyPatch) -> None:
    budget(tokens=LIMIT, user=ben)
    reply = begin_turn(chat(ben)).reply
    tell = notices.tell

    def tell_and_die(*args: object, **kwargs: object) -> None:
        tell(*args, **kwargs)  # type: ignore[arg-type]
        raise ConnectionResetError

    monkeypatch.setattr(notices, "tell", tell_and_die)
    with pytest.raises(ConnectionResetError):
        end(reply, prompt=1, output=900)
    assert (told(), Allowance.objects.get().told) == ([], 0)

    monkeypatch.setattr(notices, "tell", tell)
    end(reply, prompt=1, output=900)

    assert len(told()) == 2


@pytest.mark.parametrize(("before", "kinds"), [(850, {News.BUDGET_REACHED}), (100, set())])
def test_a_refusal_tells_that_it_is_used_up_unless_it_is_only_held(
    ben: User, before: int, kinds: set[str]
) -> None:
    strict = budget(tokens=LIMIT, user=ben)
    use(ben, before)
    Notice.objects.all().delete()

    thresholds.refused(strict, ben)
    thresholds.refused(strict, ben)

    assert {kind for _name, kind in told()} == kinds
    assert len(told()) == 2 * len(kinds)


def test_of_many_that_end_at_once_one_tells(ana: User) -> None:
    # Only the last of them passes it, which has to know of all the others.
    budget(tokens=17_200)
    people = [make_user(f"person{number}") for number in range(16)]
    rows = [begin_turn(chat(person)).reply.completions.get() for person in people]
    line = threading.Barrier(16)

    def close(row: Completion) -> None:
        usage = Usage(prompt_tokens=10, completion_tokens=850)
        line.wait(5)
        try:
            ledger.close_row(row.pk, Receipt(usage=usage, is_whole=True, http_status=200))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(close, rows))

    assert Allowance.objects.get().used == 16 * 860
    assert told() == [("ana", News.BUDGET_LOW)]
