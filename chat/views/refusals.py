"""Why a send was refused, as a status and a sentence. In each case the text is kept."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chat.domain.attachments import (
    MOST_IN_MESSAGE,
    AttachmentsGone,
    ManyInMessage,
    ModelTakesNone,
)
from chat.domain.budgets import BudgetExceeded, ModelWithoutPrice
from chat.domain.queued import ModelGone, QueueFull, QueueMoved
from chat.domain.revisions import ConversationGone
from chat.domain.turns import (
    ConversationFull,
    ManyRunning,
    MessageTooLong,
    NothingToContinue,
    NotTheLast,
    ReplyRunning,
    SendKeyReused,
    StillCounted,
    TooFast,
)
from chat.enums import Period
from chat.generation import metrics
from chat.generation.service import NotServing
from chat.generation.supervisor import Draining, Full, FullForOne
from chat.models import Budget
from chat.rendering import budgets

_OUTDATED = _("Your text is kept: choose another model, then send it.")
_ANSWERS: tuple[tuple[type[Exception], int, Promise], ...] = (
    (ReplyRunning, 409, _("An answer is still being written. Send this when it has ended.")),
    (QueueFull, 409, _("Many messages wait already. Your text is kept: send or remove one first.")),
    (ModelGone, 422, _OUTDATED),
    (QueueMoved, 409, _("This message was sent or removed in the meantime.")),
    (SendKeyReused, 409, _("This page was out of date. Your text is kept: send it again.")),
    (ConversationFull, 413, _("This conversation is full. Start a new one with this text.")),
    (
        MessageTooLong,
        413,
        _(
            "This message is more than the model can read at once. Your text is kept: shorten it, "
            "or choose another model."
        ),
    ),
    (NothingToContinue, 409, _("This answer is whole. Send a message to hear more.")),
    (StillCounted, 409, _("The tokens of this answer are still being counted. Try again later.")),
    (NotTheLast, 409, _("This answer is not the last one any more. Reload the page.")),
    (ConversationGone, 410, _("This conversation was deleted. Start a new one with this text.")),
    (ManyRunning, 429, _("Many of your answers are being written. Wait for one, or stop one.")),
    (Full, 429, _("Too many answers are being written. Try again in a moment.")),
    (FullForOne, 429, _("Many of your answers are being written. Wait for one, or stop one.")),
    (
        ModelWithoutPrice,
        422,
        _(
            "This model has no price, so your budget cannot be kept. Your text is kept: choose "
            "another model, or ask your administrator."
        ),
    ),
    (Draining, 503, _("evoweb is restarting. Your text is kept: send it again in a moment.")),
    (NotServing, 503, _("evoweb is starting. Your text is kept: send it again in a moment.")),
)
REFUSALS: tuple[type[Exception], ...] = (
    *(kind for kind, _status, _words in _ANSWERS),
    AttachmentsGone,
    BudgetExceeded,
    ManyInMessage,
    ModelTakesNone,
    TooFast,
)
OUTDATED_MODEL = "outdated_model"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`reason` is the word by which it is counted; what a form finds wrong has none."""

    status: int
    notice: str
    reason: str = ""
    key_is_used: bool = False
    # Of which more may be asked for.
    budget: Budget | None = None
    # Seconds until it may be sent again, where that is known.
    retry_after: int | None = None
    # Whether the page shows pictures that are not there any more.
    pictures_changed: bool = False


def explain(error: Exception) -> Refusal:
    if isinstance(error, BudgetExceeded):
        return Refusal(429, _used_up(error), _reason(BudgetExceeded), budget=error.budget)
    if isinstance(error, TooFast):
        return _too_fast(error)
    if isinstance(error, ManyInMessage):
        many = gettext(
            "A message may have up to %(most)s pictures. Remove some: your text is kept."
        )
        return Refusal(422, many % {"most": MOST_IN_MESSAGE}, _reason(ManyInMessage))
    if isinstance(error, ModelTakesNone):
        blind = gettext(
            "%(model)s takes no pictures. Choose another model in the settings of this chat, or "
            "remove the pictures: your text is kept."
        )
        return Refusal(422, blind % {"model": error.model}, _reason(ModelTakesNone))
    if isinstance(error, AttachmentsGone):
        gone = gettext(
            "A picture was sent or removed in the meantime. Look at what is left, and send again."
        )
        return Refusal(409, gone, _reason(AttachmentsGone), pictures_changed=True)
    for kind, status, words in _ANSWERS:
        if isinstance(error, kind):
            return Refusal(status, str(words), _reason(kind), key_is_used=kind is SendKeyReused)
    raise error


# Whose budget is used up, and until when.
_MINE = {
    Period.DAY: _("Your budget for today is used up."),
    Period.WEEK: _("Your budget for this week is used up."),
    Period.MONTH: _("Your budget for this month is used up."),
}
_SHARED = {
    Period.DAY: _("The budget that you share with others is used up for today."),
    Period.WEEK: _("The budget that you share with others is used up for this week."),
    Period.MONTH: _("The budget that you share with others is used up for this month."),
}


def _used_up(error: BudgetExceeded) -> str:
    """Nearly used up is used up too, if what is left does not reach for this conversation."""
    budget = error.budget
    whose = (_SHARED if budget.is_with_others else _MINE)[Period(budget.period)]
    words = gettext(
        "The limit is %(limit)s, and it starts anew on %(when)s. Your text is kept: send it then, "
        "choose a shorter longest answer, or ask for more."
    )
    facts = {
        "limit": budgets.amount(budget.limit, budget.currency),
        "when": formats.date_format(timezone.localtime(error.resets_at), "DATETIME_FORMAT"),
    }
    return f"{whose} {words % facts}"


def _too_fast(error: TooFast) -> Refusal:
    seconds = max(1, math.ceil((error.free_at - timezone.now()).total_seconds()))
    words = ngettext(
        "You have sent as much as you may in a minute. Your text is kept: send it in %(n)d second.",
        "You have sent as much as you may in a minute. Your text is kept: send it in %(n)d "
        "seconds.",
        seconds,
    )
    return Refusal(429, words % {"n": seconds}, _reason(TooFast), retry_after=seconds)


def outdated_model() -> Refusal:
    return Refusal(422, str(_OUTDATED), OUTDATED_MODEL)


def _reason(kind: type[Exception]) -> str:
    """`reply_running` for ReplyRunning."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


for _kind in REFUSALS:
    metrics.sends_refused.labels(_reason(_kind))
metrics.sends_refused.labels(OUTDATED_MODEL)
