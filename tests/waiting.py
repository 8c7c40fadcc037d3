"""Waiting for something to become true, instead of sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], is_right: Callable[[T], bool], *, seconds: float = 10) -> T:
    """What `look` gives as soon as it is right. Fails with what it gave last."""
    deadline = time.monotonic() + seconds
    while not is_right(found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s; at last: {str(found)[-2000:]}"
        time.sleep(0.02)
    return found
