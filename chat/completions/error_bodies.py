"""Reads what upstreams say when they refuse: every shape of error body, down to one error.

Decided by the words first, as gateways disagree about statuses: a spent quota comes as 402, 403
or 429, an unknown model as 404 or 503.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chat.completions.errors import CODES, CompletionError
from chat.completions.lenient_json import NotJson, parse_json
from chat.completions.retry_after import wait_asked_for
from chat.completions.sse import EventStreamDecoder

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

_QUOTA = re.compile(
    r"insufficient (user )?(quota|balance|credit)|current quota|quota exceeded", re.I
)
_SHORTLY = re.compile(r"per (second|minute)|retry (in|after)|try again", re.I)
_CONTEXT = re.compile(
    r"context[ _](length|window|size)|too many tokens|prompt is too long|maximum number of tokens",
    re.I,
)
_BLOCKED = re.compile(
    r"content (filter|policy|management)|sensitive words|prohibited content", re.I
)
_SENTENCES = ("message", "detail")
_LARGEST_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an error body said, whatever its shape."""

    message: str = ""
    words: tuple[str, ...] = ()
    number: int | None = None
    param: str = ""
    suggestion: str = ""
    is_page: bool = False


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> CompletionError:
    """The error that a response of this status, or an error inside an answer, stands for."""
    return _error(status, headers, _complaint_in(body))


def error_in_answer(document: Mapping[str, Any]) -> CompletionError:
    """The error that an upstream put into an answer whose status was 200 already."""
    return _error(200, {}, _complaint(document))


def says_error(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is an error rather than a part of an answer."""
    if document.get("error") or document.get("object") == "error":
        return True
    if _base_resp_status(document):
        return True
    if document.get("choices") or "usage" in document:
        return False
    return any(document.get(key) and isinstance(document[key], str | list) for key in _SENTENCES)


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
    if status in (400, 422) and "stream_options" in complaint.message + complaint.param:
        return "stream_options_refused"
    for word in complaint.words:
        if word in CODE_OF_WORD:
            return CODE_OF_WORD[word]
    return _code_of_message(status, complaint) or _code_of_status(status, complaint)


def _code_of_message(status: int, complaint: Complaint) -> str | None:
    message = complaint.message
    if status in (402, 403, 429) and _QUOTA.search(message) and not _SHORTLY.search(message):
        return "quota_exhausted"
    if status in (400, 403, 413, 422, 500) and _CONTEXT.search(message):
        return "context_too_long"
    if status in (400, 403, 422) and _BLOCKED.search(message):
        return "blocked"
    return None


def _code_of_status(status: int, complaint: Complaint) -> str:
    if status == 404 and (complaint.param == "model" or "model" in complaint.message.lower()):
        return "model_not_found"
    if status in CODE_OF_BASE_RESP:
        return CODE_OF_BASE_RESP[status]
    if status in CODE_OF_STATUS:
        return CODE_OF_STATUS[status]
    if 300 <= status < 400:
        return "not_found"
    return "bad_request" if 400 <= status < 500 else "upstream_failed"


def _complaint_in(body: bytes) -> Complaint:
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"data:", b"event:", b":")):
        text = _first_event(text)
    try:
        document = parse_json(text)
    except NotJson:
        return _complaint_of_page(body.decode("utf-8", "replace"))
    if isinstance(document, list) and document:
        document = document[0]
    if isinstance(document, str):
        return Complaint(message=document)
    return _complaint(document) if isinstance(document, dict) else Complaint()


def _first_event(stream: bytes) -> bytes:
    decoder = EventStreamDecoder()
    events = decoder.feed(stream) + decoder.finish()
    return events[0].data if events else b""


def _complaint_of_page(page: str) -> Complaint:
    """A gateway's HTML page says everything in its title."""
    title = re.search(r"<title[^<>]*>([^<]{1,300})", page, re.I)
    return Complaint(message=title[1] if title else page, is_page=True)


def _complaint(document: Mapping[str, Any], depth: int = 0) -> Complaint:
    error = document.get("error") or document
    if isinstance(error, str):
        error = {**document, "message": error}
    if not isinstance(error, Mapping):
        error = document
    message = _message(error)
    inner = _document_in(error) if depth < _LARGEST_DEPTH else None
    found = _complaint(inner, depth + 1) if inner is not None else Complaint()
    return Complaint(
        message=found.message or message,
        words=(*_words(error), *found.words),
        number=_number(error.get("code")) or _base_resp_status(document) or found.number,
        param=_string(error.get("param")) or found.param,
        suggestion=_string(error.get("fallback_suggestion")) or found.suggestion,
    )


def _words(error: Mapping[str, Any]) -> Iterator[str]:
    for key in ("code", "type", "status"):
        if word := _string(error.get(key)):
            yield word.lower()


def _message(error: Mapping[str, Any]) -> str:
    for key in ("message", "msg", "detail", "status_msg", "error_description"):
        value = error.get(key)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list):
            # Validation errors repeat the input beside `msg`, and the input is a prompt.
            return "; ".join(_string(item.get("msg")) for item in value if isinstance(item, dict))
    base = error.get("base_resp")
    return _message(base) if isinstance(base, dict) else ""


def _document_in(error: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The real cause, where a gateway has put the upstream's JSON into a string of its own."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    for text in (_string(raw), _message(error)):
        start = text.find("{")
        if start < 0:
            continue
        try:
            document = parse_json(text[start : text.rfind("}") + 1].encode("utf-8", "replace"))
        except NotJson:
            continue
        if isinstance(document, dict) and (says_error(document) or _message(document)):
            return document
    return None


def _base_resp_status(document: Mapping[str, Any]) -> int | None:
    base = document.get("base_resp")
    return _number(base.get("status_code")) if isinstance(base, dict) else None


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 6:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value else None


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
