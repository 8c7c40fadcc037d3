"""A process may be killed at any moment: nothing that was accepted or shown is lost, nothing is
done or counted twice, and the next process goes on."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from chat.domain import replies
from chat.domain.replies import Standing
from tests.crashes.ana import Ana
from tests.crashes.life import Act
from tests.crashes.scripts import QUESTION, SCRIPTS, is_cut_off, slow_answer
from tests.crashes.sweep import Case, Stage, make_stages, sweep, wandered
from tests.upstream.process import UpstreamProcess, scripted

# The last is another one in each run, and is printed with what it broke.
SEEDS = (3, 19, 24, None)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Stage]]:
    """Two, because two processors are the least that one has."""
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(UpstreamProcess()) for _ in range(2)]
        upstreams = [stack.enter_context(scripted(process)) for process in processes]
        yield asyncio.run(make_stages(tmp_path_factory.mktemp("crashes"), upstreams))


@pytest.mark.parametrize("name", SCRIPTS)
async def test_at_whatever_event_the_process_is_killed_all_promises_hold(
    stages: list[Stage], name: str
) -> None:
    played = await sweep(stages, name)

    broken = [str(case) for case in played if case.findings]
    assert not broken, "\n".join(broken)
    assert len(played) > 5


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_is_done_and_however_often_it_is_killed_all_promises_hold(
    stages: list[Stage], seed: int | None
) -> None:
    seed = random.randrange(10**6) if seed is None else seed

    played = await stages[0].play(wandered(seed))

    assert not played.findings, str(played)


async def test_text_that_is_shown_without_being_stored_is_found(stages: list[Stage]) -> None:
    case = Case("", (Act(is_shown_what_is_not_stored),), (slow_answer(QUESTION),))

    played = await stages[0].play(case)

    broken = {finding.split(":")[0] for finding in played.findings}
    assert "what_was_shown_is_stored" in broken


async def is_shown_what_is_not_stored(ana: Ana) -> None:
    with patch.object(replies, "write_pieces", lambda *_, **__: Standing()):
        await is_cut_off(ana)
