"""Reads error bodies of every shape: what they say, not yet what that means."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chat.completions.lenient_json import NotJson, parse_json, unwrapped
from chat.completions.sse import EventStreamDecoder

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


def says_error(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is an error rather than a part of an answer."""
    if document.get("error") or document.get("object") == "error":
        return True
    if _base_resp_status(document):
        return True
    if document.get("choices") or "usage" in document:
        return False
    return any(document.get(key) and isinstance(document[key], str | list) for key in _SENTENCES)


def complaint_in(body: bytes) -> Complaint:
    """What a body says: JSON, a stream, or a page."""
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"data:", b"event:", b":")):
        text = _first_event(text)
    try:
        document = unwrapped(parse_json(text))
    except NotJson:
        return _complaint_of_page(body.decode("utf-8", "replace"))
    if isinstance(document, str):
        return Complaint(message=document)
    return read_complaint(document) if isinstance(document, dict) else Complaint()


def _first_event(stream: bytes) -> bytes:
    decoder = EventStreamDecoder()
    events = decoder.feed(stream) + decoder.finish()
    return events[0].data if events else b""


def _complaint_of_page(page: str) -> Complaint:
    """A gateway's HTML page says everything in its title."""
    title = re.search(r"<title[^<>]*>([^<]{1,300})", page, re.I)
    is_page = page.lstrip().startswith("<")
    return Complaint(message=title[1] if title else page, is_page=is_page)


def read_complaint(document: Mapping[str, Any], depth: int = 0) -> Complaint:
    """What a JSON object says, wrapped or bare."""
    error = document.get("error") or document
    if isinstance(error, str):
        error = {**document, "message": error}
    if not isinstance(error, Mapping):
        error = document
    message = _message(error)
    inner = _document_in(error) if depth < _LARGEST_DEPTH else None
    found = read_complaint(inner, depth + 1) if inner is not None else Complaint()
    return Complaint(
        message=found.message or message,
        words=(*_words(error), *found.words),
        number=_number(error.get("code")) or _base_resp_status(document) or found.number,
        param=_param(error) or found.param,
        suggestion=_string(error.get("fallback_suggestion")) or found.suggestion,
    )


def _words(error: Mapping[str, Any]) -> Iterator[str]:
    for key in ("code", "type", "status"):
        if word := _string(error.get(key)):
            yield word.lower()


def _param(error: Mapping[str, Any]) -> str:
    """What is complained about, as a path in the body where a validator says so."""
    if param := _string(error.get("param")):
        return param
    places = [_object(item).get("loc") for item in _list(error.get("detail"))]
    paths = [".".join(map(str, place[1:])) for place in places if isinstance(place, list)]
    return ", ".join(paths)


def _message(error: Mapping[str, Any]) -> str:
    for key in ("message", "msg", "detail", "status_msg", "error_description"):
        value = error.get(key)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list):
            # Validation errors repeat the input beside `msg`, and the input is a prompt.
            return "; ".join(_string(_object(item).get("msg")) for item in value)
    base = error.get("base_resp")
    return _message(base) if isinstance(base, dict) else ""


def _document_in(error: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The real cause, where a gateway has put the upstream's JSON into a string of its own."""
    raw = _object(error.get("metadata")).get("raw")
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
    return _number(_object(document.get("base_resp")).get("status_code"))


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 6:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
