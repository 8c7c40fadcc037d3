"""Waiting for something to become true, instead of sleeping and hoping."""

import asyncio
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


def once_free(act: Callable[[], T], *, busy: type[Exception], seconds: float = 10) -> T:
    """What `act` gives as soon as it does not raise `busy`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return act()
        except busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


async def comes_true(look: Callable[[], bool], *, seconds: float = 10) -> None:
    """For a test with a loop of its own, which goes on meanwhile."""
    async with asyncio.timeout(seconds):
        while not look():  # noqa: ASYNC110 (what is looked at knows no events)
            await asyncio.sleep(0.01)
