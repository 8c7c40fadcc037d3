"""How bytes travel: the only place that knows which HTTP library is under httpx."""

import asyncio
import functools
import ssl

import aiohttp
import httpx
from aiohttp.connector import Connection
from httpx_aiohttp import AiohttpTransport

KEEP_ALIVE = 60.0

# What reading a body may raise: httpx's own, and what its transport lets through as it is.
READ_FAULTS = (httpx.RequestError, httpx.StreamError, aiohttp.ClientError, OSError)


def make_transport() -> httpx.AsyncBaseTransport:
    """A third of the processor time of httpx's own transport, which `stock_transport` is."""
    return FaithfulTransport()


def stock_transport() -> httpx.AsyncBaseTransport:
    limits = httpx.Limits(
        max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEP_ALIVE
    )
    return httpx.AsyncHTTPTransport(verify=_trust(), trust_env=False, limits=limits)


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
        try:
            return await super().handle_async_request(request)
        except httpx.TransportError as error:
            raise _faithful(error) from error.__cause__
        except aiohttp.ClientError as error:
            words = str(error)
        raise httpx.RemoteProtocolError(words)


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
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE, ssl=_trust()),
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=WatchedResponse,
    )


def _faithful(error: httpx.TransportError) -> httpx.TransportError:
    cause, words = error.__cause__, str(error)
    if isinstance(cause, aiohttp.ClientConnectorError):
        return httpx.ConnectError(words)
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        return httpx.ConnectTimeout(words)
    if isinstance(cause, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        return httpx.RemoteProtocolError(words)
    return error
