"""Streams as bytes, put together the way upstreams put them together."""

import json
from typing import Any

from chat.completions.decoding import StreamDecoder
from chat.completions.events import (
    CompletionEvent,
    Ended,
    Identified,
    Reasoning,
    Text,
    Usage,
)
from tests.upstream.scripts import SEED

DONE = b"data: [DONE]\n\n"


def event(document: Any) -> bytes:
    return b"data: " + json.dumps(document, ensure_ascii=False).encode() + b"\n\n"


def chunk(delta: Any = None, *, finish: Any = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"id": "c-1", "model": "m", "created": 1, "choices": [choice], **more})


def says(text: Any, **more: Any) -> bytes:
    return chunk({"content": text}, **more)


def usage(**figures: Any) -> bytes:
    return event({"id": "c-1", "model": "m", "choices": [], "usage": figures})


def decode(*parts: bytes) -> list[CompletionEvent]:
    """Everything the parts, one read each, come to. Raises what the stream says."""
    decoder = StreamDecoder()
    events: list[CompletionEvent] = []
    for part in parts:
        events += decoder.feed(part)
        if decoder.failure:
            raise decoder.failure
    events += decoder.finish()
    if decoder.failure:
        raise decoder.failure
    return events


def text_of(events: list[CompletionEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def reasoning_of(events: list[CompletionEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Reasoning))


def usage_of(events: list[CompletionEvent]) -> Usage | None:
    """The last figures: they replace one another."""
    found = [event for event in events if isinstance(event, Usage)]
    return found[-1] if found else None


def identity_of(events: list[CompletionEvent]) -> Identified | None:
    found = [event for event in events if isinstance(event, Identified)]
    assert len(found) <= 1
    return found[0] if found else None


def end_of(events: list[CompletionEvent]) -> Ended:
    assert [event for event in events if isinstance(event, Ended)] == events[-1:]
    assert isinstance(events[-1], Ended)
    return events[-1]


def seed_text() -> str:
    text: str = SEED["choices"][0]["message"]["content"]
    return text


def seed_stream(size: int = 40) -> bytes:
    """The seed's answer as a stream, in the order in which New API sends Gemini's."""
    identity = {"id": SEED["id"], "model": SEED["model"], "created": SEED["created"]}
    identity["object"] = "chat.completion.chunk"
    text = seed_text()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return b"".join(
        [
            chunk({"role": "assistant", "content": ""}, usage=None, **identity),
            b": PING\n\n",
            chunk({"reasoning_content": "Hm.", "reasoning": "Hm."}, usage=None, **identity),
            *[says(piece, usage=None, **identity) for piece in pieces],
            chunk({}, finish="stop", usage=None, **identity),
            event({**identity, "choices": [], "usage": SEED["usage"]}),
            DONE,
        ]
    )
