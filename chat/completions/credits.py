"""What the upstream's meter says: how much of the account was used, and what is left of it.

In credits of the upstream's own, with fractions. Two counts come: the key's, which is what evoweb
may compare with its ledger, and the whole account's, which other keys use too.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from chat.completions.cleaning import storable
from chat.completions.errors import AnswerUnusable

# Millionths of a credit are the least that is kept.
LEAST = Decimal("0.000001")
MOST = Decimal(10) ** 12

# Numbers as they are written: a float would have lost their last digits.
_decoder = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Credits:
    used: Decimal
    # None where nothing bounds it.
    remaining: Decimal | None
    # As it came.
    raw: dict[str, Any]


def read_credits(body: bytes) -> Credits:
    """Raises AnswerUnusable for what is no count of credits, whatever its status says."""
    try:
        answer, raw = _decoder.decode(body), msgspec.json.decode(body)
    except (ValueError, RecursionError, ArithmeticError):
        raise AnswerUnusable("the credits are not JSON", http_status=200) from None
    data = _part(answer, "data")
    key, account = _part(data, "token"), _part(data, "user")
    used = _number(key, "used_credits")
    if used is None and not key:
        used = _number(account, "used_credits")
    if used is None or used < 0 or _part({"": answer}, "").get("success") is False:
        raise AnswerUnusable("the credits have no count of what was used", http_status=200)
    bounds = [_number(account, "remaining_credits")]
    if key.get("unlimited_credits") is not True:
        bounds.append(_number(key, "remaining_credits"))
    remaining = min((bound for bound in bounds if bound is not None), default=None)
    return Credits(used, remaining, storable(raw))


def _part(document: object, name: str) -> dict[str, Any]:
    part = document.get(name) if isinstance(document, dict) else None
    return part if isinstance(part, dict) else {}


def _number(part: dict[str, Any], name: str) -> Decimal | None:
    value = part.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value)
        return number.quantize(LEAST) if abs(number) < MOST else None
    except InvalidOperation:
        # No number, or none that can be compared.
        return None
