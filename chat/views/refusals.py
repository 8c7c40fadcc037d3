"""Why a send was refused, as a status and a sentence. In each case the text is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chat.domain.revisions import ConversationGone
from chat.domain.turns import (
    ConversationFull,
    ManyRunning,
    NothingToContinue,
    NotTheLast,
    ReplyRunning,
    SendKeyReused,
    StillCounted,
)
from chat.generation import metrics
from chat.generation.service import NotServing
from chat.generation.supervisor import Draining, Full, FullForOne

_ANSWERS: tuple[tuple[type[Exception], int, Promise], ...] = (
    (ReplyRunning, 409, _("An answer is still being written. Send this when it has ended.")),
    (SendKeyReused, 409, _("This page was out of date. Your text is kept: send it again.")),
    (ConversationFull, 413, _("This conversation is full. Start a new one with this text.")),
    (NothingToContinue, 409, _("This answer is whole. Send a message to hear more.")),
    (StillCounted, 409, _("The tokens of this answer are still being counted. Try again later.")),
    (NotTheLast, 409, _("This answer is not the last one any more. Reload the page.")),
    (ConversationGone, 410, _("This conversation was deleted. Start a new one with this text.")),
    (ManyRunning, 429, _("Many of your answers are being written. Wait for one, or stop one.")),
    (Full, 429, _("Too many answers are being written. Try again in a moment.")),
    (FullForOne, 429, _("Many of your answers are being written. Wait for one, or stop one.")),
    (Draining, 503, _("evoweb is restarting. Your text is kept: send it again in a moment.")),
    (NotServing, 503, _("evoweb is starting. Your text is kept: send it again in a moment.")),
)
REFUSALS = tuple(kind for kind, _status, _words in _ANSWERS)
OUTDATED_MODEL = "outdated_model"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`reason` is the word by which it is counted; what a form finds wrong has none."""

    status: int
    notice: str
    reason: str = ""
    key_is_used: bool = False


def explain(error: Exception) -> Refusal:
    for kind, status, words in _ANSWERS:
        if isinstance(error, kind):
            return Refusal(status, str(words), _reason(kind), key_is_used=kind is SendKeyReused)
    raise error


def outdated_model() -> Refusal:
    words = _("Your text is kept: choose another model, then send it.")
    return Refusal(422, str(words), OUTDATED_MODEL)


def _reason(kind: type[Exception]) -> str:
    """`reply_running` for ReplyRunning."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


for _kind in REFUSALS:
    metrics.sends_refused.labels(_reason(_kind))
metrics.sends_refused.labels(OUTDATED_MODEL)
