"""One JSON payload of a stream, or a whole answer, reduced to what the rest needs to know.

The ordinary chunk is read by msgspec straight into structs. Their fields that no ordinary chunk
fills are typed None, so that anything unusual fails there and is read again without expectations.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from chat.completions.cleaning import name, storable
from chat.completions.complaints import says_error
from chat.completions.error_bodies import error_in_answer
from chat.completions.errors import AnswerUnusable, CompletionError
from chat.completions.events import Usage
from chat.completions.lenient_json import parse_json, unwrapped

LARGEST_COUNT = 2**53
MOST_CHOICES = 128

_TEXT_KINDS = (None, "", "text", "output_text", "refusal")
_THINKING_KIND = re.compile("think|reason|thought", re.IGNORECASE)
_SUMS = ("prompt_tokens", "completion_tokens", "total_tokens")


class Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: None = None
    thinking: None = None
    refusal: None = None


class Choice(msgspec.Struct):
    index: int | None = None
    delta: Delta | None = None
    finish_reason: str | None = None
    is_whole: bool = False  # carries a whole message, as plain answers do, not a piece
    message: None = None
    text: None = None
    error: None = None


class Chunk(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    object: str | None = None
    created: int | float | None = None
    choices: list[Choice] | None = None
    usage: dict[str, Any] | None = None
    error: None = None
    message: None = None
    detail: None = None
    base_resp: None = None


@dataclass(frozen=True, slots=True)
class FailedChunk:
    """A chunk with an error in it, which may still name the answer and count its tokens."""

    chunk: Chunk
    error: CompletionError


_ordinary = msgspec.json.Decoder(Chunk)


def read_chunk(payload: bytes) -> Chunk | FailedChunk | None:
    """What the payload says; None when it is JSON that says nothing. Raises `NotJson`."""
    try:
        chunk = _ordinary.decode(payload)
    except (ValueError, RecursionError):
        return _read_unusual(payload)
    return _with_few_choices(chunk) if chunk.object != "error" else _read_unusual(payload)


def counts_anything(usage: dict[str, Any]) -> bool:
    """Usage whose sums are all zero or absent is no usage, which is not the same as zero."""
    return any(count(usage.get(sum_)) for sum_ in _SUMS)


def read_usage(raw: dict[str, Any]) -> Usage:
    """The upstream's figures, without those that cannot be."""
    prompt_details = _object(raw.get("prompt_tokens_details"))
    completion_details = _object(raw.get("completion_tokens_details"))
    return Usage(
        prompt_tokens=count(raw.get("prompt_tokens")),
        completion_tokens=count(raw.get("completion_tokens")),
        total_tokens=count(raw.get("total_tokens")),
        cached_tokens=_first_count(
            prompt_details.get("cached_tokens"), raw.get("prompt_cache_hit_tokens")
        ),
        prompt_text_tokens=count(prompt_details.get("text_tokens")),
        prompt_audio_tokens=count(prompt_details.get("audio_tokens")),
        prompt_image_tokens=count(prompt_details.get("image_tokens")),
        completion_text_tokens=count(completion_details.get("text_tokens")),
        completion_audio_tokens=count(completion_details.get("audio_tokens")),
        reasoning_tokens=count(completion_details.get("reasoning_tokens")),
        input_tokens=count(raw.get("input_tokens")),
        output_tokens=count(raw.get("output_tokens")),
        raw=storable(raw),
    )


def count(value: object) -> int | None:
    """A number of tokens; None for what cannot be one, such as -1, 1.5, "3" or true."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT:
        return value
    return None


def moment(value: object) -> int | None:
    """A Unix time in whole seconds."""
    if isinstance(value, float) and math.isfinite(value):
        value = int(value)
    return count(value)


def _first_count(*values: object) -> int | None:
    counts = [number for value in values if (number := count(value)) is not None]
    return counts[0] if counts else None


def _with_few_choices(chunk: Chunk) -> Chunk | FailedChunk:
    if len(chunk.choices or ()) <= MOST_CHOICES:
        return chunk
    # Each takes a while, and the event loop has others to serve.
    return FailedChunk(Chunk(), AnswerUnusable("too many choices in a chunk", http_status=200))


def _read_unusual(payload: bytes) -> Chunk | FailedChunk | None:
    document = unwrapped(parse_json(payload))
    if not isinstance(document, dict):
        return None
    choices = [_object(choice) for choice in _list(document.get("choices"))[: MOST_CHOICES + 1]]
    chunk = Chunk(
        id=name(document.get("id")),
        model=name(document.get("model")),
        object=name(document.get("object")),
        created=moment(document.get("created")),
        choices=[_choice(choice) for choice in choices],
        usage=_object(document.get("usage")) or None,
    )
    if error := _error_in(document, choices):
        return FailedChunk(chunk, error)
    return _with_few_choices(chunk)


def _error_in(document: dict[str, Any], choices: list[dict[str, Any]]) -> CompletionError | None:
    if says_error(document):
        return error_in_answer(document)
    failed = next((choice for choice in choices if choice.get("error")), None)
    return error_in_answer(failed) if failed else None


def _choice(choice: dict[str, Any]) -> Choice:
    index = choice.get("index")
    piece, message = choice.get("delta"), choice.get("message")
    is_whole = not isinstance(piece, dict) and isinstance(message, dict)
    said = _object(message if is_whole else piece)
    return Choice(
        index=index if isinstance(index, int) else None,
        delta=Delta(
            content=_text(said.get("content"))
            or _text(choice.get("text"))
            or _text(said.get("refusal")),
            reasoning=_reasoning(said),
        ),
        finish_reason=name(choice.get("finish_reason")),
        is_whole=is_whole,
    )


def _text(content: object) -> str:
    return "".join(text for kind, text in _parts(content) if kind != "thinking")


def _reasoning(said: dict[str, Any]) -> str:
    """Gateways fill several fields with the same thinking: the first that has any counts."""
    fields = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
    for field in fields:
        if thinking := "".join(text for _, text in _parts(said.get(field))):
            return thinking
    return "".join(text for kind, text in _parts(said.get("content")) if kind == "thinking")


def _parts(content: object) -> Iterator[tuple[str, str]]:
    """The texts in a string, a part or a list of parts. Parts of unknown kinds are left out."""
    if isinstance(content, str):
        yield "text", content
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str) and isinstance(content, list):
            yield "text", part
        elif isinstance(part, dict):
            yield from _texts_of_part(part)


def _texts_of_part(part: dict[str, Any]) -> Iterator[tuple[str, str]]:
    kind = _kind(part)
    if kind is None:
        return
    for field in ("text", "thinking", "reasoning", "summary", "content", "refusal"):
        value = part.get(field)
        if isinstance(value, str):
            yield kind, value
            return
        if isinstance(value, list):
            for item in value:
                if isinstance(text := _object(item).get("text"), str):
                    yield kind, text
            return


def _kind(part: dict[str, Any]) -> str | None:
    """None for what is neither text nor thinking, such as a reference, though it may have text."""
    kind = part.get("type")
    if part.get("thought") is True or (isinstance(kind, str) and _THINKING_KIND.search(kind)):
        return "thinking"
    return "text" if kind in _TEXT_KINDS else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
