"""Everything that can go wrong with an answer, told apart only where somebody acts differently.

CompletionError
├── UpstreamUnreachable      nothing answered; nothing was billed
├── UpstreamTimedOut         it answered too slowly; the bill may be running
├── RequestRefused           it will never accept this
│   └── StreamOptionsRefused     unless asked once more without `stream_options`
├── RateLimited              later, after `retry_after`
├── UpstreamFailed           its own fault, before or instead of an answer
├── AnswerBroken             the answer stopped half way; the text so far is kept
└── AnswerUnusable           it ended, but is empty, unreadable or too long

The class says how to act, `code` says what happened: codes are stable, are stored, and are
mapped to sentences elsewhere. `detail` is for the log.
"""

import html
import re
from typing import ClassVar

LONGEST_DETAIL = 500

_KEY = re.compile(r"\bsk-[A-Za-z0-9_*.-]{3,}")
_INVISIBLE_ELEMENT = re.compile(r"<(script|style)\b[^<>]*>[^<]*", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


class CompletionError(Exception):
    """`http_status` is that of the response, 200 for an error that came inside an answer."""

    default_code: ClassVar[str] = "upstream_failed"
    may_be_billed: ClassVar[bool] = False

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        http_status: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        suggestion: str = "",
    ) -> None:
        self.code = code or self.default_code
        self.http_status = http_status
        self.retryable = retryable
        self.retry_after = retry_after
        self.detail = brief(detail)
        self.suggestion = brief(suggestion)
        super().__init__(self.detail)

    def __str__(self) -> str:
        status = f" ({self.http_status})" if self.http_status else ""
        return f"{self.code}{status}: {self.detail}" if self.detail else f"{self.code}{status}"

    def strike(self, secret: str) -> None:
        """Take `secret` out of the words of this error: upstreams do repeat the key."""
        if secret:
            self.detail = _struck(self.detail, secret)
            self.suggestion = _struck(self.suggestion, secret)
            self.args = (self.detail,)


class UpstreamUnreachable(CompletionError):
    default_code = "unreachable"


class UpstreamTimedOut(CompletionError):
    default_code = "timed_out"
    may_be_billed = True


class RequestRefused(CompletionError):
    default_code = "bad_request"


class StreamOptionsRefused(RequestRefused):
    default_code = "stream_options_refused"


class RateLimited(CompletionError):
    default_code = "rate_limited"


class UpstreamFailed(CompletionError):
    default_code = "upstream_failed"


class AnswerBroken(CompletionError):
    default_code = "broken"
    may_be_billed = True


class AnswerUnusable(CompletionError):
    default_code = "unreadable"
    may_be_billed = True


# Every code there is, and the class that carries it.
CODES: dict[str, type[CompletionError]] = {
    "unreachable": UpstreamUnreachable,
    "timed_out": UpstreamTimedOut,
    "gateway_timed_out": UpstreamTimedOut,
    "key_refused": RequestRefused,
    "quota_exhausted": RequestRefused,
    "forbidden": RequestRefused,
    "model_not_found": RequestRefused,
    "not_found": RequestRefused,
    "too_large": RequestRefused,
    "context_too_long": RequestRefused,
    "blocked": RequestRefused,
    "bad_request": RequestRefused,
    "stream_options_refused": StreamOptionsRefused,
    "rate_limited": RateLimited,
    "upstream_failed": UpstreamFailed,
    "overloaded": UpstreamFailed,
    "broken": AnswerBroken,
    "empty": AnswerUnusable,
    "unreadable": AnswerUnusable,
    "too_long": AnswerUnusable,
}


def brief(words: str) -> str:
    """One short line for a log: no HTML, no keys, nothing that a terminal would obey."""
    words = words[: LONGEST_DETAIL * 20]
    if "<" in words:
        words = html.unescape(_TAG.sub(" ", _INVISIBLE_ELEMENT.sub(" ", words)))
    words = "".join(letter if letter.isprintable() else " " for letter in words)
    words = " ".join(words.split())
    return _KEY.sub("[key]", words)[:LONGEST_DETAIL]


def _struck(words: str, secret: str) -> str:
    words = words.replace(secret, "[key]")
    # A line that was cut to length may end in the middle of the secret.
    for length in range(len(secret) - 1, 3, -1):
        if words.endswith(secret[:length]):
            return words[:-length] + "[key]"
    return words
