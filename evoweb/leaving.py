"""How connections end with the server: what was asked is answered, what is idle is closed."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from typing import Any

import daphne.server  # noqa: F401 (it chooses the reactor, before anybody asks for one)
from daphne.http_protocol import WebRequest
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import reactor as _reactor
from twisted.internet import tcp

# Twisted's own types know less than it does.
reactor: Any = _reactor
logger = logging.getLogger(__name__)

SERVICE_RESTART = 1012
# For answers that are still in work, and for those who read them slowly.
LAST_SECONDS = 5.0
# A connection that was silent for so long has no request on its way, as far as one can know.
QUIET_SECONDS = 1.0
LOOK_SECONDS = 0.02


def say_close(request: WebRequest) -> None:
    """Let the answer that begins be the last of its connection, unless the next request is there
    already: then it has its answer too."""
    if request.channel is not None and not any(request.channel._dataBuffer):
        request.channel.persistent = False
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])


async def close_all(
    connections: Mapping[Any, dict[str, Any]], *, is_urgent: Callable[[], bool]
) -> None:
    """Close every connection as soon as nothing more is to be expected on it.

    Sockets are told to come back. Gives up after a while: somebody may never read, or never send
    the rest of a request.
    """
    now = asyncio.get_running_loop().time
    deadline = now() + LAST_SECONDS
    silent_since: dict[Any, float] = {}
    while transports := (busy := _busy_transports(connections)) | _watched_transports():
        if now() > deadline:
            logger.warning("%d connections are cut off", len(transports))
            return
        for transport in transports:
            if isinstance(transport.protocol, WebSocketProtocol):
                _close_socket(transport.protocol)
            elif transport in busy or _has_more(transport):
                silent_since.pop(transport, None)
            elif is_urgent() or now() - silent_since.setdefault(transport, now()) > QUIET_SECONDS:
                transport.unregisterProducer()
                transport.loseConnection()
        await asyncio.sleep(LOOK_SECONDS)


def _watched_transports() -> set[Any]:
    """Those that are read or written: all but some on which a request is busy."""
    watched = (*reactor.getReaders(), *reactor.getWriters())
    return {transport for transport in watched if isinstance(transport, tcp.Connection)}


def _busy_transports(connections: Mapping[Any, dict[str, Any]]) -> set[Any]:
    """Those on which a request comes in or is answered."""
    return {
        protocol.channel.transport
        for protocol, details in connections.items()
        if isinstance(protocol, WebRequest)
        and "disconnected" not in details
        and protocol.channel is not None
    }


def _has_more(transport: Any) -> bool:
    """Whether something has come that was not read yet: a loop that is late must not close it."""
    try:
        return bool(transport.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False


def _close_socket(protocol: WebSocketProtocol) -> None:
    if protocol.state == protocol.STATE_OPEN:
        protocol.sendCloseFrame(code=SERVICE_RESTART)
