"""What is known outside of a process however it dies: written line by line, without a buffer."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal

import msgspec


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`asks` is written before Ana sends a form, `did` or `refused` when it was answered."""

    what: Literal["event", "asks", "did", "refused", "frame"]
    life: int = 0
    at: float = msgspec.field(default_factory=time.time)
    # Which event, which deed, or a frame as it came.
    words: str
    text: str = ""
    conversation: str = ""
    reply: int = 0


class Diary:
    def __init__(self, path: Path, *, life: int) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._life = life

    def write(self, entry: Entry) -> None:
        entry.life = self._life
        os.write(self._handle, msgspec.json.encode(entry) + b"\n")


def read(path: Path) -> list[Entry]:
    if not path.exists():
        return []
    return [msgspec.json.decode(line, type=Entry) for line in path.read_bytes().splitlines()]
