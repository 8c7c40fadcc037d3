from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from chat.completions.error_bodies import parse_error
from chat.completions.errors import CODES, CompletionError, brief
from tests.upstream.errors import ERROR_TABLE, ErrorCase

PLAIN_ERRORS = [case for case in ERROR_TABLE if case.status >= 300]


def parsed(case: ErrorCase) -> CompletionError:
    return parse_error(case.status, case.headers, case.body.encode())


def test_the_table_of_errors_is_whole() -> None:
    assert len(ERROR_TABLE) == 107
    assert len({case.name for case in ERROR_TABLE}) == len(ERROR_TABLE)
    # The others come from faults of the network and from answers, which the table cannot hold.
    never_in_a_body = {"unreachable", "broken", "too_long"}
    assert {case.code for case in ERROR_TABLE} == CODES.keys() - never_in_a_body


@pytest.mark.parametrize("case", PLAIN_ERRORS, ids=lambda case: case.name)
def test_each_way_of_refusing_is_understood(case: ErrorCase) -> None:
    error = parsed(case)

    assert (error.code, error.retryable) == (case.code, case.retryable)
    assert error.retry_after == case.retry_after
    assert error.http_status == case.status
    assert case.detail in error.detail
    assert type(error) is CODES[case.code]


@pytest.mark.parametrize("case", PLAIN_ERRORS, ids=lambda case: case.name)
def test_no_detail_shows_markup_or_a_prompt(case: ErrorCase) -> None:
    error = parsed(case)

    assert "<" not in error.detail
    assert "alert" not in error.detail
    assert "secret prompt" not in error.detail


def test_what_was_blocked_is_not_repeated() -> None:
    body = b'{"error": {"code": "sensitive_words_detected", "message": "detected: hunter2"}}'

    assert str(parse_error(400, {}, body)) == "blocked (400)"


def test_a_suggestion_is_kept_for_administrators() -> None:
    case = next(case for case in ERROR_TABLE if case.name == "model not found")

    assert parsed(case).suggestion == "gemini-3-pro-preview"


def test_a_date_to_retry_after_is_a_number_of_seconds_from_now() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)

    error = parse_error(503, {"Retry-After": date}, b"")

    assert error.retry_after == pytest.approx(100, abs=5)


@pytest.mark.parametrize("value", ["nan", "inf", "", " ", "1e999", "Mon, 99 Foo", "-"])
def test_a_senseless_wait_is_no_wait(value: str) -> None:
    assert parse_error(503, {"retry-after": value}, b"").retry_after is None


def test_no_wait_is_longer_than_a_day_or_shorter_than_nothing() -> None:
    assert parse_error(503, {"retry-after": "999999999"}, b"").retry_after == 86400
    assert parse_error(503, {"retry-after-ms": "999999999999"}, b"").retry_after == 86400
    assert parse_error(503, {"retry-after": "-5"}, b"").retry_after == 0


def test_a_detail_is_one_short_line() -> None:
    detail = parse_error(400, {}, b"<p>one\n two</p><script>three</script>" + b"x" * 9999).detail

    assert detail.startswith("one two xxx")
    assert len(detail) == 500


def test_keys_are_struck_from_details() -> None:
    error = parse_error(
        401, {}, b'{"message":"Incorrect key sk-abc123DEF*** provided: my-own-key"}'
    )
    error.strike("my-own-key")

    assert error.detail == "Incorrect key [key] provided: [key]"
    assert "my-own-key" not in repr(error) + str(error)


def test_a_key_at_the_cut_end_of_a_detail_is_struck_too() -> None:
    error = CompletionError("x" * 490 + "my-own-key-goes-on")
    error.strike("my-own-key-goes-on")

    assert "my-own" not in str(error)


@pytest.mark.parametrize(
    "body", [b"<" * 200_000, b"<script" * 30_000, b"{" * 200_000, b"\xff" * 99]
)
def test_no_body_takes_long_to_understand(body: bytes) -> None:
    error = parse_error(500, {}, body)

    assert error.code == "upstream_failed"


def test_every_code_has_a_class_that_says_how_to_act() -> None:
    for code, kind in CODES.items():
        error = kind("detail", code=code)
        assert error.code == code
        assert str(error) == f"{code}: detail"


def test_brief_leaves_ordinary_words_alone() -> None:
    assert brief("a < b and task-force is no key") == "a < b and task-force is no key"


def test_brief_leaves_nothing_that_a_terminal_obeys() -> None:
    assert brief("a\x1b[2Jb\x07c\u202ed\u2066e\x9bf\0g\u2028h") == "a [2Jb c d e f g h"
    assert brief("Año: 用户额度不足 🎉") == "Año: 用户额度不足 🎉"
