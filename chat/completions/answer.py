"""One answer while it arrives: bytes off the wire, told apart by what they are, into events."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Self, cast

import httpx

from chat.completions.decoding import StreamDecoder, decode_answer
from chat.completions.error_bodies import parse_error
from chat.completions.errors import AnswerBroken, AnswerUnusable, CompletionError, UpstreamTimedOut
from chat.completions.events import CompletionEvent
from chat.completions.transport import READ_FAULTS, unread, words_of

LARGEST_BODY = 512 * 1024 * 1024
LARGEST_ANSWER = 8 * 1024 * 1024
LARGEST_PAGE = 64 * 1024
LARGEST_AT_ONCE = 64 * 1024
# How long the connection gets, after `[DONE]`, to end in a state in which it can be used again.
GRACE = 0.25

_BLANK = b"\xef\xbb\xbf \t\r\n"


class Answer:
    """Iterate over it for lists of events, one list for each read that brought any.

    The last list ends with `Ended`; an answer that does not end as it should raises instead,
    after everything that came before has been given out.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.http_status = response.status_code
        self._response = response
        self._chunks = _chunks(response)
        self._decoder = StreamDecoder()
        self._head = b""
        self._size = 0
        self._is_stream = False
        self._is_over = False

    @property
    def ended(self) -> bool:
        """Whether `Ended` has been given out: nothing more will come."""
        return self._is_over or self._decoder.ended

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[CompletionEvent]:
        try:
            while not self._is_over:
                if self._decoder.failure:
                    raise self._decoder.failure
                if self._decoder.ended:
                    await self._let_connection_end()
                elif events := await self._next_events():
                    return events
        except BaseException:
            # Asked again, a body that broke off would look like one that ended.
            self._is_over = True
            raise
        raise StopAsyncIteration

    async def rest(self, seconds: float) -> None:
        """Read nothing for so long: what comes meanwhile then comes in one list."""
        if seconds and not self.ended:
            with unread(self._response):
                await asyncio.sleep(seconds)

    async def aclose(self) -> None:
        self._is_over = True
        await close(self._response)
        await self._chunks.aclose()

    async def _next_events(self) -> list[CompletionEvent]:
        with _translated():
            chunk = await anext(self._chunks, None)
        if self._is_stream:
            return await self._decode(chunk)
        # Blanks before the answer, and the mark that may be cut by a read, are no part of it.
        self._head = (self._head + (chunk or b"")).lstrip(_BLANK)
        if chunk is not None and not self._head:
            return []
        if self._head.startswith((b"{", b"[", b'"')):
            return await self._whole_answer()
        if self._head.startswith(b"<"):
            raise await self._page()
        self._is_stream = True
        events = await self._decode(self._head)
        return events if chunk is not None else events + await self._decode(None)

    async def _decode(self, chunk: bytes | None) -> list[CompletionEvent]:
        if chunk is None:
            return await _decoded(self._decoder.pending, self._decoder.finish)
        self._size += len(chunk)
        if self._size > LARGEST_BODY:
            raise AnswerUnusable("the body is too large", code="too_long", http_status=200)
        return await _decoded(self._decoder.pending + len(chunk), self._decoder.feed, chunk)

    async def _whole_answer(self) -> list[CompletionEvent]:
        self._is_over = True
        body = await self._rest(LARGEST_ANSWER)
        if len(body) > LARGEST_ANSWER:
            raise AnswerUnusable("the body is too large", code="too_long", http_status=200)
        return await _decoded(len(body), decode_answer, body)

    async def _page(self) -> CompletionError:
        self._is_over = True
        return parse_error(self.http_status, {}, await self._rest(LARGEST_PAGE))

    async def _rest(self, most: int) -> bytes:
        parts, size = [self._head], len(self._head)
        with _translated():
            while size <= most and (chunk := await anext(self._chunks, None)) is not None:
                parts.append(chunk)
                size += len(chunk)
        return b"".join(parts)

    async def _let_connection_end(self) -> None:
        self._is_over = True
        with contextlib.suppress(TimeoutError, *READ_FAULTS):
            async with asyncio.timeout(GRACE):
                while await anext(self._chunks, None) is not None:
                    pass


async def read_start(response: httpx.Response, most: int, *, seconds: float) -> bytes:
    """The beginning of a body, as much as comes in time and without a fault."""
    parts: list[bytes] = []
    chunks = _chunks(response)
    with contextlib.suppress(TimeoutError, *READ_FAULTS):
        async with asyncio.timeout(seconds):
            while sum(map(len, parts)) < most and (chunk := await anext(chunks, None)) is not None:
                parts.append(chunk)
    return b"".join(parts)[:most]


async def close(response: httpx.Response) -> None:
    """Close the connection unless the body was read to its end; what breaks then breaks nothing."""
    with contextlib.suppress(*READ_FAULTS):
        await response.aclose()


def _chunks(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    # Straight from the transport: httpx's own iterators add two generators to every read.
    assert isinstance(response.stream, httpx.AsyncByteStream)
    encoded = "content-encoding" in response.headers
    chunks = response.aiter_bytes() if encoded else aiter(response.stream)
    return cast(AsyncGenerator[bytes, None], chunks)


async def _decoded(
    size: int, decode: Callable[..., list[CompletionEvent]], *pieces: bytes
) -> list[CompletionEvent]:
    """Decode little at once, and much beside the event loop, which has others to serve."""
    if size <= LARGEST_AT_ONCE:
        return decode(*pieces)
    return await asyncio.to_thread(decode, *pieces)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn the faults of reading a body into ours, keeping theirs as the cause."""
    try:
        yield
    except httpx.ReadTimeout as error:
        raise UpstreamTimedOut("the answer stalled", http_status=200) from error
    except READ_FAULTS as error:
        raise AnswerBroken(words_of(error), http_status=200) from error
