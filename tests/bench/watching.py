"""Processes that stand in for browsers: they watch sockets, and write down when stamps come."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import aiohttp
import uvloop

from tests.bench.first_token import ENDPOINT, QUESTION, STAMP
from tests.bench.people import Person, Talk

NANOSECONDS_PER_MS = 1e6
MESSAGE = re.compile(r'<article id="message-(\d+)"')


@dataclass(slots=True)
class Reader:
    """A process that does one thing on an event loop of its own, as seen over its pipe."""

    pipe: Connection

    def ready(self, seconds: float) -> None:
        """Wait until it does what it is there for."""
        assert self.result(seconds) == "ready"

    def result(self, seconds: float) -> Any:
        assert self.pipe.poll(seconds), f"a client said nothing for {seconds} s"
        found = self.pipe.recv()
        if isinstance(found, Exception):
            raise found
        return found

    def tell(self) -> None:
        """Say that it is over."""
        self.pipe.send("over")


@contextlib.contextmanager
def reading(work: Callable[..., Any], *arguments: Any) -> Iterator[Reader]:
    """Run `work(pipe, *arguments)`, a coroutine function, in another process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(work, theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Reader(ours)
    finally:
        process.join(1)
        process.kill()
        process.join()


def _run(work: Callable[..., Any], pipe: Connection, *arguments: Any) -> None:
    try:
        uvloop.run(work(pipe, *arguments))
    except Exception as error:
        pipe.send(RuntimeError(f"{type(error).__name__}: {error}"))


async def stamps(
    pipe: Connection, person: Person, talks: list[Talk], count: int, patience: float
) -> None:
    """Watch each talk until `count` stamps of its answer are there, or patience has ended.

    Gives, for each, the stamps with their age in milliseconds when they were first seen.
    """
    seen: list[dict[int, float]] = [{} for _ in talks]
    began = time.monotonic_ns()
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(person.socket(talk)) for talk in talks]
        pipe.send("ready")

        async def watch(number: int) -> None:
            ages = seen[number]
            async for frame in sockets[number]:
                now = time.monotonic_ns()
                for stamp in map(int, STAMP.findall(str(frame))):
                    if began < stamp <= now and stamp not in ages:
                        ages[stamp] = (now - stamp) / NANOSECONDS_PER_MS
                if len(ages) >= count:
                    return

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await asyncio.gather(*(watch(number) for number in range(len(talks))))
    pipe.send(seen)


async def pings(pipe: Connection, person: Person, talk: Talk) -> None:
    """Ping the server every few milliseconds until told to end: its event loop answers itself.

    Gives pairs: when, and how many milliseconds it took.
    """
    times: list[tuple[int, float]] = []
    async with person.socket(talk) as socket:
        reader = asyncio.create_task(_read_on(socket))
        pipe.send("ready")
        while not pipe.poll():
            began = time.monotonic_ns()
            await (await socket.ping())
            times.append((began, (time.monotonic_ns() - began) / NANOSECONDS_PER_MS))
            await asyncio.sleep(0.005)
        reader.cancel()
    pipe.send(times)


async def answers(pipe: Connection, person: Person, talk: Talk, line: str) -> None:
    """For each answer that ends: the id of its message, and how often `line` came of it, which is
    once more where the page was given what it had.

    Of one without it, which had ended before this began, nothing is said.
    """
    came = 0
    async with person.socket(talk) as socket:
        pipe.send("ready")
        async for frame in socket:
            came += str(frame).count(line)
            if "Answer finished" in str(frame) and came:
                pipe.send((int(MESSAGE.findall(str(frame))[-1]), came))
                came = 0


@dataclass(frozen=True, slots=True)
class Straight:
    """What streams give that nothing stands before: ages in milliseconds, and the seconds of
    processor time that each token cost whoever read it."""

    ages: list[float]
    each: float


async def straight(pipe: Connection, base_url: str, key: str, streams: int) -> None:
    """Read so many answers of stamps from the upstream itself, to their end."""
    ages: list[float] = []
    headers = {"Authorization": f"Bearer {key}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(base_url, headers=headers, connector=connector) as session:

        async def read() -> None:
            async with session.post(ENDPOINT, json=QUESTION) as answer:
                async for chunk in answer.content.iter_any():
                    now = time.monotonic_ns()
                    stamps = map(int, STAMP.findall(chunk.decode(errors="replace")))
                    ages.extend((now - stamp) / NANOSECONDS_PER_MS for stamp in stamps)

        spent = time.process_time()
        await asyncio.gather(*(read() for _ in range(streams)))
    pipe.send(Straight(ages, (time.process_time() - spent) / len(ages)))


async def idle(pipe: Connection, person: Person, talks: list[Talk]) -> None:
    """Keep the sockets open, and read what comes, until told to end."""
    async with contextlib.AsyncExitStack() as stack:
        for talk in talks:
            socket = await stack.enter_async_context(person.socket(talk))
            stack.callback(asyncio.create_task(_read_on(socket)).cancel)
        pipe.send("ready")
        await asyncio.to_thread(pipe.recv)


async def _read_on(socket: Any) -> None:
    async for _frame in socket:
        pass
