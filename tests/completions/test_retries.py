import pytest

from chat.completions.errors import (
    AnswerBroken,
    CompletionError,
    RateLimited,
    RequestRefused,
    StreamOptionsRefused,
    UpstreamFailed,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from chat.completions.retries import Retries
from tests.upstream.errors import ERROR_TABLE, ErrorCase

FAILED = UpstreamFailed(http_status=500, retryable=True)


def delays(*errors: CompletionError, jitter: float = 0.5) -> list[float | None]:
    """What is waited after each of the errors of one reply."""
    retries = Retries(jitter=lambda: jitter)
    return [retries.delay_after(error) for error in errors]


def limited(seconds: float) -> RateLimited:
    return RateLimited(http_status=429, retryable=True, retry_after=seconds)


def test_the_waits_grow_and_there_are_two_of_them() -> None:
    assert delays(FAILED, FAILED, FAILED) == [0.5, 1.0, None]


def test_jitter_spreads_the_waits() -> None:
    assert (delays(FAILED, jitter=0.0), delays(FAILED, jitter=1.0)) == ([0.25], [0.75])


def test_what_the_upstream_asks_for_is_waited() -> None:
    assert delays(limited(7.0)) == [7.0]
    assert delays(limited(0.0)) == [0.5]


def test_nobody_waits_longer_than_ten_seconds_in_all() -> None:
    assert delays(limited(60.0)) == [None]
    assert delays(limited(10.5)) == [None]
    assert delays(limited(5.0), limited(6.0)) == [5.0, None]


def test_the_last_wait_fits_into_what_is_left() -> None:
    assert delays(limited(9.75), FAILED) == [9.75, 0.25]


def test_a_connection_that_was_never_made_is_tried_again() -> None:
    assert delays(UpstreamUnreachable(retryable=True)) == [0.5]


@pytest.mark.parametrize(
    "error",
    [
        UpstreamTimedOut("read"),
        UpstreamTimedOut(code="gateway_timed_out", http_status=524),
        AnswerBroken(http_status=200),
        AnswerBroken(),
        RequestRefused(http_status=400),
        RateLimited(http_status=200, retryable=True),
    ],
)
def test_what_may_be_billed_already_is_never_asked_again(error: CompletionError) -> None:
    assert delays(error) == [None]


@pytest.mark.parametrize("status", [200, 400])
def test_refused_stream_options_are_left_out_at_once_and_only_once(status: int) -> None:
    refusal = StreamOptionsRefused(http_status=status)

    assert delays(refusal, refusal) == [0.0, None]


def test_leaving_out_stream_options_is_none_of_the_retries() -> None:
    refusal = StreamOptionsRefused(http_status=400)

    assert delays(FAILED, FAILED, refusal, FAILED) == [0.5, 1.0, 0.0, None]
    assert delays(refusal, FAILED, FAILED, FAILED) == [0.0, 0.5, 1.0, None]


@pytest.mark.parametrize("case", ERROR_TABLE, ids=lambda case: case.name)
def test_the_table_of_errors_says_what_is_tried_again(case: ErrorCase) -> None:
    assert case.retryable is (
        case.status in (408, 409, 429, 500, 502, 503)
        and case.code in ("timed_out", "rate_limited", "upstream_failed", "overloaded")
    )
