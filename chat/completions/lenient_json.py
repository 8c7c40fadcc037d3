"""JSON as upstreams really write it: fast where it is correct, forgiving where it is not."""

import contextlib
import json

import msgspec


class NotJson(ValueError):
    """Not even a forgiving reader finds a JSON value here."""


def parse_json(text: bytes) -> object:
    """The value. Invalid UTF-8 is replaced; control characters, lone surrogates and NaN pass."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return _forgiving(text)


def unwrapped(document: object) -> object:
    """What is inside of the list or the string into which some gateways put a whole document."""
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if isinstance(document, str) and document.lstrip().startswith("{"):
        with contextlib.suppress(NotJson):
            return parse_json(document.encode("utf-8", "replace"))
    return document


def _forgiving(text: bytes) -> object:
    try:
        return json.loads(text.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        raise NotJson from None
