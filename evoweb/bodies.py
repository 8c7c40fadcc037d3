"""How much of a request's body is taken: Daphne itself would take any size, and all of it into
memory before an application could say no."""

from __future__ import annotations

from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest

# Bytes. The longest prompt takes half of it, whatever its letters: 200,000 characters of four bytes
# each, of which each is written as three.
LARGEST_BODY = 5 * 1024 * 1024
# Of a form with files: two of the largest pictures that are taken.
LARGEST_WITH_FILES = 41 * 1024 * 1024

REFUSAL = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BoundedRequest(WebRequest):
    """Refuses a body that is too large as soon as it is known to be, and closes the connection."""

    _received = 0
    _is_refused = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # Twisted would read forms too, whole and on the event loop: a photo holds up every answer
        # for a second. Nobody asks for what it finds.
        self._parsePOSTFormSubmission = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802 (Twisted's interface)
        super().gotLength(length)
        self._look_at(length or 0)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        # A chunked body says its length only by ending.
        self._received += len(data)
        self._look_at(self._received)
        if not self._is_refused:
            super().handleContentChunk(data)

    def process(self) -> None:
        if not self._is_refused:
            super().process()

    def _look_at(self, size: int) -> None:
        kind = self.requestHeaders.getRawHeaders(b"content-type", [b""])[0]
        has_files = kind.lower().startswith(b"multipart/form-data")
        largest = LARGEST_WITH_FILES if has_files else LARGEST_BODY
        if size > largest and not self._is_refused:
            self._is_refused = True
            self.channel.transport.write(REFUSAL)
            self.channel.loseConnection()


def bound(factory: HTTPFactory) -> None:
    """Let every connection of a server have such requests."""
    build = factory.buildProtocol

    def build_bounded(address: Any) -> Any:
        protocol = build(address)
        protocol.requestFactory = BoundedRequest
        return protocol

    factory.buildProtocol = build_bounded
