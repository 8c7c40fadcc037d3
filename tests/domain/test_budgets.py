"""Budgets: what fits is let through and held, the rest is refused, and every hold is freed once."""

from __future__ import annotations

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection, connections
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.completions.events import Usage
from chat.domain import ledger, processes, replies, turns
from chat.domain.budgets import LEAST_OUTPUT, BudgetExceeded, ModelWithoutPrice
from chat.domain.estimates import prompt_tokens
from chat.domain.ledger import Receipt
from chat.domain.parameters import Parameters
from chat.domain.replies import Outcome, Work
from chat.enums import MessageState, Period
from chat.models import Allowance, Budget, Completion, Conversation, Hold, Message, Price, User
from chat.queries import calendar
from tests.factories import begin_turn, make_conversation, make_turn, make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("shipped_prices"),
]

# What `begin_turn` asks takes, and an answer of at most so many tokens.
LONGEST = 100
PROMPT = prompt_tokens(["A question"])
ONE = PROMPT + LONGEST


@pytest.fixture
def ana(transactional_db: None) -> User:
    return make_user("ana")


def budget(**fields: Any) -> Budget:
    return Budget.objects.create(**{"period": Period.DAY, "tokens": 10 * ONE} | fields)


def chat(user: User, **fields: Any) -> Conversation:
    conversation = make_conversation(user)
    fields.setdefault("parameters", {"max_tokens": LONGEST})
    Conversation.objects.filter(pk=conversation.pk).update(**fields)
    conversation.refresh_from_db()
    return conversation


def end(reply: Message, *, prompt: int, output: int) -> None:
    usage = Usage(prompt_tokens=prompt, completion_tokens=output)
    row = reply.completions.open().get()
    ledger.close_row(row.pk, Receipt(usage=usage, is_whole=True, http_status=200))
    Message.objects.filter(pk=reply.pk).update(
        state=MessageState.COMPLETE, finished_at=timezone.now()
    )


def left() -> tuple[int, int]:
    """Used and held of the one allowance there is."""
    allowance = Allowance.objects.get()
    return allowance.used, allowance.held


def test_without_a_budget_nothing_is_held_and_no_limit_is_sent(ana: User) -> None:
    row = begin_turn(chat(ana)).reply.completions.get()

    assert not Hold.objects.exists()
    assert row.output_limit is None


def test_the_worst_case_is_held_and_the_rest_given_back(ana: User) -> None:
    budget()

    reply = begin_turn(chat(ana)).reply
    assert left() == (0, ONE)

    end(reply, prompt=5, output=7)
    assert left() == (12, 0)
    assert not Hold.objects.exists()


def test_what_does_not_fit_is_refused_and_leaves_nothing_behind(ana: User) -> None:
    strict = budget(tokens=ONE)
    begin_turn(chat(ana))

    with pytest.raises(BudgetExceeded) as refused:
        begin_turn(chat(ana))

    assert refused.value.budget == strict
    assert refused.value.resets_at > timezone.now()
    assert left() == (0, ONE)
    assert (Message.objects.count(), Completion.objects.count()) == (2, 1)


def test_the_answer_may_be_as_long_as_what_is_left(ana: User) -> None:
    budget(tokens=PROMPT + 80)
    claim = processes.join("a process")

    reply = begin_turn(chat(ana)).reply
    work = replies.start(reply.pk, claim)

    assert work is not None
    assert work.request.max_tokens == reply.completions.get().output_limit == 80
    assert left() == (0, PROMPT + 80)


def test_what_is_held_is_sent_as_the_limit_even_if_nobody_set_one(ana: User) -> None:
    budget(tokens=1_000_000)
    claim = processes.join("a process")

    work = replies.start(begin_turn(chat(ana, parameters={})).reply.pk, claim)

    assert work is not None
    assert work.request.max_tokens == 65_536


def test_a_soft_budget_counts_and_refuses_nothing(ana: User) -> None:
    budget(tokens=1, is_hard=False)

    reply = begin_turn(chat(ana)).reply

    assert left() == (0, ONE)
    assert reply.completions.get().output_limit is None


