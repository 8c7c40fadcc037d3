"""When a failed attempt may be made again, and after how long. Pure policy."""

import random
from collections.abc import Callable

from chat.completions.errors import CompletionError, StreamOptionsRefused

MOST_RETRIES = 2
LONGEST_WAITING = 10.0
FIRST_DELAY = 0.5


class Retries:
    """Those of one reply. `jitter` gives a number from 0 to 1."""

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._made = 0
        self._left = LONGEST_WAITING
        self._asks_for_usage = True

    def delay_after(self, error: CompletionError) -> float | None:
        """Seconds to wait before trying again; None when the error is final."""
        if isinstance(error, StreamOptionsRefused) and self._asks_for_usage:
            # Another request rather than the same again, so it counts as none.
            self._asks_for_usage = False
            return 0.0
        # An answer that began is being billed, even if it turned out to be an error.
        if self._made == MOST_RETRIES or not error.retryable or error.http_status == 200:
            return None
        asked_for = error.retry_after or 0.0
        if asked_for > self._left:
            return None
        backoff = FIRST_DELAY * 2.0**self._made * (0.5 + self._jitter())
        delay = min(max(backoff, asked_for), self._left)
        self._made, self._left = self._made + 1, self._left - delay
        return delay
