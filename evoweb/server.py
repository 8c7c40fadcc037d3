"""Daphne, made to wait for slow readers and to leave politely.

Importing this module installs Twisted's reactor on the current event loop policy, so whoever
wants another loop sets the policy first.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from daphne.server import Server as DaphneServer
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from evoweb import bodies, leaving, listening, systemd

logger = logging.getLogger(__name__)

ENDING_SECONDS = 10.0

# Of WebSocket frames.
CONTINUATION, TEXT, BINARY = 0, 1, 2
# Characters or bytes: about what a transport takes before it asks to wait.
FRAGMENT = 64 * 1024
MOST_UNSENT = 128 * 1024


@implementer(IPushProducer)
class Gate:
    """Open while a connection's transport takes more bytes, closed while its buffer is full."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        # Whoever sends a message in fragments has the connection for himself.
        self.turn = asyncio.Lock()

    async def passed(self) -> None:
        await self._open.wait()

    def pauseProducing(self) -> None:  # noqa: N802 (Twisted's interface)
        self._open.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._open.set()

    # A connection that is gone holds nobody up.
    stopProducing = resumeProducing  # noqa: N815


class Server(DaphneServer):
    """A Daphne whose `send` waits for the transport and whose end is two-phased.

    It accepts connections once `start` is done; until then they wait in the listener's queue. On
    the first signal `drain` runs while pages and sockets are still served; then nobody is accepted
    any more, what was asked is answered, and sockets are closed with 1012, which tells browsers to
    come back. A second signal cuts the draining short.
    """

    def __init__(
        self,
        application: Any,
        *,
        listener: socket.socket,
        start: Callable[[], Awaitable[None]],
        drain: Callable[[], Awaitable[None]],
        stop_now: Callable[[], None],
        was_told: Callable[[], bool],
        notify: Callable[[str], None],
    ) -> None:
        super().__init__(
            application,
            endpoints=[listener],
            signal_handlers=False,
            server_name="",
            websocket_timeout=-1,
            ready_callable=self._take_signals,
        )
        # Daphne would listen on them at once, and on no Unix socket.
        self.endpoints: list[str] = []
        self._listener = listener
        self._port: Any = None
        self._start = start
        self._drain = drain
        self._stop_now = stop_now
        self._was_told = was_told
        self._notify = notify
        self._leaving: asyncio.Task[None] | None = None
        self._is_urgent = False
        self._starting: asyncio.Task[None] | None = None
        # Why `start` failed, once `run` has returned.
        self.failure: Exception | None = None

    # Waiting for slow readers

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send" and protocol.state != protocol.STATE_CONNECTING:
            await self._send(protocol, message)
        elif message["type"] == "websocket.close" and protocol.state == protocol.STATE_OPEN:
            # Not `serverClose`: autobahn lets applications use only codes of their own, and those
            # that tell a browser to come back are not among them.
            protocol.sendCloseFrame(code=message.get("code") or 1000)
        elif message["type"] == "http.response.body":
            await self._write(protocol, message)
        else:
            if message["type"] == "http.response.start" and self._leaving is not None:
                leaving.say_close(protocol)
            await super().handle_reply(protocol, message)

    async def _send(self, protocol: Any, message: dict[str, Any]) -> None:
        """Send a message: a long one in fragments, each when the transport takes more.

        Daphne would send it whole and at once, and refuse to if it is longer than what it takes.
        """
        is_text = message.get("text") is not None
        payload: Any = message["text"] if is_text else message.get("bytes") or b""
        opcode = TEXT if is_text else BINARY
        if protocol.state != protocol.STATE_OPEN:
            # Lost before its first word: it has no transport that could be waited for.
            return
        gate = self._socket_gate(protocol)
        async with gate.turn:
            for at in range(0, len(payload), FRAGMENT):
                # To a socket that is being closed there is nothing to say.
                if protocol.state != protocol.STATE_OPEN:
                    return
                piece, is_last = payload[at : at + FRAGMENT], at + FRAGMENT >= len(payload)
                octets = piece.encode() if is_text else piece
                protocol.sendFrame(opcode if at == 0 else CONTINUATION, octets, fin=is_last)
                await self._passed(protocol, gate, is_last=is_last)

    @staticmethod
    async def _passed(protocol: Any, gate: Gate, *, is_last: bool) -> None:
        try:
            await gate.passed()
        except asyncio.CancelledError:
            if not is_last:
                # After half a message no other could be understood.
                protocol.transport.abortConnection()
            raise

    async def _write(self, protocol: Any, message: dict[str, Any]) -> None:
        """Write a piece of a body, and wait until the transport takes more."""
        if protocol.channel is None or protocol.finished:
            return
        if message.get("more_body", False):
            gate = self._body_gate(protocol)
            await super().handle_reply(protocol, message)
            await gate.passed()
        else:
            if getattr(protocol, "gate", None):
                protocol.unregisterProducer()
            await super().handle_reply(protocol, message)

    def protocol_disconnected(self, protocol: Any) -> None:
        if gate := getattr(protocol, "gate", None):
            gate.stopProducing()
        super().protocol_disconnected(protocol)

    @staticmethod
    def _socket_gate(protocol: Any) -> Gate:
        if getattr(protocol, "gate", None) is None:
            protocol.gate = Gate()
            _keep_kernel_queue_short(protocol.transport)
            # After the upgrade the HTTP channel is still registered with the transport.
            protocol.transport.unregisterProducer()
            protocol.transport.registerProducer(protocol.gate, True)
        return protocol.gate

    @staticmethod
    def _body_gate(protocol: Any) -> Gate:
        if getattr(protocol, "gate", None) is None:
            protocol.gate = Gate()
            _keep_kernel_queue_short(protocol.transport)
            protocol.registerProducer(protocol.gate, True)
        return protocol.gate

    # Applications that fail

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        # Daphne takes it from a header that anybody may send.
        scope["root_path"] = ""
        if scope["type"] == "http":
            # Daphne would answer 500 into a body that has begun, which raises, and ends its looking
            # after all applications.
            protocol.handle_exception = partial(_end_request, protocol, protocol.handle_exception)
        return super().create_application(protocol, scope)

    # Leaving

    def kill_all_applications(self) -> Deferred[Any]:
        """Cancel what still runs and wait for all of it.

        Daphne waits for the first that ends. The loop would stop under a request that is still in
        its thread, and the process would wait for that thread for ever.
        """
        running = [
            application
            for details in self.connections.values()
            if (application := details.get("application_instance")) and not application.done()
        ]
        for application in running:
            application.cancel()
        return Deferred.fromFuture(
            asyncio.ensure_future(_all_ended(running), loop=asyncio.get_event_loop())
        )

    def _take_signals(self) -> None:
        bodies.bound(self.http_factory)
        loop = asyncio.get_event_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        reactor.callWhenRunning(self._begin)
        # A signal that came while the server was made and nobody took it.
        if self._was_told():
            reactor.callWhenRunning(self._signalled)

    def _begin(self) -> None:
        self._starting = asyncio.ensure_future(self._start_or_end())

    async def _start_or_end(self) -> None:
        """A process that could not start must not look as if it only took its time."""
        try:
            await self._start()
            self._port = listening.accept_from(self._listener, self.http_factory)
        except Exception as failure:
            self.failure = failure
            self.stop()
        else:
            self._notify(systemd.READY)

    def _signalled(self) -> None:
        if self._leaving is None:
            self._leaving = asyncio.ensure_future(self._leave())
        else:
            self._is_urgent = True
            self._stop_now()

    async def _leave(self) -> None:
        try:
            self._notify(systemd.STOPPING)
            await self._end_start()
            await self._drain()
        except Exception:
            logger.exception("The draining failed")
        try:
            if self._port is not None:
                listening.stop_accepting(self._port)
            await leaving.close_all(self.connections, is_urgent=lambda: self._is_urgent)
        except Exception:
            logger.exception("Connections could not be closed in peace")
        finally:
            # Whatever went wrong, a server that was told to end must end.
            self.stop()

    async def _end_start(self) -> None:
        """Whoever is told to end while it starts does not begin to serve any more."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})


async def _all_ended(applications: list[asyncio.Task[Any]]) -> None:
    if applications:
        await asyncio.wait(applications, timeout=ENDING_SECONDS)


def _keep_kernel_queue_short(transport: Any) -> None:
    """Without a limit the kernel takes up to 4 MB for a peer that reads nothing or slowly: memory,
    and text that is old when it comes. What is on its way to a fast peer is not limited."""
    handle = transport.getHandle()
    if handle.family != socket.AF_UNIX:
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MOST_UNSENT)


def _end_request(
    protocol: Any, answer_500: Callable[[Exception], None], exception: Exception
) -> None:
    """After an application failed. A body that it had begun must not look like a whole one."""
    if not protocol._response_started:
        answer_500(exception)
    elif protocol.channel is not None:
        protocol.unregisterProducer()
        protocol.transport.loseConnection()
