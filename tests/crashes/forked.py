"""Processes forked from one in which everything is imported: each starts in milliseconds."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 60.0
KILLED = -9

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.crashes.loaded"])


async def run(work: Callable[..., None], *args: Any, log: Path) -> int:
    """Do this work in a process of its own. Gives its exit status, negative for a signal."""
    process = _context.Process(target=_logged, args=(log, work, *args))
    process.start()
    try:
        with contextlib.suppress(TimeoutError):
            await _ended(process.sentinel)
    finally:
        if process.is_alive():
            process.terminate()
        process.join()
    status = process.exitcode
    process.close()
    assert status is not None
    return status


async def _ended(sentinel: int) -> None:
    """A file that can be read when the process is gone."""
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sentinel, gone.set)
    try:
        async with asyncio.timeout(PATIENCE):
            await gone.wait()
    finally:
        loop.remove_reader(sentinel)


def _logged(log: Path, work: Callable[..., None], *args: Any) -> None:
    """With everything that the process says in a file."""
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    work(*args)
