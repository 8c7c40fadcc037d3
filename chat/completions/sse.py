"""Server-sent events out of bytes. Holds no socket, knows no JSON and never decodes text."""

import msgspec

from chat.completions.errors import AnswerUnusable

# Text has the same limit, and what is larger holds up the whole process while it is parsed.
LARGEST_EVENT = 4 * 1024 * 1024
DONE = (b"[DONE]", b'"[DONE]"')

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SILENT_FIELDS = frozenset({b"id", b"retry"})
_COST_OF_A_LINE = 48  # what a short bytes object and its place in a list take


class ServerEvent(msgspec.Struct, frozen=True):
    """One event: its `data:` lines joined, and its name where it has one."""

    data: bytes
    name: str = "message"


class EventStreamDecoder:
    """Cut response bytes, however they were split over reads, into events.

    >>> EventStreamDecoder().feed(b"data: {}\\n\\n")
    [ServerEvent(data=b'{}', name='message')]
    """

    def __init__(self, *, largest_event: int = LARGEST_EVENT) -> None:
        # Lines since the last data that no event stream has, such as those of a page.
        self.stray_lines = 0
        self._largest_event = largest_event
        self._line = bytearray()
        self._data: list[bytes] = []
        self._data_size = 0
        self._name = ""
        self._after_return = False
        self._at_start = True

    @property
    def pending(self) -> int:
        """Bytes of an event whose end has not come yet."""
        return len(self._line) + self._data_size

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        # Bytes, and only \n, \r\n and \r: str.splitlines would also cut at U+2028, which JSON
        # may carry raw. Each byte is looked at once: only the open line is kept.
        lines = self._with_plain_newlines(chunk).split(b"\n")
        rest = lines.pop()
        if lines and self._line:
            lines[0] = bytes(self._line) + lines[0]
            self._line.clear()
        self._line += rest

        events = [event for line in lines if (event := self._take(line)) is not None]
        if self.pending > self._largest_event:
            raise AnswerUnusable("one event of the stream is too large", code="too_long")
        return events

    def finish(self) -> list[ServerEvent]:
        """What the end of the body completes: a last event may lack its blank line."""
        line, self._line = bytes(self._line), bytearray()
        events = [self._take(line) if line else None, self._dispatch()]
        return [event for event in events if event is not None]

    def _with_plain_newlines(self, chunk: bytes) -> bytes:
        if self._after_return and chunk:
            self._after_return = False
            # The \r that ended the read before has already ended the line.
            chunk = chunk.removeprefix(b"\n")
        if b"\r" not in chunk:
            return chunk
        self._after_return = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take(self, line: bytes) -> ServerEvent | None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            return self._dispatch()
        if line.startswith(b"data:"):
            self._add_data(line[5:].strip())
            # Nothing follows it, perhaps not even its blank line.
            return self._dispatch() if self._data[-1] in DONE else None
        if not line.startswith(b":"):
            self._take_field(line)
        return None

    def _take_field(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        if field == b"event":
            self._name = value.strip().decode("utf-8", "replace")
        elif field == b"data":
            self._add_data(b"")
        elif line.startswith(b"{"):
            # Errors come so, from whoever stands between the model and its event stream.
            self._add_data(line)
        elif field not in _SILENT_FIELDS:
            self.stray_lines += 1

    def _add_data(self, value: bytes) -> None:
        self.stray_lines = 0
        self._data.append(value)
        self._data_size += len(value) + _COST_OF_A_LINE

    def _dispatch(self) -> ServerEvent | None:
        if not self._data and not self._name:
            return None
        data, name = b"\n".join(self._data), self._name
        self._data, self._data_size, self._name = [], 0, ""
        if name == "error":
            return ServerEvent(data, name)
        return ServerEvent(data) if data else None
