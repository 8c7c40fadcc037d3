"""The socket that is listened on, ours or systemd's, in the hands of Twisted's reactor."""

from __future__ import annotations

import socket
from typing import Any

import daphne.server  # noqa: F401 (it chooses the reactor, before anybody asks for one)
from twisted.internet import reactor, tcp, unix
from twisted.internet.address import UNIXAddress

# As many as may wait in the queue.
MOST_WAITING = 4096


class UnixPort(tcp.Port):
    """Twisted's own would change the mode of a socket that systemd made, shorten its queue, and
    remove it at the end."""

    addressFamily = socket.AF_UNIX  # noqa: N815 (Twisted's names)
    transport = unix.Server

    def _buildAddr(self, address: Any) -> UNIXAddress:  # noqa: N802
        return UNIXAddress(None)


def accept_from(listener: socket.socket, factory: Any) -> Any:
    """Take connections from now on. Gives the port; `listener` itself is not needed any longer."""
    kind: Any = UnixPort if listener.family == socket.AF_UNIX else tcp.Port
    listener.setblocking(False)
    port = kind._fromListeningDescriptor(reactor, listener.fileno(), listener.family, factory)
    listener.close()
    port.startListening()
    return port


def stop_accepting(port: Any) -> None:
    """Take those who have come, and nobody any more.

    The socket is closed in this process alone. Where systemd has it too, whoever comes now waits
    for the next one; where nobody has, the kernel turns away who was not taken.
    """
    port.numberAccepts = MOST_WAITING
    port.doRead()
    port.stopListening()
