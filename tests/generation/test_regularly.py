"""What fails once is done again, and a chore ends when it is told to."""

import asyncio

import pytest

from chat.generation.regularly import regularly


async def test_what_fails_is_said_in_the_log_and_done_again_until_it_is_cancelled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done = asyncio.Event()
    tries: list[int] = []

    async def deed() -> None:
        tries.append(len(tries))
        if len(tries) < 3:
            raise OSError
        done.set()

    chore = asyncio.create_task(regularly(deed, every=0, trouble="It could not be done"))
    await done.wait()
    chore.cancel()
    with pytest.raises(asyncio.CancelledError):
        await chore

    assert [record.message for record in caplog.records] == ["It could not be done"] * 2


@pytest.mark.parametrize("at_once", [True, False])
async def test_the_first_time_is_after_a_pause_or_at_once(at_once: bool) -> None:
    done = asyncio.Event()

    async def deed() -> None:
        done.set()

    chore = asyncio.create_task(regularly(deed, every=3600, trouble="", at_once=at_once))
    for _ in range(5):
        await asyncio.sleep(0)
    chore.cancel()

    assert done.is_set() == at_once
