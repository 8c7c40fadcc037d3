"""What several processes do at once, by chance: totals are the ledger's, and budgets hold and have
used what its rows say, whoever died, was judged, rolled back or set a price in between."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.models import Sum
from django.utils import timezone

from chat.completions.events import Usage
from chat.domain import (
    budgets,
    ledger,
    pricing,
    processes,
    replies,
    revaluing,
    thresholds,
    totals,
    turns,
)
from chat.domain.budgets import BudgetRefuses
from chat.domain.ledger import Receipt
from chat.domain.replies import Outcome, Work
from chat.domain.revaluing import WithoutPrice
from chat.domain.totals import Sums
from chat.domain.turns import TurnRefused
from chat.enums import CompletionState, Grain, MessageState, Period
from chat.models import (
    Allowance,
    Budget,
    Completion,
    Conversation,
    Correction,
    Hold,
    Message,
    Price,
    Total,
    User,
)
from chat.models.budget import parts_of
from chat.queries import costs, invariants
from tests.factories import begin_turn, make_conversation, make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("shipped_prices"),
]

PROCESSES, DEEDS = 4, 16
# One that costs something, and one that costs nothing that is known until somebody sets a price.
MODELS = ("Gemini-3.0-pro", "unheard-of")
REFUSED = Receipt(http_status=503, error="overloaded")


@dataclass(slots=True)
class Attempt:
    reply: Message
    work: Work

    @property
    def row(self) -> int:
        return self.work.completion_id


@dataclass(slots=True)
class Somebody:
    """A process as the others see it: by its claim, and by what it runs."""

    claim: uuid.UUID
    running: list[Attempt] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)


class Life:
    """What one process does, on a connection of its own."""

    def __init__(self, seed: int, me: Somebody, others: list[Somebody], chats: list[Conversation]):
        self.rng = random.Random(seed)
        self.me, self.others, self.chats = me, others, chats

    def live(self) -> None:
        deeds = {
            self.send: 6,
            self.end: 4,
            self.stop: 2,
            self.go_on_after_a_failure: 2,
            self.roll_back: 2,
            self.close_once_more: 1,
            self.judge: 1,
            self.set_a_price: 2,
            self.value_anew: 2,
        }
        for deed in self.rng.choices(list(deeds), list(deeds.values()), k=DEEDS):
            _insisting(deed)

    def send(self) -> None:
        try:
            turn = begin_turn(self.rng.choice(self.chats))
        except (BudgetRefuses, TurnRefused):
            return
        # Now and then nobody comes to run it.
        if self.rng.random() < 0.9 and (work := replies.start(turn.reply.pk, self.me.claim)):
            self.me.running.append(Attempt(turn.reply, work))

    def end(self) -> None:
        for attempt in self.taken():
            self.finish(attempt, self.final(), MessageState.COMPLETE)

    def stop(self) -> None:
        for attempt in self.taken():
            turns.request_stop(attempt.reply)
            self.finish(attempt, self.broken_off(), MessageState.STOPPED)

    def go_on_after_a_failure(self) -> None:
        for attempt in self.taken():
            receipt = self.rng.choice([REFUSED, self.broken_off()])
            try:
                following = replies.attempt_again(attempt.work, receipt, claim=self.me.claim)
            except BudgetRefuses:
                self.finish(attempt, receipt, MessageState.FAILED)
                continue
            if following is not None:
                self.me.running.append(Attempt(attempt.reply, following))

    def roll_back(self) -> None:
        """It dies with everything done and nothing committed."""
        for attempt in self.taken():
            with transaction.atomic():
                self.finish(attempt, self.final(), MessageState.COMPLETE)
                transaction.set_rollback(True)

    def close_once_more(self) -> None:
        if self.me.ended:
            assert not ledger.close_row(self.rng.choice(self.me.ended), self.final())

    def judge(self) -> None:
        """Take another for dead, which may be about to write."""
        claim, left = (other := self.rng.choice(self.others)).claim, list(other.running)
        processes.leave(claim)
        for attempt in left:
            replies.abandon(attempt.reply.pk, claim)
        other.claim = processes.join("come back")

    def set_a_price(self) -> None:
        """From now on, or from before anything here began."""
        Price.objects.create(
            model=self.rng.choice(MODELS),
            effective_from=timezone.now() - self.rng.choice([timedelta(0), timedelta(hours=1)]),
            prompt=Decimal(self.rng.randrange(100)) / 10,
            completion=Decimal(self.rng.randrange(100)) / 10,
        )

    def value_anew(self) -> None:
        """What has ended of a model, while others end more of it."""
        with suppress(WithoutPrice):
            revaluation = revaluing.begin(
                model=self.rng.choice(MODELS),
                by=None,
                reason="By chance",
                includes_priced=self.rng.random() < 0.5,
            )
            # Now and then it dies before it has begun.
            if self.rng.random() < 0.9:
                revaluing.step(revaluation)

    def taken(self) -> Iterator[Attempt]:
        """One of those that run here, if any do."""
        if self.me.running:
            yield self.me.running.pop(self.rng.randrange(len(self.me.running)))

    def finish(self, attempt: Attempt, receipt: Receipt, state: MessageState) -> None:
        replies.finish(
            reply_id=attempt.reply.pk,
            claim=self.me.claim,
            completion_id=attempt.row,
            outcome=Outcome(state=state, text="An answer", reasoning=""),
            receipt=receipt,
        )
        if not connection.in_atomic_block:
            self.me.ended.append(attempt.row)

    def final(self) -> Receipt:
        prompt, output = self.rng.randrange(50), self.rng.randrange(100)
        usage = Usage(prompt_tokens=prompt, completion_tokens=output, cached_tokens=prompt // 2)
        return Receipt(http_status=200, is_whole=True, usage=usage, may_be_billed=True)

    def broken_off(self) -> Receipt:
        characters = self.rng.randrange(200)
        return Receipt(
            http_status=200,
            may_be_billed=True,
            was_stopped=True,
            prompt_characters=characters,
            output_characters=characters,
        )


@pytest.mark.parametrize("seed", range(2))
def test_whatever_several_processes_do_at_once_the_books_agree(seed: int) -> None:
    limits, began = _budgets(), timezone.now()
    chats = [
        make_conversation(person, model=model, parameters={"max_tokens": 100})
        for person in (make_user("ana"), make_user("ben"), make_user("cleo"))
        for model in MODELS
        for _ in range(3)
    ]
    everybody = [Somebody(processes.join("a process")) for _ in range(PROCESSES)]

    lives = [
        Life(seed * PROCESSES + number, me, [each for each in everybody if each is not me], chats)
        for number, me in enumerate(everybody)
    ]
    with ThreadPoolExecutor(PROCESSES) as threads:
        for life in [threads.submit(_alone, life.live) for life in lives]:
            life.result(60)

    assert Completion.objects.closed().count() > 1
    _agree(limits)
    _sweep()
    assert invariants.broken() == []
    assert not Completion.objects.open().exists()
    assert set(Allowance.objects.values_list("held", flat=True)) == {0}
    _agree(limits)
    _value_all_anew(since=began)
    assert Correction.objects.exists()
    _agree(limits)


@pytest.mark.parametrize("last", [(totals, "_add"), (budgets, "_post"), (thresholds, "watch")])
def test_a_row_its_totals_and_its_hold_change_together_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, last: tuple[ModuleType, str]
) -> None:
    limits = _budgets()
    row = begin_turn(make_conversation(make_user("ana"))).reply.completions.get()
    held = Hold.objects.count()

    def die(*_args: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(*last, die)
    with pytest.raises(ConnectionResetError):
        ledger.close_row(row.pk, REFUSED)
    assert Completion.objects.open().get() == row
    assert (Total.objects.count(), Hold.objects.count()) == (0, held)

    monkeypatch.undo()
    assert ledger.close_row(row.pk, REFUSED)
    _agree(limits)


def test_totals_are_mended_while_others_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (
        begin_turn(make_conversation(make_user(name))).reply.completions.get()
        for name in ("ana", "ben")
    )
    ledger.close_row(first.pk, REFUSED)
    Total.objects.all().delete()
    in_ledger = totals._in_ledger

    def when_another_has_ended(month: date) -> Sums:
        with ThreadPoolExecutor(1) as threads:
            threads.submit(_alone, partial(ledger.close_row, second.pk, REFUSED)).result(10)
        return in_ledger(month)

    monkeypatch.setattr(totals, "_in_ledger", when_another_has_ended)
    assert totals.mend() == len(Grain)
    monkeypatch.undo()

    assert list(totals.differences()) == []
    assert Completion.objects.closed().count() == 2


def _budgets() -> list[Budget]:
    """The first refuses now and then, the others never."""
    return [
        Budget.objects.create(period=Period.MONTH, tokens=6_000),
        Budget.objects.create(period=Period.WEEK, tokens=10**9, is_shared=False),
        Budget.objects.create(period=Period.DAY, money=Decimal(1), currency="USD", is_hard=False),
    ]


def _insisting(deed: Callable[[], None]) -> None:
    while True:
        try:
            return deed()
        except OperationalError:
            # SQLite's one writer was busy for too long; elsewhere two wait for each other.
            if connection.vendor != "sqlite":
                raise


def _alone(live: Callable[[], object]) -> None:
    try:
        live()
    finally:
        connections.close_all()


def _value_all_anew(since: datetime) -> None:
    """With what others have begun and left."""
    for model in MODELS:
        rates = {"prompt": Decimal(1), "completion": Decimal(2)}
        Price.objects.create(model=model, effective_from=since, **rates)
        for _ in range(2):
            revaluation = revaluing.begin(
                model=model, by=None, reason="In the end", includes_priced=True
            )
            assert revaluing.proceed(revaluation, seconds=60)
    assert invariants.broken() == []


def _sweep() -> None:
    """All processes are dead: another one comes upon what they left."""
    for reply in Message.objects.running():
        assert replies.abandon(reply.pk, reply.claim)
    replies.close_left()
    assert ledger.close_forgotten() == 0


def _agree(limits: list[Budget]) -> None:
    assert list(totals.differences()) == []
    closed = Completion.objects.closed().select_related("price", "user")
    rows: list[Any] = list(costs.valued(closed))
    whole = sum((row.valued_cost or Decimal(0)) for row in rows)
    for grain in Grain:
        kept = Total.objects.by(grain).aggregate(rows=Sum("completions"), cost=Sum("cost"))
        assert kept == {"rows": len(rows), "cost": whole}
    for row in rows:
        cost = pricing.cost_of(row, row.price)
        assert (row.cost, row.cost_high) == ((cost.likely, cost.high) if cost else (None, None))
        assert row.price is None or row.price.effective_from <= row.started_at
    for limit in limits:
        _agrees(limit, rows)


def _agrees(limit: Budget, rows: list[Completion]) -> None:
    """Added up over the periods: midnight may pass meanwhile."""
    people = [None] if limit.is_shared else list(User.objects.all())
    for person in people:
        allowances = Allowance.objects.filter(budget=limit, user=person)
        found = allowances.aggregate(used=Sum("used", default=0), held=Sum("held", default=0))
        took = sum(_taken(row, limit) for row in rows if person in (None, row.user))
        holds = Hold.objects.filter(allowance__in=allowances)
        held = holds.aggregate(held=Sum("amount", default=0))["held"]
        assert found == {"used": took, "held": held}
        assert set(holds.values_list("completion__state", flat=True)) <= {CompletionState.OPEN}


def _taken(row: Completion, limit: Budget) -> int:
    if limit.tokens is not None:
        return (row.prompt or 0) + (row.output or 0)
    return parts_of(row.cost) if row.cost is not None else 0
