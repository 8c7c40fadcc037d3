"""What the database itself refuses, whoever writes: each rule by its name, broken once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, models, transaction

from chat.enums import (
    CompletionState,
    Grain,
    MessageState,
    Period,
    RequestState,
    Role,
    Source,
    Verdict,
)
from chat.models import (
    Allowance,
    Attachment,
    Bill,
    BilledDay,
    Budget,
    BudgetRequest,
    Completion,
    Conversation,
    Correction,
    Draft,
    Feedback,
    Hold,
    JournalPiece,
    Message,
    MeterReading,
    Preset,
    Price,
    QueuedMessage,
    Revaluation,
    ShareLink,
    ShareOpening,
    Total,
    User,
)
from chat.models.draft import LONGEST_DRAFT
from tests.factories import begin_turn, make_prompt, make_turn, uploaded

Break = Callable[[Conversation], object]

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)


def _message(**fields: object) -> Break:
    def change(conversation: Conversation) -> object:
        reply = make_turn(conversation).reply
        return Message.objects.filter(pk=reply.pk).update(**fields)

    return change


def _row(**fields: object) -> Break:
    def change(conversation: Conversation) -> object:
        row = make_turn(conversation).reply.completions.get()
        return Completion.objects.filter(pk=row.pk).update(**fields)

    return change


def _estimate(**fields: int) -> Break:
    within = {
        f"estimated_{part}{bound}": value
        for part in ("prompt", "output")
        for bound, value in (("_low", 1), ("", 2), ("_high", 3))
    }
    return _row(state=CompletionState.ESTIMATED, **{**within, **fields})


def _second_running_reply(conversation: Conversation) -> object:
    turn = begin_turn(conversation)
    return conversation.messages.create(
        parent=turn.prompt, role=Role.ASSISTANT, state=MessageState.WAITING
    )


def _same_key(conversation: Conversation) -> object:
    prompt = make_turn(conversation).prompt
    prompt.pk = None
    prompt.save(force_insert=True)
    return prompt


def _second_open_row(conversation: Conversation) -> object:
    row = begin_turn(conversation).reply.completions.get()
    return Completion.objects.create(user=row.user, message=row.message, model_asked="m")


def _same_piece(conversation: Conversation) -> object:
    reply = begin_turn(conversation).reply
    return [JournalPiece.objects.create(message=reply, number=0, text=text) for text in "ab"]


def _same_login(conversation: Conversation) -> object:
    return type(conversation.owner).objects.create(email=conversation.owner.email.upper())


def _price(**fields: Any) -> Break:
    rates = {"prompt": Decimal(1), "completion": Decimal(2)} | fields
    return lambda _conversation: Price.objects.create(model="m", **rates)


def _same_price(conversation: Conversation) -> object:
    return [_price(effective_from=NOON)(conversation) for _ in range(2)]


def _budget(**fields: Any) -> Break:
    return lambda _conversation: Budget.objects.create(**{"period": Period.DAY} | fields)


def _budget_for_two(conversation: Conversation) -> object:
    group = Group.objects.create(name="Sales")
    return _budget(tokens=1, user=conversation.owner, group=group)(conversation)


def _allowance(conversation: Conversation, **fields: Any) -> Allowance:
    budget = Budget.objects.create(period=Period.DAY, tokens=1)
    return Allowance.objects.create(budget=budget, start=NOON, **fields)


def _same_allowance(conversation: Conversation, **fields: Any) -> object:
    budget = _allowance(conversation, **fields).budget
    return Allowance.objects.create(budget=budget, start=NOON, **fields)


def _same_allowance_of_one(conversation: Conversation) -> object:
    return _same_allowance(conversation, user=conversation.owner)


def _same_hold(conversation: Conversation) -> object:
    row = begin_turn(conversation).reply.completions.get()
    allowance = _allowance(conversation)
    return [Hold.objects.create(completion=row, allowance=allowance, amount=1) for _ in range(2)]


def _corrected(row: Completion, **fields: Any) -> Correction:
    price = Price.objects.create(model="m", prompt=Decimal(1), completion=Decimal(2))
    made = {"price": price, "cost": Decimal(2), "cost_low": Decimal(1), "cost_high": Decimal(3)}
    revaluation = Revaluation.objects.create(model="m", reason="", last=1, finished_at=NOON)
    return Correction.objects.create(completion=row, revaluation=revaluation, **(made | fields))


def _correction(**fields: Any) -> Break:
    return lambda conversation: _corrected(
        make_turn(conversation).reply.completions.get(), **fields
    )


def _same_correction(conversation: Conversation) -> object:
    first = _corrected(make_turn(conversation).reply.completions.get())
    return _corrected(first.completion, price=first.price, replaces=first)


def _second_first_correction(conversation: Conversation) -> object:
    return _corrected(_corrected(make_turn(conversation).reply.completions.get()).completion)


def _second_revaluation(_conversation: Conversation) -> object:
    return [Revaluation.objects.create(model="m", reason="", last=1) for _ in range(2)]


def _same_total(conversation: Conversation) -> object:
    return [
        Total.objects.create(
            grain=Grain.DAY, start=NOON, user=conversation.owner, model="m", source=Source.CHAT
        )
        for _ in range(2)
    ]


def _billed(conversation: Conversation, **fields: Any) -> BilledDay:
    bill = Bill.objects.create(entered_by=conversation.owner, entered_at=NOON)
    figures = {"bill": bill, "day": NOON.date(), "model": "m"} | fields
    return BilledDay.objects.create(**figures)


def _same_billed_day(conversation: Conversation) -> object:
    day = _billed(conversation, total_tokens=1)
    return _billed(conversation, total_tokens=2, bill=day.bill)


def _request(**fields: Any) -> Break:
    def make(conversation: Conversation) -> object:
        budget = Budget.objects.create(period=Period.DAY, tokens=1)
        owner = conversation.owner
        return BudgetRequest.objects.create(budget=budget, user=owner, reason="?", **fields)

    return make


def _second_request(conversation: Conversation) -> object:
    _request()(conversation)
    budget = Budget.objects.get()
    return BudgetRequest.objects.create(budget=budget, user=conversation.owner, reason="!")


def _reading(**fields: Any) -> Break:
    return lambda _conversation: MeterReading.objects.create(hour=NOON, **fields)


def _feedback(conversation: Conversation, **fields: Any) -> Feedback:
    given = {"verdict": Verdict.BAD, "user": conversation.owner, "model": "m"} | fields
    return Feedback.objects.create(**given)


def _same_feedback(conversation: Conversation) -> object:
    reply = make_turn(conversation).reply
    return [_feedback(conversation, message=reply) for _ in range(2)]


def _link(conversation: Conversation, **fields: Any) -> ShareLink:
    made = {"created_at": NOON, "expires_at": NOON, "created_by": conversation.owner} | fields
    return ShareLink.objects.create(conversation=conversation, token_hash="h", **made)


def _same_opening(conversation: Conversation) -> object:
    link = _link(conversation, expires_at=NOON + timedelta(days=1))
    reader = conversation.owner
    return [ShareOpening.objects.create(link=link, reader=reader) for _ in range(2)]


def _sent_and_in_a_composer(conversation: Conversation) -> object:
    prompt = make_turn(conversation).prompt
    return Attachment.objects.create(
        uploader=conversation.owner,
        message=prompt,
        conversation=conversation,
        width=1,
        height=1,
        size=1,
    )


def _same_name(owner: User | None) -> object:
    for name in ("Kind", "kIND"):
        Preset.objects.create(owner=owner, name=name, model="a model")
    return None


def _same_prompt(owner: User | None) -> object:
    return [make_prompt(owner, name) for name in ("minutes", "Minutes")]


def _same_name_of_one(conversation: Conversation) -> object:
    return _same_name(conversation.owner)


def _same_name_for_all(conversation: Conversation) -> object:
    return _same_name(None)


def _sent_and_queued(conversation: Conversation) -> object:
    prompt = make_turn(conversation).prompt
    picture = uploaded(conversation.owner)
    return Attachment.objects.filter(pk=picture.pk).update(
        message=prompt, queued=_queued(conversation)
    )


def _queued_and_in_a_composer(conversation: Conversation) -> object:
    picture = uploaded(conversation.owner, conversation)
    return Attachment.objects.filter(pk=picture.pk).update(queued=_queued(conversation))


def _queued(conversation: Conversation, **fields: object) -> QueuedMessage:
    return QueuedMessage.objects.create(
        conversation=conversation, author=conversation.owner, text="Next", **fields
    )


def _queued_twice(conversation: Conversation) -> object:
    return _queued(conversation, send_key=_queued(conversation).send_key)


def _same_draft(conversation: Conversation, **beside: None) -> object:
    place = beside.get("beside", conversation)
    return [
        Draft.objects.create(user=conversation.owner, conversation=place, text=text)
        for text in "ab"
    ]


def _long_draft(conversation: Conversation) -> object:
    return Draft.objects.create(user=conversation.owner, text="x" * (LONGEST_DRAFT + 1))


RULES: dict[str, list[Break]] = {
    "message_finished_iff_it_has_an_end": [
        _message(finished_at=None),
        _message(state=MessageState.WAITING),
        _message(state=MessageState.STREAMING),
    ],
    "message_prompt_has_author_reply_has_parent": [
        _message(role=Role.USER),
        _message(parent=None),
        _message(role="system"),
    ],
    "message_one_running_reply_a_conversation": [_second_running_reply],
    "message_send_key_is_used_once": [_same_key],
    "queued_message_send_key_is_used_once": [_queued_twice],
    "attachment_lies_in_one_place": [
        _sent_and_in_a_composer,
        _sent_and_queued,
        _queued_and_in_a_composer,
    ],
    "completion_closed_iff_it_has_an_end": [
        _row(finished_at=None),
        _row(state=CompletionState.OPEN),
    ],
    "completion_final_has_usage": [_row(state=CompletionState.FINAL)],
    "completion_estimate_lies_in_its_bounds": [
        _estimate(estimated_output=4),
        _estimate(estimated_output=0),
        _estimate(estimated_prompt=4),
        _estimate(estimated_prompt=0),
    ],
    "completion_cost_lies_in_its_bounds": [
        _row(cost=Decimal(1), cost_low=Decimal(2), cost_high=Decimal(3)),
        _row(cost=Decimal(4), cost_low=Decimal(2), cost_high=Decimal(3)),
        _row(cost=None, cost_low=None, cost_high=Decimal(3)),
    ],
    "budget_is_for_a_person_or_a_group": [_budget_for_two],
    "budget_is_of_tokens_or_of_money": [
        _budget(),
        _budget(tokens=1, money=Decimal(1), currency="USD"),
        _budget(tokens=1, currency="USD"),
        _budget(money=Decimal(1)),
    ],
    "allowance_one_a_period": [_same_allowance],
    "allowance_one_a_period_and_person": [_same_allowance_of_one],
    "allowance_is_not_negative": [
        lambda conversation: _allowance(conversation, used=-1),
        lambda conversation: _allowance(conversation, held=-1),
    ],
    "hold_one_a_completion": [_same_hold],
    "completion_one_open_a_reply": [_second_open_row],
    "price_one_a_model_and_moment": [_same_price],
    "price_long_prompts_have_all_rates_or_none": [
        _price(long_prompt_over=1),
        _price(long_prompt=Decimal(1)),
        _price(long_prompt_over=1, long_completion=Decimal(1)),
    ],
    "price_is_not_negative": [_price(prompt=Decimal(-1)), _price(completion=Decimal(-1))],
    "correction_one_a_row_and_price": [_same_correction],
    "correction_one_first_of_a_row": [_second_first_correction],
    "correction_lies_in_its_bounds": [
        _correction(cost=Decimal(4)),
        _correction(cost_low=Decimal(3)),
    ],
    "revaluation_one_at_a_time_of_a_model": [_second_revaluation],
    "total_one_a_key": [_same_total],
    "journal_piece_is_written_once": [_same_piece],
    "billed_day_once_a_bill": [_same_billed_day],
    "billed_day_amount_has_a_currency": [
        partial(_billed, amount=Decimal(1)),
        partial(_billed, total_tokens=1, currency="USD"),
        partial(_billed, amount=Decimal(-1), currency="USD"),
    ],
    "billed_day_says_something": [_billed],
    "budget_request_one_open": [_second_request],
    "budget_request_grants_something_until": [
        _request(granted=5),
        _request(state=RequestState.GRANTED, decided_at=NOON, until=NOON),
        _request(state=RequestState.GRANTED, decided_at=NOON, granted=0, until=NOON),
        _request(state=RequestState.DECLINED, decided_at=NOON, granted=5),
    ],
    "budget_request_decided_iff_not_open": [
        _request(decided_at=NOON),
        _request(state=RequestState.DECLINED),
    ],
    "meter_reading_has_figures_once_taken": [
        _reading(taken_at=NOON),
        _reading(used=Decimal(1)),
    ],
    "user_email_is_one_login": [_same_login],
    "feedback_one_a_person_and_reply": [_same_feedback],
    "feedback_is_good_or_bad": [lambda conversation: _feedback(conversation, verdict="none")],
    "preset_one_name_a_person": [_same_name_of_one],
    "preset_one_name_shared": [_same_name_for_all],
    "savedprompt_one_name_a_person": [lambda talk: _same_prompt(talk.owner)],
    "savedprompt_one_name_shared": [lambda _talk: _same_prompt(None)],
    "share_link_ends_after_it_was_made": [_link],
    "share_opening_one_a_reader": [_same_opening],
    "draft_one_a_person_and_conversation": [_same_draft],
    "draft_one_a_person_for_a_new_conversation": [lambda talk: _same_draft(talk, beside=None)],
    "draft_has_a_bounded_length": [_long_draft],
}
# SQLite names the columns of what is not unique, and not the rule.
UNIQUE = {
    "message_one_running_reply_a_conversation": "chat_message.conversation_id",
    "message_send_key_is_used_once": "chat_message.author_id, chat_message.send_key",
    "queued_message_send_key_is_used_once": (
        "chat_queuedmessage.author_id, chat_queuedmessage.send_key"
    ),
    "completion_one_open_a_reply": "chat_completion.message_id",
    "price_one_a_model_and_moment": "chat_price.model, chat_price.effective_from",
    "allowance_one_a_period": "chat_allowance.budget_id, chat_allowance.start",
    "allowance_one_a_period_and_person": "chat_allowance.budget_id, chat_allowance.user_id",
    "hold_one_a_completion": "chat_hold.completion_id, chat_hold.allowance_id",
    "correction_one_a_row_and_price": "chat_correction.completion_id, chat_correction.price_id",
    "correction_one_first_of_a_row": "chat_correction.completion_id",
    "revaluation_one_at_a_time_of_a_model": "chat_revaluation.model",
    "total_one_a_key": "chat_total.grain, chat_total.start",
    "journal_piece_is_written_once": "chat_journalpiece.message_id, chat_journalpiece.number",
    "billed_day_once_a_bill": "chat_billedday.bill_id, chat_billedday.day",
    "budget_request_one_open": "chat_budgetrequest.budget_id, chat_budgetrequest.user_id",
    "feedback_one_a_person_and_reply": "chat_feedback.message_id, chat_feedback.user_id",
    "share_opening_one_a_reader": "chat_shareopening.link_id, chat_shareopening.reader_id",
    "draft_one_a_person_and_conversation": "chat_draft.user_id, chat_draft.conversation_id",
    "draft_one_a_person_for_a_new_conversation": "chat_draft.user_id",
}


def test_no_rule_is_forgotten_here() -> None:
    constraints = [
        constraint.name
        for model in apps.get_app_config("chat").get_models()
        for constraint in model._meta.constraints
    ]

    assert sorted(constraints) == sorted(RULES)


@pytest.mark.parametrize(
    ("rule", "broken"), [(rule, broken) for rule, all_ in RULES.items() for broken in all_]
)
def test_each_rule_is_kept(conversation: Conversation, rule: str, broken: Break) -> None:
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        broken(conversation)

    named = UNIQUE.get(rule, rule) if connection.vendor == "sqlite" else rule
    assert named in str(refused.value)


def test_an_estimate_in_its_bounds_is_kept(conversation: Conversation) -> None:
    assert _estimate()(conversation) == 1
    assert _estimate(estimated_output_low=2, estimated_output_high=2)(conversation) == 1


def test_a_reply_that_is_told_to_stop_does_not_count_as_running(
    conversation: Conversation,
) -> None:
    turn = begin_turn(conversation)
    Message.objects.filter(pk=turn.reply.pk).update(stop_requested_at=turn.reply.created_at)

    second = conversation.messages.create(
        parent=turn.prompt, role=Role.ASSISTANT, state=MessageState.WAITING
    )

    assert second.is_running


def test_a_message_without_a_key_may_have_a_sibling_without_one(
    conversation: Conversation,
) -> None:
    first = make_turn(conversation)
    second = make_turn(conversation)

    assert (first.reply.send_key, second.reply.send_key) == (None, None)
    assert first.prompt.send_key != second.prompt.send_key
    assert isinstance(first.prompt.send_key, uuid.UUID)


def test_a_person_who_is_in_the_ledger_cannot_be_deleted(conversation: Conversation) -> None:
    make_turn(conversation)

    with pytest.raises(models.ProtectedError):
        conversation.owner.delete()
