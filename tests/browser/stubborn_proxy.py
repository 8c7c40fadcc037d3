"""A proxy that speaks no WebSocket, as some in companies do: to an upgrade it answers 400."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

REFUSAL = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class StubbornProxy:
    """`with StubbornProxy(port) as proxy: proxy.url…`; `refusals` counts the upgrades."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.refusals = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            beginning = client.recv(65536)
            # A browser opens a connection of its own for each socket.
            if b"upgrade: websocket" in beginning.lower():
                self.refusals += 1
                client.sendall(REFUSAL)
                return
            with socket.create_connection(("127.0.0.1", self._port)) as server:
                server.sendall(beginning)
                threading.Thread(target=_pass_on, args=(client, server), daemon=True).start()
                _pass_on(server, client)


def _pass_on(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
