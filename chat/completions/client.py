"""The client of one upstream: opens attempts, one HTTP request each, and retries none itself."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Self
from urllib.parse import urlsplit

import httpx

from chat.completions.answer import LARGEST_PAGE, Answer, close, read_start
from chat.completions.credits import Credits, read_credits
from chat.completions.error_bodies import parse_error
from chat.completions.errors import (
    AnswerBroken,
    AnswerUnusable,
    CompletionError,
    RequestRefused,
    StreamOptionsRefused,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from chat.completions.lenient_json import NotJson, parse_json
from chat.completions.request import CompletionRequest, encode
from chat.completions.transport import READ_FAULTS, StaleConnection, make_transport, words_of

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 300.0
ERROR_BODY_WITHIN = 5.0
METER_WITHIN = 20.0
LARGEST_CREDITS = 64 * 1024
LARGEST_WRITE = 256 * 1024
LARGEST_MODEL_LIST = 4 * 1024 * 1024

_ENDPOINT = re.compile(
    r"(/+v1(beta)?(/+(chat|completions|responses))?|/+chat/+completions|/+models|/+)$",
    re.IGNORECASE,
)
_AROUND_KEY = re.compile(
    r"""^(["'\s]|(authorization|bearer)(:|(?=["'\s]|$)))+|["'\s]+$""", re.IGNORECASE
)


class CompletionClient:
    """Shared by a whole process, on one event loop.

    async with client.stream(request) as answer:
        async for events in answer:
            ...

    Leaving the block closes the connection at once, wherever the answer stands.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str = "",
        *,
        user_agent: str = "evoweb",
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
        transport: Callable[[], httpx.AsyncBaseTransport] = make_transport,
    ) -> None:
        self.base_url = normalise_base_url(base_url)
        self.without_usage: set[str] = set()  # models that refused `stream_options`
        self._key = normalise_key(api_key)
        self._patience = connect_timeout + read_timeout
        self._http = httpx.AsyncClient(
            transport=transport(),
            headers=_headers(self._key, user_agent),
            # The pool's limit is, under aiohttp, the one that also covers looking up the name.
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout, pool=connect_timeout),
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"CompletionClient({self.base_url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    @contextlib.asynccontextmanager
    async def stream(
        self, request: CompletionRequest, *, include_usage: bool = True
    ) -> AsyncIterator[Answer]:
        """Make one attempt. Raises what refuses it; the answer raises what goes wrong later."""
        asks_usage = include_usage and request.stream and request.model not in self.without_usage
        body = encode(request, include_usage=asks_usage)
        with self._nameless(), self._heeding_refusals(request.model, asks_usage=asks_usage):
            answer = Answer(await self._open("POST", "/v1/chat/completions", body))
            try:
                yield answer
            finally:
                await answer.aclose()

    async def models(self) -> list[str]:
        """The ids the upstream offers to this key; asking costs nothing."""
        with self._nameless():
            response = await self._open("GET", "/v1/models")
            try:
                body = await read_start(response, LARGEST_MODEL_LIST, seconds=CONNECT_TIMEOUT)
            finally:
                await close(response)
            return _model_ids(body)

    async def credits(self) -> Credits:
        """What the key has used, by the upstream's own meter; asking costs nothing."""
        with self._nameless(), _translated():
            async with asyncio.timeout(METER_WITHIN):
                response = await self._open("GET", "/v1/credits")
                try:
                    body = await read_start(response, LARGEST_CREDITS, seconds=CONNECT_TIMEOUT)
                finally:
                    await close(response)
        return read_credits(body)

    async def _open(self, method: str, path: str, body: bytes | None = None) -> httpx.Response:
        request = self._request(method, path, body)
        with _translated():
            # aiohttp knows no limit for writing, and waits for ever when nobody reads.
            async with asyncio.timeout(self._patience):
                response = await self._http.send(request, stream=True)
        if response.is_success:
            return response
        try:
            page = await read_start(response, LARGEST_PAGE, seconds=ERROR_BODY_WITHIN)
        finally:
            await close(response)
        raise parse_error(response.status_code, response.headers, page)

    def _request(self, method: str, path: str, body: bytes | None) -> httpx.Request:
        url = self.base_url + path
        if body is None or len(body) <= LARGEST_WRITE:
            return self._http.build_request(method, url, content=body)
        # Written in one go, a body with images would hold up the event loop.
        length = {"Content-Length": str(len(body))}
        return self._http.build_request(method, url, content=_slices(body), headers=length)

    @contextlib.contextmanager
    def _heeding_refusals(self, model: str, *, asks_usage: bool) -> Iterator[None]:
        """Remember who refuses `stream_options`, before or in the answer."""
        try:
            yield
        except StreamOptionsRefused as error:
            if not asks_usage:
                raise RequestRefused(error.detail, http_status=error.http_status) from error
            self.without_usage.add(model)
            raise

    @contextlib.contextmanager
    def _nameless(self) -> Iterator[None]:
        """Let no error leave that repeats the key."""
        try:
            yield
        except CompletionError as error:
            error.strike(self._key)
            raise


def normalise_base_url(url: str) -> str:
    """The part before `/v1`, whichever of the usual forms was pasted. Raises ValueError."""
    url = url.strip()
    while (shorter := _ENDPOINT.sub("", url)) != url:
        url = shorter
    if not _can_be_asked(url):
        raise ValueError("the upstream's address has a character, host or port that no address has")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the upstream's address must begin with http:// or https:// and a host")
    if parts.username or parts.password or "?" in url or "#" in url:
        raise ValueError("the upstream's address may have no user, password, query or fragment")
    return url


def _can_be_asked(url: str) -> bool:
    """Whether it is read to the end, and its host and port are some that may exist."""
    try:
        host, _ = urlsplit(url).hostname or "", urlsplit(url).port
        host.encode("idna")
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        return False
    return url.isprintable() and " " not in url


def normalise_key(key: str) -> str:
    """The key without what is pasted along with it. Raises ValueError, without the key in it."""
    bare = _AROUND_KEY.sub("", key)
    if key.strip() and not bare:
        raise ValueError("there is no key in what was given as the upstream's")
    if not re.fullmatch(r"[\x21-\x7e]*", bare):
        raise ValueError("the upstream's key has characters that no key has")
    return bare


async def _slices(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), LARGEST_WRITE):
        yield body[at : at + LARGEST_WRITE]


def _headers(key: str, user_agent: str) -> dict[str, str]:
    headers = {
        "Accept": "text/event-stream, application/json",
        # A compressed stream arrives in bursts.
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "User-Agent": user_agent,
    }
    return headers | {"Authorization": f"Bearer {key}"} if key else headers


def _model_ids(body: bytes) -> list[str]:
    try:
        document = parse_json(body)
    except NotJson:
        raise AnswerUnusable("the list of models is not JSON", http_status=200) from None
    rows = document.get("data") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise AnswerUnusable("the list of models has no data", http_status=200)
    ids = (row.get("id") for row in rows if isinstance(row, dict))
    return [model for model in ids if isinstance(model, str)]


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn the faults of asking into ours, keeping theirs as the cause."""
    try:
        yield
    except (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        StaleConnection,
    ) as error:
        raise UpstreamUnreachable(words_of(error), retryable=True) from error
    except (httpx.TimeoutException, TimeoutError) as error:
        raise UpstreamTimedOut(words_of(error)) from error
    except READ_FAULTS as error:
        # The request may have arrived, whatever came of it.
        raise AnswerBroken(words_of(error)) from error
