"""How bytes travel: the only place that knows which HTTP library is under httpx."""

import asyncio
import contextlib
import functools
import ssl
import time
from collections.abc import Iterator
from contextvars import ContextVar

import aiohttp
import httpx
from aiohttp.connector import Connection
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream

KEEP_ALIVE = 60.0
# A kept connection that dies so soon after the request had died before, and nobody read it.
STALE_WITHIN = 1.0
# Gateways send policies and cookies of more than the 8 KiB that aiohttp takes in one header.
LONGEST_HEADER = 64 * 1024

# What reading a body may raise: httpx's own, and what its transport lets through as it is.
READ_FAULTS = (httpx.RequestError, httpx.StreamError, aiohttp.ClientError, OSError)

_CONNECTION = "evoweb.connection"

_is_on_kept_connection: ContextVar[bool] = ContextVar("is_on_kept_connection", default=False)


class StaleConnection(httpx.ReadError):
    """The connection had died while it was kept, so that nothing was asked."""


def make_transport() -> httpx.AsyncBaseTransport:
    """A third of the processor time of httpx's own transport, which `stock_transport` is."""
    return FaithfulTransport()


def stock_transport() -> httpx.AsyncBaseTransport:
    """Looks at a kept connection before it uses it, and knows no `StaleConnection`."""
    limits = httpx.Limits(
        max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEP_ALIVE
    )
    return httpx.AsyncHTTPTransport(verify=_trust(), trust_env=False, limits=limits)


@contextlib.contextmanager
def unread(response: httpx.Response) -> Iterator[None]:
    """Meanwhile what comes is left in the connection, where it costs nothing until it is read."""
    answer: aiohttp.ClientResponse | None = response.extensions.get(_CONNECTION)
    connection = answer.connection if answer is not None else None
    protocol = connection.protocol if connection is not None else None
    if protocol is None:
        # Read to its end, or by another library.
        yield
        return
    protocol.pause_reading()
    try:
        yield
    finally:
        protocol.resume_reading()


def words_of(error: Exception) -> str:
    """A fault for the log. Parsers repeat what they stumbled over, and that may be the answer."""
    if isinstance(error, httpx.RemoteProtocolError):
        return "the answer is no HTTP"
    return str(error) or type(error).__name__


@functools.cache
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


class FaithfulTransport(AiohttpTransport):
    """httpx over aiohttp, whose faults before the answer are told apart as httpx tells them.

    Without it a refused connection and one that the server closes both come as connect timeouts,
    and a malformed answer as an error of aiohttp's whose repr shows the request's headers.
    """

    def __init__(self) -> None:
        super().__init__(verify=_trust(), client=_session)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        began = time.monotonic()
        _is_on_kept_connection.set(False)
        try:
            response = await super().handle_async_request(request)
        except httpx.TransportError as error:
            may_be_stale = _is_on_kept_connection.get() and time.monotonic() - began < STALE_WITHIN
            raise _faithful(error, may_be_stale=may_be_stale) from error.__cause__
        except aiohttp.ClientError as error:
            name = type(error).__name__
        else:
            assert isinstance(response.stream, AiohttpResponseStream)
            response.extensions[_CONNECTION] = response.stream._aiohttp_response
            return response
        raise httpx.RemoteProtocolError(name)


class WatchedResponse(aiohttp.ClientResponse):
    """A response that ends when its connection does.

    When the framing of a body turns to nonsense half way (a proxy that writes an error page into
    it), aiohttp closes the connection and drops the read timeout, but tells nobody who reads.
    """

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        await super().start(connection)
        closed = connection.protocol.closed if connection.protocol is not None else None
        if closed is not None:
            closed.add_done_callback(self._connection_closed)
            self.content.on_eof(functools.partial(self._stop_watching, closed))
        return self

    def _stop_watching(self, closed: asyncio.Future[None]) -> None:
        closed.remove_done_callback(self._connection_closed)

    def _connection_closed(self, closed: asyncio.Future[None]) -> None:
        error = closed.exception() or aiohttp.ClientPayloadError("the body is malformed")
        if not self.content.is_eof() and self.content.exception() is None:
            self.content.set_exception(error)


def _session() -> aiohttp.ClientSession:
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_reuseconn.append(_note_kept_connection)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE, ssl=_trust()),
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=WatchedResponse,
        trace_configs=[tracing],
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
    )


async def _note_kept_connection(*_: object) -> None:
    _is_on_kept_connection.set(True)


def _faithful(error: httpx.TransportError, *, may_be_stale: bool) -> httpx.TransportError:
    cause, words = error.__cause__, str(error)
    if isinstance(cause, aiohttp.ClientConnectorError):
        return httpx.ConnectError(words)
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        return httpx.ConnectTimeout(words)
    if isinstance(cause, aiohttp.ServerDisconnectedError) and not isinstance(cause.message, str):
        return httpx.RemoteProtocolError("the server closed the connection within the headers")
    if isinstance(cause, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        return StaleConnection(words) if may_be_stale else httpx.ReadError(words)
    return error
