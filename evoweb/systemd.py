"""What systemd gives to a service that it starts, and what it likes to be told."""

from __future__ import annotations

import logging
import os
import socket

logger = logging.getLogger(__name__)

FIRST_DESCRIPTOR = 3
FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
# Meant for this process alone: a child that found them would take them for its own.
VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "NOTIFY_SOCKET")

READY = "READY=1"
STOPPING = "STOPPING=1"


class UnusableSocket(Exception):
    """What was given is none that connections can be accepted from."""


def forget_variables() -> None:
    for name in VARIABLES:
        os.environ.pop(name, None)


def inherited_listener() -> socket.socket:
    """The socket that systemd listens on for us. Raises UnusableSocket."""
    try:
        listener = socket.socket(fileno=FIRST_DESCRIPTOR)
    except OSError as problem:
        raise UnusableSocket(f"it is no socket ({problem.strerror})") from problem
    listener.set_inheritable(False)
    if listener.family not in FAMILIES or listener.type != socket.SOCK_STREAM:
        raise UnusableSocket("it is no stream socket")
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise UnusableSocket("it does not listen")
    return listener


def notify(address: str, state: str) -> None:
    """Tell systemd, if it wants to know. `address` is its NOTIFY_SOCKET."""
    if not address:
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as said:
            said.settimeout(2)
            said.sendto(state.encode(), name)
    except OSError as problem:
        logger.warning("systemd could not be told %s: %s", state, problem)
