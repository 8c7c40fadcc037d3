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
from chat.completions.retries import delay_before_retry
from tests.upstream.errors import ERROR_TABLE, ErrorCase

FAILED = UpstreamFailed(http_status=500, retryable=True)


def delay(error: CompletionError, *, attempt: int = 1, waited: float = 0.0) -> float | None:
    return delay_before_retry(error, attempt=attempt, waited=waited, jitter=lambda: 0.5)


def test_the_waits_grow_and_there_are_two_of_them() -> None:
    assert [delay(FAILED, attempt=attempt) for attempt in (1, 2, 3)] == [0.5, 1.0, None]


def test_jitter_spreads_the_waits() -> None:
    def with_jitter(value: float) -> float | None:
        return delay_before_retry(FAILED, attempt=1, waited=0, jitter=lambda: value)

    assert (with_jitter(0.0), with_jitter(1.0)) == (0.25, 0.75)


def test_what_the_upstream_asks_for_is_waited() -> None:
    assert delay(RateLimited(http_status=429, retryable=True, retry_after=7.0)) == 7.0
    assert delay(RateLimited(http_status=429, retryable=True, retry_after=0.0)) == 0.5


@pytest.mark.parametrize(("asked", "waited"), [(60.0, 0.0), (10.5, 0.0), (6.0, 5.0)])
def test_nobody_waits_longer_than_ten_seconds_in_all(asked: float, waited: float) -> None:
    error = RateLimited(http_status=429, retryable=True, retry_after=asked)

    assert delay(error, attempt=2, waited=waited) is None


def test_the_last_wait_fits_into_what_is_left() -> None:
    assert delay(FAILED, attempt=2, waited=9.75) == 0.25


def test_a_connection_that_was_never_made_is_tried_again() -> None:
    assert delay(UpstreamUnreachable(retryable=True)) == 0.5


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
    assert delay(error) is None


def test_refused_stream_options_are_left_out_at_once() -> None:
    error = StreamOptionsRefused(http_status=400)

    assert (delay(error, attempt=1), delay(error, attempt=2)) == (0.0, 0.0)
    assert delay(error, attempt=3) is None


@pytest.mark.parametrize("case", ERROR_TABLE, ids=lambda case: case.name)
def test_the_table_of_errors_says_what_is_tried_again(case: ErrorCase) -> None:
    assert case.retryable is (
        case.status in (408, 409, 429, 500, 502, 503)
        and case.code in ("timed_out", "rate_limited", "upstream_failed", "overloaded")
    )
