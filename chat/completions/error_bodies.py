"""What it means when an upstream refuses: every error body, down to one error of ours.

Decided by the words first, as gateways disagree about statuses: a spent quota comes as 402, 403
or 429, an unknown model as 404 or 503.
"""

import re
from collections.abc import Mapping
from typing import Any

from chat.completions.complaints import Complaint, complaint_in, read_complaint
from chat.completions.errors import CODES, CompletionError
from chat.completions.retry_after import wait_asked_for

# Only these may be asked again: elsewhere the bill may be running, or the answer is final.
RETRIED_STATUSES = frozenset({408, 409, 429, 500, 502, 503})
_RETRIED_CODES = frozenset({"timed_out", "rate_limited", "upstream_failed", "overloaded"})

# `error.code`, and after it `error.type`, as the gateways spell them.
CODE_OF_WORD = {
    "unauthorized": "key_refused",
    "authentication_error": "key_refused",
    "invalid_api_key": "key_refused",
    "insufficient_quota": "quota_exhausted",
    "insufficient_quota_error": "quota_exhausted",
    "insufficient_user_quota": "quota_exhausted",
    "pre_consume_token_quota_failed": "quota_exhausted",
    "quota_exceeded": "quota_exhausted",
    "exceeded_current_quota_error": "quota_exhausted",
    "billing_error": "quota_exhausted",
    "permission_error": "forbidden",
    "model_not_found": "model_not_found",
    "request_too_large_error": "too_large",
    "request_too_large": "too_large",
    "context_length_exceeded": "context_too_long",
    "exceed_context_size_error": "context_too_long",
    "sensitive_words_detected": "blocked",
    "prompt_blocked": "blocked",
    "content_filter": "blocked",
    "content_policy_violation": "blocked",
    "rate_limit_error": "rate_limited",
    "rate_limit_exceeded": "rate_limited",
    "resource_exhausted": "rate_limited",
    "overloaded_error": "overloaded",
    "timeout_error": "gateway_timed_out",
    "empty_response": "empty",
}

CODE_OF_STATUS = {
    401: "key_refused",
    402: "quota_exhausted",
    403: "forbidden",
    404: "not_found",
    405: "not_found",
    408: "timed_out",
    409: "upstream_failed",
    413: "too_large",
    429: "rate_limited",
    503: "overloaded",
    504: "gateway_timed_out",
    524: "gateway_timed_out",
    529: "overloaded",
}

# MiniMax answers 200 and says so in `base_resp.status_code`.
CODE_OF_BASE_RESP = {
    1002: "rate_limited",
    1004: "key_refused",
    1008: "quota_exhausted",
    1026: "blocked",
    1027: "blocked",
    1039: "context_too_long",
    2013: "bad_request",
}

# Waiting does not help against an empty account, whatever it is called.
_MAY_MEAN_QUOTA = frozenset({"rate_limited", "forbidden"})
_QUOTA = re.compile(
    r"insufficient (user |account )?(quota|balance|credit)|current quota|quota exceeded"
    r"|(quota|balance) is not enough|credit balance|billing details|额度不足|余额不足",
    re.I,
)
_SHORTLY = re.compile(r"per (second|minute)|retry (in|after)|try again (in|later)", re.I)
_STREAM_OPTIONS = re.compile(
    r"(unknown|unrecogni[sz]ed|unsupported|unexpected|extra)\b.{0,60}stream_options"
    r"|stream_options.{0,60}(unknown|unsupported|extra|not (supported|permitted|allowed))",
    re.I,
)
_CONTEXT = re.compile(
    r"context[ _](length|window|size)|too many tokens|prompt is too long|maximum number of tokens",
    re.I,
)
_KEY = re.compile(r"api key (is )?(not valid|invalid|expired)|(invalid|incorrect) api key", re.I)
# Not the path of an address.
_MODEL = re.compile(r"(?<!/)\bmodels?\b", re.I)
_BLOCKED = re.compile(
    r"content (filter|policy|management)|sensitive words|prohibited content", re.I
)


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> CompletionError:
    """The error that a response of this status, or an error inside an answer, stands for."""
    return _error(status, headers, complaint_in(body))


def error_in_answer(document: Mapping[str, Any]) -> CompletionError:
    """The error that an upstream put into an answer whose status was 200 already."""
    return _error(200, {}, read_complaint(document))


def _error(status: int, headers: Mapping[str, str], complaint: Complaint) -> CompletionError:
    code = _code(status, complaint)
    if code == "blocked":
        # What it says was blocked is what somebody wrote.
        complaint = Complaint()
    return CODES[code](
        complaint.message,
        code=code,
        http_status=status,
        retryable=status in RETRIED_STATUSES and code in _RETRIED_CODES,
        retry_after=wait_asked_for(headers, complaint.suggestion),
        suggestion=complaint.suggestion,
    )


def _code(status: int, complaint: Complaint) -> str:
    inside_answer = 200 <= status < 300
    if inside_answer and complaint.is_page:
        return "unreadable"
    if inside_answer and complaint.number is not None:
        status = complaint.number
    code = (
        _code_of_words(complaint)
        or _code_of_message(status, complaint)
        or _code_of_status(status, complaint)
    )
    return "quota_exhausted" if code in _MAY_MEAN_QUOTA and _means_quota(complaint) else code


def _code_of_words(complaint: Complaint) -> str | None:
    return next((CODE_OF_WORD[word] for word in complaint.words if word in CODE_OF_WORD), None)


def _code_of_message(status: int, complaint: Complaint) -> str | None:
    message = complaint.message
    if status in (200, 400, 422) and (
        "stream_options" in complaint.param or _STREAM_OPTIONS.search(message)
    ):
        return "stream_options_refused"
    if status in (400, 403, 413, 422, 500) and _CONTEXT.search(message):
        return "context_too_long"
    if status in (400, 403, 422) and _BLOCKED.search(message):
        return "blocked"
    if status in (400, 403) and _KEY.search(message):
        return "key_refused"
    if status == 403 and complaint.is_page:
        # Something in between wants to see a browser.
        return "upstream_failed"
    return None


def _means_quota(complaint: Complaint) -> bool:
    """Whether the account is empty, rather than asked too often."""
    message = complaint.message
    return bool(_QUOTA.search(message)) and not _SHORTLY.search(message)


def _code_of_status(status: int, complaint: Complaint) -> str:
    if status == 404 and (complaint.param == "model" or _MODEL.search(complaint.message)):
        return "model_not_found"
    if status in CODE_OF_BASE_RESP:
        return CODE_OF_BASE_RESP[status]
    if status in CODE_OF_STATUS:
        return CODE_OF_STATUS[status]
    if 300 <= status < 400:
        return "not_found"
    return "bad_request" if 400 <= status < 500 else "upstream_failed"
