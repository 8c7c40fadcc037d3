"""The ledger's two deeds: a row is opened before an upstream attempt and closed once after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from chat.completions.events import (
    CompletionEvent,
    Ended,
    Identified,
    Reasoning,
    Text,
    Usage,
)
from chat.completions.families import family_of
from chat.domain import budgets, learned, pricing, totals
from chat.domain.estimates import Attempt
from chat.enums import RUNNING_STATES, CompletionState, Fault, Source
from chat.models import Completion, Conversation, Message, Process, User


@dataclass(slots=True)
class Receipt:
    """What is known of one attempt when it is over. Filled while it runs."""

    http_status: int | None = None
    identified: Identified | None = None
    usage: Usage | None = None
    choices: int | None = None
    finish_reason: str = ""
    # Whether the answer was read to its regular end: until then any figures are those so far.
    is_whole: bool = False
    error: str = ""
    was_stopped: bool = False
    first_token_at: datetime | None = None
    first_text_at: datetime | None = None
    # When something came last, or the attempt began.
    heard_at: datetime | None = None
    # Characters sent (system prompt included) and read: with the thinking, and without it.
    prompt_characters: int = 0
    prompt_messages: int = 0
    prompt_pictures: int = 0
    output_characters: int = 0
    text_characters: int = 0
    # What was asked of which model.
    model: str = ""
    max_tokens: int | None = None
    # Whether the upstream may bill this attempt: it answered, or may have begun to work.
    may_be_billed: bool = False

    def take(self, event: CompletionEvent) -> None:
        """What an event of the answer says of it."""
        match event:
            case Text(text):
                self._hear(text)
                self.first_text_at = self.first_text_at or self.heard_at
                self.text_characters += len(text)
            case Reasoning(text):
                self._hear(text)
            case Usage():
                self.usage = event
            case Identified():
                self.identified = event
            case Ended(finish_reason=reason, choices=choices):
                self.is_whole = True
                self.finish_reason = reason or ""
                self.choices = choices

    def _hear(self, text: str) -> None:
        self.heard_at = timezone.now()
        self.first_token_at = self.first_token_at or self.heard_at
        self.output_characters += len(text)


def open_row(
    *,
    reply: Message,
    conversation: Conversation,
    user: User,
    model: str = "",
    continues_at: int = 0,
) -> Completion:
    """The row of an attempt at a reply, of which so many characters are there already. It says
    which model is asked: the conversation's, if none is named."""
    return Completion.objects.create(
        user=user,
        cost_centre=user.cost_centre,
        conversation=conversation,
        message=reply,
        source=Source.CHAT,
        model_asked=model or conversation.model,
        continues_at=continues_at,
    )


def open_next(completion_id: int) -> Completion:
    """The row of another attempt at the same thing."""
    row = Completion.objects.get(pk=completion_id)
    return Completion.objects.create(
        user_id=row.user_id,
        cost_centre=row.cost_centre,
        conversation_id=row.conversation_id,
        message_id=row.message_id,
        source=row.source,
        model_asked=row.model_asked,
        continues_at=row.continues_at,
    )


@transaction.atomic(savepoint=False)
def close_row(completion_id: int, receipt: Receipt) -> bool:
    """Close an open row, with what it cost, add it to the totals, and free what was held for it.
    False when it was closed before: a row closes once."""
    opened = Completion.objects.filter(pk=completion_id).open()
    if (row := opened.first()) is None:
        return False
    told = _told(receipt) | _given(receipt.usage)
    _change(row, told)
    if row.is_estimated:
        estimated = _estimated(row, receipt)
        _change(row, estimated)
        told |= estimated
    priced = pricing.fields(row)
    _change(row, priced)
    if not opened.update(**told, **priced):
        return False
    totals.post(row)
    budgets.settle(row)
    return True


def _change(row: Completion, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)


def _told(receipt: Receipt) -> dict[str, Any]:
    identified = receipt.identified
    told = {
        "state": state_of(receipt),
        "finished_at": timezone.now(),
        "http_status": receipt.http_status,
        "model_answered": _text(identified.model if identified else None, 200),
        "upstream_id": _text(identified.id if identified else None, 200),
        "object": _text(identified.object if identified else None, 64),
        "created": identified.created if identified else None,
        "choices": receipt.choices,
        "error": receipt.error,
        "finish_reason": _text(receipt.finish_reason, 64),
        "was_stopped": receipt.was_stopped,
        "prompt_characters": receipt.prompt_characters,
        "prompt_messages": receipt.prompt_messages,
        "prompt_pictures": receipt.prompt_pictures,
        "text_characters": receipt.text_characters,
        "first_text_at": receipt.first_text_at,
    }
    if receipt.first_token_at:
        told["first_token_at"] = receipt.first_token_at
    return told


def close_forgotten() -> int:
    """Close rows that are open although no reply runs and nobody reads on for their figures. There
    should be none: gives how many."""
    forgotten = (
        Completion.objects.open()
        .exclude(message__state__in=RUNNING_STATES)
        .exclude(message__claim__in=Process.objects.values("pk"))
        .exclude(claim__in=Process.objects.values("pk"))
    )
    return sum(close_row(row.pk, Receipt(error=Fault.INTERNAL)) for row in forgotten)


def state_of(receipt: Receipt) -> CompletionState:
    if receipt.is_whole and _counts_output(receipt):
        return CompletionState.FINAL
    return CompletionState.ESTIMATED if receipt.may_be_billed else CompletionState.FAILED


def _counts_output(receipt: Receipt) -> bool:
    """Whether there are figures, and not only those from before the text that came."""
    usage = receipt.usage
    return usage is not None and bool(usage.output or not receipt.output_characters)


def _given(usage: Usage | None) -> dict[str, Any]:
    if usage is not None:
        names = (
            *("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens"),
            *("prompt_text_tokens", "prompt_audio_tokens", "prompt_image_tokens"),
            *("completion_text_tokens", "completion_audio_tokens", "reasoning_tokens"),
            *("input_tokens", "output_tokens"),
        )
        return {name: getattr(usage, name) for name in names} | {"usage": usage.raw}
    return {}


def _estimated(row: Completion, receipt: Receipt) -> dict[str, Any]:
    family = family_of(receipt.model)
    attempt = Attempt.of(
        row,
        heard_at=receipt.heard_at,
        is_begun=receipt.http_status == 200,
        thought_characters=receipt.output_characters - receipt.text_characters,
    )
    habits = learned.habits_of(row.model_asked)
    prompt = attempt.prompt(habits)
    output = attempt.output(
        habits, limit=family.most_output(receipt.max_tokens), max_thinking=family.max_thinking
    )
    if (usage := receipt.usage) is not None:
        # What the upstream had counted when it was cut off is surely billed.
        prompt = prompt.known(usage.prompt_tokens)
        output = output.at_least(usage.output)
    return {
        "estimated_prompt": prompt.likely,
        "estimated_prompt_low": prompt.low,
        "estimated_prompt_high": prompt.high,
        "estimated_output": output.likely,
        "estimated_output_low": output.low,
        "estimated_output_high": output.high,
    }


def _text(value: str | None, length: int) -> str:
    return (value or "")[:length]
