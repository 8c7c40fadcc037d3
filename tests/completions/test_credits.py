"""The upstream's meter as it is answered, and as it should not be."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from chat.completions.client import CompletionClient
from chat.completions.credits import Credits, read_credits
from chat.completions.errors import AnswerUnusable, CompletionError, UpstreamTimedOut
from tests.upstream.process import Upstream

DOCUMENTED = {
    "success": True,
    "message": "",
    "data": {
        "token": {"remaining_credits": 10.5, "used_credits": 71.25, "unlimited_credits": False},
        "user": {"remaining_credits": 900.75, "used_credits": 5000.0},
    },
}


def changed(**parts: Any) -> bytes:
    return json.dumps(DOCUMENTED | {"data": DOCUMENTED["data"] | parts}).encode()  # type: ignore[operator]


def read(body: bytes) -> tuple[Decimal, Decimal | None]:
    credits = read_credits(body)
    return credits.used, credits.remaining


def test_the_documented_answer_is_that_of_the_key_and_what_ends_first() -> None:
    credits = read_credits(json.dumps(DOCUMENTED).encode())

    assert credits == Credits(Decimal("71.25"), Decimal("10.5"), DOCUMENTED)


def test_no_digit_is_lost() -> None:
    body = b'{"data": {"token": {"used_credits": 123456789012.123456}}}'

    assert read(body) == (Decimal("123456789012.123456"), None)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"token": {"used_credits": 1, "unlimited_credits": True, "remaining_credits": 0}}, 900.75),
        ({"token": {"used_credits": "1.0"}}, 900.75),
        ({"token": {"used_credits": 1, "remaining_credits": "NaN"}, "user": []}, None),
        ({"token": None, "user": {"used_credits": 1, "remaining_credits": -3.5}}, -3.5),
    ],
)
def test_what_is_left_out_or_odd_is_read_as_far_as_it_goes(
    parts: dict[str, Any], found: float | None
) -> None:
    remaining = None if found is None else Decimal(str(found))

    assert read(changed(**parts)) == (Decimal(1), remaining)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>a gateway</html>",
        b"[" * 5000,
        b"null",
        b'{"data": 7}',
        changed(token={"used_credits": -1}),
        changed(token={"used_credits": True}),
        changed(token={"used_credits": "1e999999"}),
        b'{"data": {"token": {"used_credits": 1e999999}}}',
        changed(token={"remaining_credits": 5}),
        json.dumps(DOCUMENTED | {"success": False}).encode(),
    ],
)
def test_what_is_no_count_is_refused(body: bytes) -> None:
    with pytest.raises(AnswerUnusable):
        read_credits(body)


async def test_the_meter_is_asked_with_the_key(upstream: Upstream) -> None:
    upstream.meters(json.dumps(DOCUMENTED))

    async with CompletionClient(upstream.base_url, upstream.key) as client:
        credits = await client.credits()

    assert credits.used == Decimal("71.25")


async def test_an_upstream_without_a_meter_says_so(upstream: Upstream) -> None:
    upstream.meters('{"error": {"message": "Invalid URL"}}', status=404)

    async with CompletionClient(upstream.base_url, upstream.key) as client:
        with pytest.raises(CompletionError) as refusal:
            await client.credits()

    assert refusal.value.code == "not_found"


async def test_a_meter_that_hangs_is_left(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.completions.client.METER_WITHIN", 0.2)
    upstream.meters("", status=None)

    async with CompletionClient(upstream.base_url, upstream.key) as client:
        with pytest.raises(UpstreamTimedOut):
            await client.credits()
