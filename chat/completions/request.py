"""What is asked of a model, and the JSON body that asks it in the words of the model's family."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from chat.completions.cleaning import clean
from chat.completions.families import Family, family_of

_IMAGE_URL = re.compile(r"https?://[^\s/]\S*|data:image/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=]+", re.I)
_DATA_LINK = re.compile(r"\]\(\s{0,9}data:[^)]*\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image by its address, http(s) or `data:image/…;base64,…`."""

    url: str = field(repr=False)

    def __post_init__(self) -> None:
        if not _IMAGE_URL.fullmatch(self.url):
            raise ValueError("an image needs an http(s) address or a base64 data URL")


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image that is read when the request is sent: until then it is only named."""

    name: str
    content_type: str
    size: int


Part = TextPart | ImagePart | ImageFile


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Literal["system", "user", "assistant"]
    content: str | tuple[Part, ...] = field(repr=False)
    # What the model thought before it said this, for families that want it back.
    reasoning: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One request. Parameters that nobody set are not sent: the upstream's defaults hold."""

    model: str
    messages: tuple[ChatMessage, ...] = field(repr=False)
    stream: bool = True
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None

    @property
    def files(self) -> tuple[ImageFile, ...]:
        """The images that have yet to be read."""
        return tuple(
            part
            for message in self.messages
            if not isinstance(message.content, str)
            for part in message.content
            if isinstance(part, ImageFile)
        )

    def with_files(self, read: Callable[[ImageFile], Part]) -> CompletionRequest:
        """The same with its images read. A request of some size: off the event loop."""
        messages = (
            message
            if isinstance(message.content, str)
            else replace(
                message,
                content=tuple(
                    read(part) if isinstance(part, ImageFile) else part for part in message.content
                ),
            )
            for message in self.messages
        )
        return replace(self, messages=tuple(messages))

    def __post_init__(self) -> None:
        if not self.messages:
            raise ValueError("a request needs at least one message")
        if self.messages[-1].role != "user":
            raise ValueError("the last message must be the user's: answers are not continued")


def encode(request: CompletionRequest, *, include_usage: bool) -> bytes:
    """The body. Whether the model takes images is known to whoever puts them in."""
    family = family_of(request.model)
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message, family) for message in request.messages],
        "stream": request.stream,
    }
    # Asked even of families that do not list it: without it no figure is exact, and one that
    # refuses costs a single retry, which is remembered.
    if request.stream and include_usage:
        body["stream_options"] = {"include_usage": True}
    return msgspec.json.encode(body | _parameters(request, family))


def _parameters(request: CompletionRequest, family: Family) -> dict[str, float]:
    parameters: dict[str, float | None] = {
        family.limit_field: _at_most(request.max_tokens, family.max_output),
        "temperature": _temperature(request.temperature, family),
        "top_p": _within(request.top_p, family.top_p),
        "top_k": request.top_k,
    }
    return {
        key: value
        for key, value in parameters.items()
        if value is not None and key not in family.refused
    }


def _at_most(value: int | None, most: int | None) -> int | None:
    return value if value is None or most is None else min(value, most)


def _within(value: float | None, limits: tuple[float, float]) -> float | None:
    low, high = limits
    return None if value is None else min(max(value, low), high)


def _temperature(value: float | None, family: Family) -> float | None:
    value, decimals = _within(value, family.temperature), family.temperature_decimals
    return value if value is None or decimals is None else round(value, decimals)


def _message(message: ChatMessage, family: Family) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": _content(message.content, family)}
    if message.reasoning:
        said["reasoning_content"] = clean(message.reasoning)
    return said


def _content(content: str | tuple[Part, ...], family: Family) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return _text(content)
    texts = [_text(part.text) for part in content if isinstance(part, TextPart)]
    if len(texts) == len(content) and (family.only_text or len(texts) == 1):
        return "\n\n".join(texts)
    return [_part(part) for part in content]


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": _text(part.text)}
    if isinstance(part, ImageFile):
        raise TypeError("an image that was not read")
    return {"type": "image_url", "image_url": {"url": part.url}}


def _text(text: str) -> str:
    """Text in which New API finds no image: after `![` it takes anything from `](data:` to `)` for
    one, and loses the text behind the last."""
    begin, end = text.find("!["), text.rfind(")") + 1
    if 0 <= begin < end:
        text = text[:begin] + _DATA_LINK.sub("](image)", text[begin:end]) + text[end:]
    return clean(text)
