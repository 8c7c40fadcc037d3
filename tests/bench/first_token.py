"""How much later the first token comes through evoweb than straight from the upstream."""

from __future__ import annotations

import asyncio
import re
import time

import httpx
from websockets.asyncio.client import ClientConnection

from tests.bench.people import Person, Talk, begin_talks, prompt, signed_in
from tests.bench.site import Site
from tests.bench.table import Lost, Row, percentile
from tests.upstream.process import Upstream

STAMP = re.compile(r"(\d{9,});")
PATIENCE = 10.0
# What is asked straight of the upstream.
ENDPOINT = "/v1/chat/completions"
QUESTION = {
    "model": "Gemini-3.0-pro",
    "messages": [{"role": "user", "content": "Straight"}],
    "stream": True,
    "stream_options": {"include_usage": True},
}


def measure(site: Site, upstream: Upstream, *, turns: int) -> list[Row]:
    upstream.stamps(rate=200, count=5, times=0)
    with signed_in(site) as (person, client):
        talk = begin_talks(site, client, 1)[0]
        through, direct = asyncio.run(_compare(person, talk, upstream, turns))
    upstream.reset()
    added = [whole - alone for whole, alone in zip(through, direct, strict=True)]
    return [
        Row(
            "first token, p50",
            percentile(through, 50),
            "ms",
            digits=1,
            direct=percentile(direct, 50),
        ),
        Row("    added by evoweb, p50", percentile(added, 50), "ms", 25, digits=1),
        Row("    added by evoweb, p95", percentile(added, 95), "ms", 60, digits=1),
    ]


async def _compare(
    person: Person, talk: Talk, upstream: Upstream, turns: int
) -> tuple[list[float], list[float]]:
    """Turn by turn, in milliseconds: through evoweb, and straight from the upstream."""
    through, direct = [], []
    async with (
        httpx.AsyncClient(
            cookies=person.cookies,
            headers=person.headers,
            trust_env=False,
        ) as browser,
        httpx.AsyncClient(
            base_url=upstream.base_url,
            headers={"Authorization": f"Bearer {upstream.key}"},
            trust_env=False,
        ) as asker,
        person.socket(talk) as socket,
    ):
        # The first two open connections and fill caches.
        for turn in range(-2, turns):
            alone = await _straight(asker)
            whole = await _through(browser, socket, talk)
            if turn >= 0:
                direct.append(alone)
                through.append(whole)
    return through, direct


async def _straight(asker: httpx.AsyncClient) -> float:
    took = None
    began = time.monotonic()
    async with asker.stream("POST", ENDPOINT, json=QUESTION) as answer:
        async for piece in answer.aiter_text():
            if took is None and STAMP.search(piece):
                took = time.monotonic() - began
    if took is None:
        raise Lost("the upstream sent no stamp")
    return took * 1000


async def _through(browser: httpx.AsyncClient, socket: ClientConnection, talk: Talk) -> float:
    began = time.monotonic()
    sending = asyncio.create_task(browser.post(talk.messages, data=prompt("Through")))
    took = None
    frames: list[str] = []
    # "Finished" is said last: until then the next prompt would be refused.
    try:
        async with asyncio.timeout(PATIENCE):
            # One that had ended before may be told of first.
            while took is None or "Answer finished" not in frames[-1]:
                frames.append(str(await socket.recv()))
                if took is None and _has_stamp_since(frames[-1], began):
                    took = time.monotonic() - began
    except TimeoutError:
        raise Lost(f"an answer has no end; the frames are {frames}") from None
    answer = await sending
    assert answer.status_code == 200, answer.text
    return took * 1000


def _has_stamp_since(frame: str, began: float) -> bool:
    return any(int(stamp) > began * 1e9 for stamp in STAMP.findall(frame))