def test_the_tightest_of_several_wins_and_all_are_held_or_none(ana: User) -> None:
    budget(tokens=10 * ONE)
    tight = budget(tokens=ONE, user=ana)
    budget(tokens=10 * ONE, period=Period.MONTH)
    begin_turn(chat(ana))

    with pytest.raises(BudgetExceeded) as refused:
        begin_turn(chat(ana))

    assert refused.value.budget == tight
    assert set(Allowance.objects.values_list("held", flat=True)) == {ONE}
    assert Hold.objects.count() == 3


def test_a_budget_is_for_those_whom_it_names(ana: User) -> None:
    ben, group = make_user("ben"), Group.objects.create(name="Sales")
    ben.groups.add(group)
    budget(tokens=1, user=ben)
    budget(tokens=1, group=group)
    budget(tokens=1, is_active=False)

    begin_turn(chat(ana))
    with pytest.raises(BudgetExceeded):
        begin_turn(chat(ben))


@pytest.mark.parametrize(("is_shared", "fits"), [(True, 1), (False, 2)])
def test_a_budget_is_had_together_or_by_each(ana: User, is_shared: bool, fits: int) -> None:
    budget(tokens=ONE, is_shared=is_shared)

    through = 0
    for user in (ana, make_user("ben")):
        try:
            begin_turn(chat(user))
            through += 1
        except BudgetExceeded:
            pass

    assert through == fits


def test_money_is_held_by_the_price_and_posted_as_the_cost(ana: User) -> None:
    budget(tokens=None, money=Decimal("0.01"), currency="USD")

    reply = begin_turn(chat(ana)).reply
    held = Price.objects.get(model="Gemini-3.0-pro").cost(prompt=PROMPT, cached=0, output=LONGEST)
    assert left() == (0, int(held.scaleb(12)))

    end(reply, prompt=13, output=100)
    # 13 × 1.60 + 100 × 9.60, a million.
    assert left() == (int(Decimal("0.0009808").scaleb(12)), 0)


def test_the_model_is_asked_for_which_money_is_held(ana: User) -> None:
    budget(tokens=None, money=Decimal("0.01"), currency="USD")
    reply = begin_turn(conversation := chat(ana, model="gemini-2.5-flash")).reply
    Conversation.objects.filter(pk=conversation.pk).update(model="gpt-5.5")

    work = replies.start(reply.pk, processes.join("a process"))

    assert work is not None
    assert work.request.model == reply.completions.get().model_asked == "gemini-2.5-flash"


@pytest.mark.parametrize("fields", [{"currency": "EUR"}, {"currency": "USD"}])
def test_money_is_not_kept_by_what_has_no_price_in_it(ana: User, fields: dict[str, Any]) -> None:
    budget(tokens=None, money=Decimal(100), **fields)
    model = "Gemini-3.0-pro" if fields["currency"] == "EUR" else "unheard-of"

    with pytest.raises(ModelWithoutPrice):
        begin_turn(chat(ana, model=model))


def test_allowances_are_freed_in_the_order_in_which_they_are_taken(ana: User) -> None:
    budget()
    second = budget(period=Period.MONTH)
    # It has its first allowance before the other one has.
    start, _next = calendar.starts(Period.MONTH, timezone.now())
    Allowance.objects.create(budget=second, start=start)

    with CaptureQueriesContext(connection) as taking:
        reply = begin_turn(chat(ana)).reply
    with CaptureQueriesContext(connection) as freeing:
        end(reply, prompt=5, output=7)

    assert _taken_in(taking) == _taken_in(freeing)
    assert len(_taken_in(taking)) == 2


def _taken_in(captured: CaptureQueriesContext) -> list[str]:
    """By which keys allowances were changed: one by one, or several in one statement, which has
    them in the order in which they were locked."""
    changes = [
        query["sql"] for query in captured if re.match('UPDATE "?chat_allowance', query["sql"])
    ]
    return [
        key for change in changes for key in re.findall(r'(?<="id" = )\d+|(?<=\()\d+(?=, )', change)
    ]


