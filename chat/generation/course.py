"""How one reply goes, for whoever runs evoweb: its metrics, and its one line in the log."""

from __future__ import annotations

import logging
import re
from time import monotonic

from chat.domain import ledger
from chat.domain.ledger import Receipt
from chat.domain.replies import Outcome, Work
from chat.generation import metrics

logger = logging.getLogger(__name__)

_WORD = re.compile(r"\w{1,32}", re.ASCII)


class Course:
    """Hears from a run what happens, and keeps times and counts of it, no text."""

    def __init__(self, work: Work) -> None:
        self._ids = {
            "reply_id": work.reply_id,
            "conversation_id": work.conversation_id,
            "user_id": work.user_id,
        }
        self._began = self._attempt_began = monotonic()
        self._attempts = 0
        self._first_token: float | None = None
        metrics.replies_started.inc()

    def attempt(self) -> None:
        self._attempts += 1
        self._attempt_began = monotonic()

    def first_token(self) -> None:
        self._first_token = monotonic() - self._attempt_began
        metrics.time_to_first_token.observe(self._first_token)

    def failed(self, code: str) -> None:
        metrics.attempts_failed.labels(code).inc()

    def end(self, outcome: Outcome, receipt: Receipt, *, is_lost: bool) -> None:
        state = metrics.LOST if is_lost else str(outcome.state)
        duration = monotonic() - self._began
        metrics.replies_ended.labels(state).inc()
        fields = {
            "event": "reply",
            **self._ids,
            "state": state,
            "error": outcome.error or None,
            "finish_reason": _word(outcome.finish_reason),
            "attempts": self._attempts,
            "first_token_ms": None if self._first_token is None else _ms(self._first_token),
            "duration_ms": _ms(duration),
            "characters": len(outcome.text),
            "figures": str(ledger.state_of(receipt)),
        }
        logger.info(
            "Reply %s ended: %s, %d characters, %.1f s",
            self._ids["reply_id"],
            f"{state} ({outcome.error})" if outcome.error else state,
            len(outcome.text),
            duration,
            extra={"fields": fields},
        )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _word(reason: str) -> str | None:
    """The upstream's own word, unless it says more there than a word."""
    return reason if _WORD.fullmatch(reason) else "…" if reason else None
