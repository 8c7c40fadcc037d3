"""What the test upstream remembers of each request, and what it would put on the bill."""

import asyncio
import time
from typing import Any

import msgspec


class Bill(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Record(msgspec.Struct, kw_only=True):
    """One request as the upstream saw it. Times are those of the machine's monotonic clock."""

    number: int
    arrived_at: float
    connection: int  # the client's port: the same for requests that share a connection
    headers: dict[str, str]
    body: dict[str, Any]
    prompt: str
    status: int | None = None
    pieces_sent: int = 0
    held: bool = False
    answer_id: str = ""
    repeated: str = ""  # the end of the earlier answer, before the numbered pieces
    written: list[str] = msgspec.field(default_factory=list)  # the numbered pieces
    gave_usage: bool = False  # its figures were handed to the network
    finished: bool = False  # the whole answer was handed to the network
    ended_at: float | None = None
    client_left_at: float | None = None
    billed: Bill = msgspec.field(default_factory=Bill)

    def is_over(self) -> bool:
        return self.ended_at is not None


class Gate:
    """Holds an answer until it is released, step by step or for good."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._steps = 0
        self._is_open = False
        self._changed = asyncio.Event()

    def release(self, steps: int | None) -> None:
        if steps is None:
            self._is_open = True
        else:
            self._steps += steps
        self._changed.set()

    async def step(self) -> None:
        while not self._is_open and not self._steps:
            self._record.held = True
            self._changed.clear()
            await self._changed.wait()
        self._record.held = False
        self._steps = max(self._steps - 1, 0)


class Books:
    """All requests since the last reset."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def open(
        self, *, connection: int, headers: dict[str, str], body: dict[str, Any], prompt: str
    ) -> Record:
        record = Record(
            number=len(self.records) + 1,
            arrived_at=time.monotonic(),
            connection=connection,
            headers=headers,
            body=body,
            prompt=prompt,
        )
        self.records.append(record)
        return record