def test_the_same_send_is_the_same_turn_although_the_budget_is_used_up(ana: User) -> None:
    budget(tokens=ONE)
    conversation, key = chat(ana), uuid.uuid4()
    first = turns.begin(conversation=conversation, author=ana, text="A question", send_key=key)

    again = turns.begin(conversation=conversation, author=ana, text="A question", send_key=key)

    assert again.reply == first.reply
    assert left() == (0, ONE)


def started(conversation: Conversation, claim: uuid.UUID) -> Work:
    work = replies.start(begin_turn(conversation).reply.pk, claim)
    assert work is not None
    return work


def cost(prompt: int, output: int) -> Receipt:
    """Of an attempt that has to be made once more."""
    usage = Usage(prompt_tokens=prompt, completion_tokens=output)
    return Receipt(usage=usage, is_whole=True, http_status=200)


def test_the_next_attempt_holds_anew_and_what_the_first_took_is_posted(ana: User) -> None:
    budget()
    claim = processes.join("a process")
    work = started(chat(ana), claim)

    following = replies.attempt_again(work, cost(3, 4), claim=claim)

    assert following is not None
    assert left() == (7, ONE)
    assert Hold.objects.get().completion_id == following.completion_id


def test_what_the_first_attempt_took_is_not_there_for_the_next(ana: User) -> None:
    budget(tokens=ONE)
    claim = processes.join("a process")

    following = replies.attempt_again(started(chat(ana), claim), cost(3, 4), claim=claim)

    assert following is not None
    assert left() == (7, ONE - 7)
    row = Completion.objects.get(pk=following.completion_id)
    assert following.request.max_tokens == row.output_limit == LONGEST - 7


def test_where_the_rest_does_not_reach_there_is_no_next_attempt_and_nothing_changes(
    ana: User,
) -> None:
    budget(tokens=ONE)
    claim = processes.join("a process")
    work = started(chat(ana), claim)
    # One token more than leaves room for the shortest answer.
    first = cost(3, LONGEST - LEAST_OUTPUT - 2)

    with pytest.raises(BudgetExceeded):
        replies.attempt_again(work, first, claim=claim)

    assert left() == (0, ONE)
    assert Completion.objects.open().get().pk == work.completion_id
    # Nor does it when the word of it was lost.
    with pytest.raises(BudgetExceeded):
        replies.attempt_again(work, first, claim=claim)


def test_a_budget_that_was_made_tighter_meanwhile_is_kept_by_the_next_attempt(ana: User) -> None:
    limit = budget(tokens=ONE)
    claim = processes.join("a process")
    work = started(chat(ana), claim)
    Budget.objects.filter(pk=limit.pk).update(tokens=ONE - 20)

    following = replies.attempt_again(work, Receipt(error="overloaded"), claim=claim)

    assert following is not None
    assert (following.request.max_tokens, left()) == (LONGEST - 20, (0, ONE - 20))


def test_an_attempt_after_midnight_is_held_of_the_new_day(ana: User) -> None:
    budget()
    claim = processes.join("a process")
    work = started(chat(ana), claim)
    Allowance.objects.update(start=F("start") - timedelta(days=1))

    replies.attempt_again(work, cost(3, 4), claim=claim)

    days = Allowance.objects.order_by("start").values_list("used", "held")
    assert list(days) == [(7, 0), (0, ONE)]


def test_the_hold_of_a_process_that_died_goes_with_its_reply(ana: User) -> None:
    budget()
    claim = uuid.uuid4()
    reply = begin_turn(chat(ana)).reply
    Message.objects.filter(pk=reply.pk).update(claim=claim)

    assert replies.abandon(reply.pk, claim)

    used, held = left()
    assert held == 0
    assert used == reply.completions.get().prompt


def test_an_answer_that_is_asked_otherwise_is_held_by_its_own_limit(ana: User) -> None:
    conversation = chat(ana)
    first = make_turn(conversation).reply
    budget()

    turns.try_again(
        conversation=conversation, reply=first, author=ana, parameters=Parameters(max_tokens=7)
    )

    assert left() == (0, ONE - LONGEST + 7)


