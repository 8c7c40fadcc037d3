"""The invented ledger: like a real one in all that is measured, and never beside a real one."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.utils import timezone

from chat.domain import totals
from chat.enums import CompletionState, Source
from chat.management.invented import team
from chat.models import Completion, Conversation, Price, Total, User
from chat.queries import invariants
from tests.usage.conftest import NOON, Spend

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 800


def invent(**options: int) -> None:
    call_command("invent_usage", **{"rows": ROWS, "people": 20, "days": 60} | options)


@pytest.fixture
def tuesday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOON)


def test_it_is_whole_and_its_totals_are_its_sums(ana: User, tuesday: None) -> None:
    invent()

    assert Completion.objects.closed().count() == ROWS
    assert list(totals.differences()) == []
    assert invariants.broken() == []


def test_it_has_everything_that_pages_tell_apart(ana: User, tuesday: None) -> None:
    invent()

    rows = Completion.objects.all()
    states = Counter(rows.values_list("state", flat=True))
    assert 0.01 * ROWS < states[CompletionState.FAILED] < 0.03 * ROWS
    assert 0.02 * ROWS < states[CompletionState.ESTIMATED] < 0.04 * ROWS
    assert 0.02 * ROWS < rows.filter(was_stopped=True).count() < 0.04 * ROWS
    assert rows.filter(source=Source.TITLE).count() > 0.02 * ROWS
    assert rows.filter(cached_tokens__gt=0, reasoning_tokens__gt=0).exists()
    assert set(rows.values_list("model_asked", flat=True)) == {each.name for each in team.MODELS}
    unpriced = rows.exclude(state=CompletionState.FAILED).filter(cost=None)
    assert set(unpriced.values_list("model_asked", flat=True)) == {"kimi-k3"}
    assert Group.objects.count() > 3
    assert len(set(rows.values_list("cost_centre", flat=True))) > 3
    assert Conversation.objects.filter(owner=ana).count() > 1


def test_a_few_use_much_and_nobody_works_at_night(ana: User, tuesday: None, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"

    invent()

    zone = timezone.get_default_timezone()
    moments = [row.started_at.astimezone(zone) for row in Completion.objects.all()]
    assert min(moments) > NOON - timedelta(days=60)
    assert max(moments) <= NOON
    assert sum(9 <= moment.hour < 18 for moment in moments) > 0.7 * ROWS
    assert sum(moment.weekday() >= 5 for moment in moments) < 0.05 * ROWS
    each = Counter(Completion.objects.values_list("user", flat=True))
    assert sum(count for _user, count in each.most_common(4)) > 0.4 * ROWS
    assert len(each) < User.objects.count() == 20


def test_the_same_seed_invents_the_same(ana: User, tuesday: None) -> None:
    figures = []
    for seed in (1, 1, 2):
        invent(seed=seed, rows=300)
        columns = ("started_at", "conversation", "cost", "state")
        figures.append(list(Completion.objects.order_by("pk").values_list(*columns)))
        _forget(ana)

    assert figures[0] == figures[1] != figures[2]


def test_models_have_a_price_from_the_beginning_and_shipped_ones_stay(
    ana: User, tuesday: None
) -> None:
    shipped = set(Price.objects.values_list("pk", "effective_from"))

    invent(rows=10, days=365)

    assert shipped < set(Price.objects.values_list("pk", "effective_from"))
    first = Price.objects.filter(model="gpt-5.6-sol").earliest("effective_from")
    assert first.effective_from == NOON - timedelta(days=365)
    assert (first.prompt, first.source) == (Decimal(5), team.NOTE)


@pytest.mark.parametrize("trace", ["a completion", "a colleague", "nobody"])
def test_it_refuses_a_database_that_is_there_for_something_else(
    ana: User, spend: Spend, ben: User, trace: str
) -> None:
    if trace == "a completion":
        spend(user=ana)
        ben.completions.all().delete()
        ben.delete()
    elif trace == "nobody":
        User.objects.all().delete()
    before = (Completion.objects.count(), User.objects.count())

    with pytest.raises(CommandError):
        invent()

    assert (Completion.objects.count(), User.objects.count()) == before
    assert not Group.objects.exists()


def _forget(ana: User) -> None:
    for model in (Total, Completion, Conversation):
        model.objects.all().delete()
    User.objects.exclude(pk=ana.pk).delete()
