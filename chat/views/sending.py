"""Files of any size, sent while they are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextvars import Context
from typing import Any, TypeVar

from django.http import HttpRequest, StreamingHttpResponse

from chat.generation.pool import DatabasePool

Place = TypeVar("Place")
# What follows a place as text, and the place where that ends. None is the beginning, and the end.
Piece = Callable[[Place | None], tuple[bytes, Place | None]]

# All files together are read by two threads, and so through two connections of the database:
# however many there are, pages and answers do not wait for them.
_pool = DatabasePool("exports", threads=2)
# What is handed to a connection at once, so that a slow one does not hold a whole piece as well.
CHUNK = 65_536


def sent(
    request: HttpRequest, name: str, content_type: str, head: bytes, piece: Piece[Any]
) -> StreamingHttpResponse:
    """Whoever asks for the headers alone is not to have the whole of it read."""
    return StreamingHttpResponse(
        _nothing() if request.method == "HEAD" else _chunks(head, piece),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _chunks(head: bytes, piece: Piece[Place]) -> AsyncIterator[bytes]:
    """One piece is made while the one before is sent, and no more: a slow reader holds two. One who
    leaves ends it."""
    yield head
    coming: asyncio.Task[Any] | None = _begin(piece, None)
    try:
        while coming is not None:
            whole, place = await coming
            coming = None if place is None else _begin(piece, place)
            for start in range(0, len(whole), CHUNK):
                yield whole[start : start + CHUNK]
    finally:
        if coming is not None:
            coming.cancel()


def _begin(piece: Piece[Place], place: Place | None) -> asyncio.Task[Any]:
    return asyncio.create_task(_pool.run(piece, place), context=Context())


async def _nothing() -> AsyncIterator[bytes]:
    yield b""
