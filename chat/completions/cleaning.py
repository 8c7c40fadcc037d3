"""Text that every later stage can hold: PostgreSQL refuses NUL, UTF-8 refuses lone surrogates."""

import re
from typing import Any

import msgspec

LONGEST_NAME = 255
LARGEST_RAW = 16 * 1024

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """Replace what cannot be stored. Returns the same object when there is nothing to replace."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


def name(value: object) -> str | None:
    """An identifier the upstream gave, or None for anything that is not one."""
    if not isinstance(value, str) or not value:
        return None
    return clean(value[:LONGEST_NAME])


def storable(document: dict[str, Any]) -> dict[str, Any]:
    """The document as a JSON column takes it; empty when it is absurdly large or deep."""
    try:
        encoded = msgspec.json.encode(_cleaned(document))
    except (ValueError, RecursionError):
        return {}
    if len(encoded) > LARGEST_RAW:
        return {}
    # Encoding has turned NaN and the infinities, which JSON columns refuse, into null.
    restored: dict[str, Any] = msgspec.json.decode(encoded)
    return restored


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case dict():
            return {clean(str(key)): _cleaned(item) for key, item in value.items()}
        case list():
            return [_cleaned(item) for item in value]
    return value
