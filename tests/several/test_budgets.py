"""Two hundred sends at once, at three processes, against a budget in which ten have room."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from chat.domain import budgets
from chat.domain.estimates import prompt_tokens
from tests.several.conftest import Team
from tests.upstream.process import Upstream

PROMPT = "What fits?"
# Without a setting an answer may have as many tokens.
ONE = prompt_tokens([PROMPT]) + budgets.MOST_OUTPUT
SENDS, FITTING, AT_ONCE, TRIES = 200, 10, 60, 20


@pytest.fixture
def strict(team: Team) -> Iterator[None]:
    with team.database() as database:
        database.execute(
            "INSERT INTO chat_budget (is_shared, period, tokens, currency, is_hard, is_active) "
            "VALUES (true, 'month', %s, '', true, true)",
            [FITTING * ONE],
        )
        yield
        for table in ("hold", "allowance", "budget"):
            database.execute(f"DELETE FROM chat_{table}")  # noqa: S608 (our own)


def test_what_fits_is_let_through_and_not_one_more(
    team: Team, strict: None, upstream: Upstream
) -> None:
    upstream.script(pieces=["One", " two"], hold_after=1, times=0)

    answers = asyncio.run(_send_to_all(team))

    assert answers == Counter({302: FITTING, 429: SENDS - FITTING})
    upstream.wait_until_held(FITTING)
    assert len(upstream.requests) == FITTING
    assert {record.body["max_tokens"] for record in upstream.requests} == {budgets.MOST_OUTPUT}
    with team.database() as database:
        found = database.execute("SELECT used, held FROM chat_allowance").fetchall()
    assert found == [(0, FITTING * ONE)]


async def _send_to_all(team: Team) -> Counter[int]:
    cookies = team.nodes[0].cookies
    free = asyncio.Semaphore(AT_ONCE)
    headers = {"X-CSRFToken": cookies["csrftoken"]}
    async with httpx.AsyncClient(
        trust_env=False, timeout=60, cookies=cookies, headers=headers
    ) as browser:

        async def send(number: int) -> int:
            node = team.nodes[number % len(team.nodes)]
            form = {"text": PROMPT, "send_key": str(uuid.uuid4())}
            async with free:
                # As a page does: what the busy database did not take is sent again, with its key.
                for _ in range(TRIES):
                    answer = await browser.post(f"{node.url}/", data=form)
                    if answer.status_code != 503:
                        break
                    await asyncio.sleep(0.5)
            return answer.status_code

        return Counter(await asyncio.gather(*map(send, range(SENDS))))