def test_going_on_holds_anew(ana: User) -> None:
    budget()
    claim = processes.join("a process")
    conversation = chat(ana)
    reply = begin_turn(conversation).reply
    replies.start(reply.pk, claim)
    replies.finish(
        reply_id=reply.pk,
        claim=claim,
        completion_id=reply.completions.get().pk,
        outcome=Outcome(state=MessageState.STOPPED, text="Half", reasoning=""),
        receipt=Receipt(error="overloaded", http_status=503),
    )
    assert left() == (0, 0)

    turns.go_on(conversation=conversation, reply=reply, author=ana)

    assert left()[1] > ONE


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period.DAY, (2026, 11, 28), (2026, 11, 29)),
        (Period.WEEK, (2026, 11, 23), (2026, 11, 30)),
        (Period.MONTH, (2026, 11, 1), (2026, 12, 1)),
    ],
)
def test_a_period_begins_at_the_teams_midnight(
    settings: Any, period: Period, start: tuple[int, ...], end: tuple[int, ...]
) -> None:
    settings.TIME_ZONE = "Europe/Madrid"
    zone = timezone.get_default_timezone()
    # Late in the evening in UTC, it is the next day there.
    moment = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)

    assert calendar.starts(period, moment) == (
        datetime(*start, tzinfo=zone),  # type: ignore[arg-type,misc]
        datetime(*end, tzinfo=zone),  # type: ignore[arg-type,misc]
    )


def test_the_next_period_has_as_much_again(ana: User) -> None:
    budget(tokens=ONE)
    begin_turn(chat(ana))
    yesterday = F("start") - timedelta(days=1)
    Allowance.objects.update(start=yesterday)

    begin_turn(chat(ana))

    assert Allowance.objects.count() == 2


def test_of_many_sends_at_once_what_fits_is_let_through_and_not_one_more(ana: User) -> None:
    budget(tokens=10 * ONE)
    people = [make_user(f"person{number}") for number in range(8)]
    chats = [chat(people[number % 8]) for number in range(200)]

    def send(conversation: Conversation) -> bool:
        try:
            while True:
                try:
                    begin_turn(conversation)
                except OperationalError:
                    # SQLite's one writer was busy for too long.
                    continue
                return True
        except BudgetExceeded:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as threads:
        let_through = sum(threads.map(send, chats))

    assert let_through == 10
    assert Completion.objects.count() == 10
    assert left() == (0, 10 * ONE)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "end", "fail", "abandon", "again"]),
        st.integers(0, 3),
        st.integers(0, 300),
    ),
    max_size=16,
)


@given(steps=STEPS, limit=st.integers(1, 6))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_happens_what_is_held_is_of_what_runs(
    transactional_db: None, steps: list[tuple[str, int, int]], limit: int
) -> None:
    for model in (Hold, Allowance, Budget):
        model.objects.all().delete()
    strict, somebody = budget(tokens=limit * ONE), make_user(uuid.uuid4().hex)
    claim = processes.join("a process")
    running: list[Message] = []
    for deed, place, tokens in steps:
        if deed == "send":
            try:
                running.append(begin_turn(chat(somebody)).reply)
            except BudgetExceeded:
                assert _left_of(strict) < PROMPT + LONGEST
        elif running:
            reply = running[place % len(running)]
            row = reply.completions.open().get()
            if deed == "end":
                end(reply, prompt=PROMPT, output=min(tokens, row.output_limit or 0))
            elif deed == "fail":
                ledger.close_row(row.pk, Receipt(error="overloaded", http_status=503))
            elif deed == "abandon":
                replies.abandon(reply.pk, None)
            else:
                work = replies.start(reply.pk, claim)
                assert work is not None
                with suppress(BudgetExceeded):
                    replies.attempt_again(work, cost(PROMPT, tokens % 50), claim=claim)
                Message.objects.filter(pk=reply.pk).update(claim=None)
                continue
            running.remove(reply)

        held = sum(Hold.objects.values_list("amount", flat=True))
        allowances = list(Allowance.objects.all())
        assert sum(allowance.held for allowance in allowances) == held
        assert all(allowance.used + allowance.held <= strict.limit for allowance in allowances)
        assert set(Hold.objects.values_list("completion__state", flat=True)) <= {"open"}


def _left_of(strict: Budget) -> int:
    return strict.limit - sum(each.used + each.held for each in Allowance.objects.all())
