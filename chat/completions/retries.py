"""When a failed attempt may be made again, and after how long. Pure policy."""

import random
from collections.abc import Callable

from chat.completions.errors import CompletionError, StreamOptionsRefused

MOST_RETRIES = 2
LONGEST_WAITING = 10.0
FIRST_DELAY = 0.5


def delay_before_retry(
    error: CompletionError,
    *,
    attempt: int,
    waited: float,
    jitter: Callable[[], float] = random.random,
) -> float | None:
    """Seconds to wait before trying again; None when the error is final.

    `attempt` is the number of the one that failed, from 1; `waited` is the sum of the delays so
    far; `jitter` gives a number from 0 to 1.
    """
    if attempt > MOST_RETRIES:
        return None
    if isinstance(error, StreamOptionsRefused):
        return 0.0
    # An answer that began is being billed, even if it turned out to be an error.
    if not error.retryable or error.http_status == 200:
        return None
    left = LONGEST_WAITING - waited
    if (error.retry_after or 0.0) > left:
        return None
    backoff = FIRST_DELAY * 2.0 ** (attempt - 1) * (0.5 + jitter())
    return min(max(backoff, error.retry_after or 0.0), left)
