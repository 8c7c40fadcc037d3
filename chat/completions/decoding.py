"""Bytes of an answer in, events out. Never raises anything but the tree of errors."""

from typing import Any

from chat.completions.cleaning import clean, name
from chat.completions.error_bodies import error_in_answer
from chat.completions.errors import AnswerUnusable, CompletionError
from chat.completions.events import (
    CompletionEvent,
    Ended,
    Identified,
    Reasoning,
    Text,
)
from chat.completions.lenient_json import NotJson, parse_json
from chat.completions.payloads import (
    Choice,
    Chunk,
    Delta,
    count,
    counts_anything,
    read_chunk,
    read_usage,
)
from chat.completions.sse import EventStreamDecoder, ServerEvent
from chat.completions.thinking import ThinkingSplitter

LONGEST_TEXT = 4 * 1024 * 1024

_DONE = (b"[DONE]", b'"[DONE]"')
_MOST_CHOICES = 128


class StreamDecoder:
    """Decodes one event stream.

    An error inside the stream does not swallow the text before it: `feed` returns that text and
    leaves the error in `failure`; whoever feeds on gets it raised.
    """

    def __init__(self, *, longest_text: int = LONGEST_TEXT) -> None:
        self.failure: CompletionError | None = None
        self.ended = False
        self._events = EventStreamDecoder()
        self._answer = _Assembler(longest_text)
        self._understood = False
        self._garbled = False

    def feed(self, chunk: bytes) -> list[CompletionEvent]:
        self._raise_failure()
        try:
            return self._take(self._events.feed(chunk))
        except CompletionError as error:
            self.failure = error
            return self._answer.collected()

    def finish(self) -> list[CompletionEvent]:
        """What the end of the body means. Call it only when the body ended as it should."""
        self._raise_failure()
        events = self._take(self._events.finish())
        if self.failure or self.ended:
            return events
        if not self._understood and (self._garbled or self._events.stray_lines):
            self.failure = AnswerUnusable("no part of the stream is readable", http_status=200)
            return events
        return events + self._end()

    def _raise_failure(self) -> None:
        if self.failure:
            raise self.failure

    def _take(self, events: list[ServerEvent]) -> list[CompletionEvent]:
        for event in events:
            if self.ended:
                break
            if event.data in _DONE:
                return self._answer.collected() + self._end()
            self._take_event(event)
            if self.failure:
                break
        return self._answer.collected()

    def _take_event(self, event: ServerEvent) -> None:
        if event.name == "error":
            self.failure = _named_error(event.data)
            return
        try:
            self._take_payload(event.data)
        except NotJson:
            # Some servers end events with one newline, so that several arrive as one.
            for line in event.data.split(b"\n"):
                self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        try:
            self._take_payload(line)
        except NotJson:
            self._garbled = self._garbled or not line.startswith(b":")

    def _take_payload(self, payload: bytes) -> None:
        match read_chunk(payload):
            case Chunk() as chunk:
                self._understood = True
                self.failure = self._answer.take(chunk)
            case CompletionError() as error:
                self.failure = error

    def _end(self) -> list[CompletionEvent]:
        self.ended = True
        return self._answer.end()


def decode_answer(body: bytes, *, longest_text: int = LONGEST_TEXT) -> list[CompletionEvent]:
    """The events of a plain JSON answer. Raises what the answer says when it is an error."""
    try:
        chunk = read_chunk(body.removeprefix(b"\xef\xbb\xbf"))
    except NotJson:
        raise AnswerUnusable("the answer is not JSON", http_status=200) from None
    if isinstance(chunk, CompletionError):
        raise chunk
    if chunk is None or not (chunk.choices or chunk.id or chunk.usage):
        raise AnswerUnusable("the JSON is no chat completion", http_status=200)
    answer = _Assembler(longest_text)
    if failure := answer.take(chunk):
        raise failure
    return answer.collected() + answer.end()


class _Assembler:
    """Puts together what chunks say: joins neighbours, keeps the last usage and reason."""

    def __init__(self, longest_text: int) -> None:
        self._room = longest_text
        self._is_too_long = False
        self._splitter = ThinkingSplitter()
        self._identity: Identified | None = Identified(None, None, None, None)
        self._usage: dict[str, Any] | None = None
        self._finish_reason: str | None = None
        self._choices: set[int] = set()
        self._has_text = False
        self._collected: list[CompletionEvent] = []
        self._kind: type[Text] | type[Reasoning] = Text
        self._parts: list[str] = []

    def take(self, chunk: Chunk) -> CompletionError | None:
        if self._identity:
            self._identify(chunk, self._identity)
        if chunk.usage and counts_anything(chunk.usage):
            self._usage = chunk.usage
        for choice in chunk.choices or ():
            self._take_choice(choice)
        if self._is_too_long:
            return AnswerUnusable("the answer is too long", code="too_long", http_status=200)
        return None

    def collected(self) -> list[CompletionEvent]:
        """Everything since the last call."""
        self._join()
        if self._usage:
            self._collected.append(read_usage(self._usage))
            self._usage = None
        events, self._collected = self._collected, []
        return events

    def end(self) -> list[CompletionEvent]:
        if self._identity:
            self._send_identity(self._identity)
        thinking, text = self._splitter.finish()
        self._add(Reasoning, thinking)
        self._add(Text, text)
        return [*self.collected(), Ended(self._finish_reason, len(self._choices))]

    def _identify(self, chunk: Chunk, known: Identified) -> None:
        known = Identified(
            known.id or name(chunk.id),
            known.model or name(chunk.model),
            known.object or name(chunk.object),
            known.created or count(chunk.created),
        )
        self._identity = known
        if known.id:
            self._send_identity(known)

    def _send_identity(self, known: Identified) -> None:
        if known.id or known.model:
            self._collected.append(known)
        self._identity = None

    def _take_choice(self, choice: Choice) -> None:
        if len(self._choices) < _MOST_CHOICES:
            self._choices.add(choice.index)
        if choice.index != 0:
            return
        if choice.finish_reason:
            self._note_reason(choice.finish_reason)
        # A whole message at the end of a stream repeats what its pieces said.
        if choice.delta and not (choice.is_whole and self._has_text):
            self._take_delta(choice.delta)

    def _take_delta(self, delta: Delta) -> None:
        # Both fields are filled with the same words by some gateways: one of them counts.
        if thinking := delta.reasoning_content or delta.reasoning:
            self._add(Reasoning, thinking)
        if delta.content:
            thinking, text = self._splitter.feed(delta.content)
            self._add(Reasoning, thinking)
            self._add(Text, text)

    def _add(self, kind: type[Text] | type[Reasoning], text: str) -> None:
        if not text:
            return
        if kind is not self._kind:
            self._join()
            self._kind = kind
        if len(text) > self._room:
            text, self._is_too_long = text[: self._room], True
        self._room -= len(text)
        self._parts.append(clean(text))
        self._has_text = self._has_text or kind is Text

    def _join(self) -> None:
        if self._parts:
            self._collected.append(self._kind("".join(self._parts)))
            self._parts = []

    def _note_reason(self, reason: str) -> None:
        # Gemini says "stop" in every chunk; nothing more telling is undone by it.
        if self._finish_reason is None or reason.lower() != "stop":
            self._finish_reason = name(reason)


def _named_error(data: bytes) -> CompletionError:
    """The error of an `event: error`, whatever its data looks like."""
    try:
        document = parse_json(data)
    except NotJson:
        document = data.decode("utf-8", "replace")
    return error_in_answer(document if isinstance(document, dict) else {"message": str(document)})
