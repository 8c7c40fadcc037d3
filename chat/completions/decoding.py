"""Bytes of an answer in, events out. Never raises anything but the tree of errors."""

from typing import Any

from chat.completions.cleaning import clean, name
from chat.completions.error_bodies import error_in_answer
from chat.completions.errors import AnswerBroken, AnswerUnusable, CompletionError
from chat.completions.events import (
    CompletionEvent,
    Ended,
    Identified,
    Reasoning,
    Text,
)
from chat.completions.lenient_json import NotJson, parse_json
from chat.completions.payloads import (
    MOST_CHOICES,
    Choice,
    Chunk,
    Delta,
    FailedChunk,
    counts_anything,
    moment,
    read_chunk,
    read_usage,
)
from chat.completions.sse import DONE, EventStreamDecoder, ServerEvent
from chat.completions.thinking import ThinkingSplitter
from chat.completions.verdict import weight

LONGEST_TEXT = 4 * 1024 * 1024


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
        self._unreadable = 0  # pieces of payload that are no JSON

    @property
    def pending(self) -> int:
        """Bytes of an event whose end has not come yet."""
        return self._events.pending

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
        unreadable = self._unreadable
        events = self._take(self._events.finish())
        if self.failure or self.ended:
            return events
        is_torn = self._unreadable > unreadable or self._events.stray_lines > 0
        if not self._understood and (self._unreadable or is_torn):
            self.failure = AnswerUnusable("no part of the stream is readable", http_status=200)
        elif is_torn:
            self.failure = AnswerBroken("the stream ends within an event", http_status=200)
        else:
            self._end()
        return events + self._answer.collected()

    def _end(self) -> None:
        self.ended = True
        self._answer.end()

    def _raise_failure(self) -> None:
        if self.failure:
            raise self.failure

    def _take(self, events: list[ServerEvent]) -> list[CompletionEvent]:
        for event in events:
            if self.ended or self.failure:
                break
            self._take_event(event)
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
                if not (self.failure or self.ended):
                    self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        try:
            self._take_payload(line)
        except NotJson:
            self._unreadable += not line.startswith(b":")

    def _take_payload(self, payload: bytes) -> None:
        if payload in DONE:
            self._end()
            return
        match read_chunk(payload):
            case Chunk() as chunk:
                self._understood = True
                self.failure = self._answer.take(chunk)
            case FailedChunk(chunk, error):
                self._answer.take(chunk)
                self.failure = error


def decode_answer(body: bytes, *, longest_text: int = LONGEST_TEXT) -> list[CompletionEvent]:
    """The events of a plain JSON answer. Raises what the answer says when it is an error."""
    try:
        chunk = read_chunk(body.removeprefix(b"\xef\xbb\xbf"))
    except NotJson:
        raise AnswerUnusable("the answer is not JSON", http_status=200) from None
    if isinstance(chunk, FailedChunk):
        raise chunk.error
    if chunk is None or not (chunk.choices or chunk.id or chunk.usage):
        raise AnswerUnusable("the JSON is no chat completion", http_status=200)
    answer = _Assembler(longest_text)
    if failure := answer.take(chunk):
        raise failure
    answer.end()
    return answer.collected()


class _Assembler:
    """Puts together what chunks say: joins neighbours, keeps the last usage and reason."""

    def __init__(self, longest_text: int) -> None:
        self._room = longest_text
        self._is_too_long = False
        self._splitter = ThinkingSplitter()
        self._identity = Identified(None, None, None, None)
        self._usage: dict[str, Any] | None = None
        self._finish_reason: str | None = None
        self._shown: int | None = None  # the index of the choice that is
        self._choices: set[int] = set()
        self._has_text = False
        self._collected: list[CompletionEvent] = []
        self._kind: type[Text] | type[Reasoning] = Text
        self._parts: list[str] = []

    def take(self, chunk: Chunk) -> CompletionError | None:
        if not (self._identity.id and self._identity.model):
            self._identify(chunk)
        if chunk.usage and counts_anything(chunk.usage):
            self._usage = chunk.usage
        if chunk.choices:
            self._take_choices(chunk.choices)
        if self._is_too_long:
            return AnswerUnusable("the answer is too long", code="too_long", http_status=200)
        return None

    def collected(self) -> list[CompletionEvent]:
        """Everything since the last call."""
        self._collect()
        events, self._collected = self._collected, []
        return events

    def end(self) -> None:
        thinking, text = self._splitter.finish()
        self._add(Reasoning, thinking)
        self._add(Text, text)
        self._collect()
        self._collected.append(Ended(self._finish_reason, len(self._choices)))

    def _identify(self, chunk: Chunk) -> None:
        known = self._identity
        self._identity = Identified(
            known.id or name(chunk.id),
            known.model or name(chunk.model),
            known.object or name(chunk.object),
            known.created or moment(chunk.created),
        )
        if (self._identity.id or self._identity.model) and self._identity != known:
            self._collected.append(self._identity)

    def _take_choices(self, choices: list[Choice]) -> None:
        indexes = [
            position if choice.index is None else choice.index
            for position, choice in enumerate(choices)
        ]
        if self._shown is None:
            self._shown = min(indexes)
        for index, choice in zip(indexes, choices, strict=True):
            if len(self._choices) < MOST_CHOICES:
                self._choices.add(index)
            if index == self._shown:
                self._take_choice(choice)

    def _take_choice(self, choice: Choice) -> None:
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

    def _collect(self) -> None:
        self._join()
        if self._usage:
            self._collected.append(read_usage(self._usage))
            self._usage = None

    def _join(self) -> None:
        if self._parts:
            self._collected.append(self._kind("".join(self._parts)))
            self._parts = []

    def _note_reason(self, reason: str) -> None:
        # Gemini says "stop" in every chunk; nothing more telling is undone by it.
        if self._finish_reason is None or weight(reason) >= weight(self._finish_reason):
            self._finish_reason = name(reason)


def _named_error(data: bytes) -> CompletionError:
    """The error of an `event: error`, whatever its data looks like."""
    try:
        document = parse_json(data)
    except NotJson:
        document = data.decode("utf-8", "replace")
    return error_in_answer(document if isinstance(document, dict) else {"message": str(document)})
