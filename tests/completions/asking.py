"""Ask a question and put together what comes back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chat.completions.answer import Answer
from chat.completions.client import CompletionClient
from chat.completions.errors import CompletionError
from chat.completions.events import CompletionEvent
from chat.completions.request import ChatMessage, CompletionRequest
from tests.completions.streams import text_of


@dataclass
class Heard:
    events: list[CompletionEvent] = field(default_factory=list)
    reads: int = 0
    error: CompletionError | None = None

    @property
    def text(self) -> str:
        return text_of(self.events)

    @property
    def failure(self) -> CompletionError:
        assert self.error is not None, f"nothing failed: {self.text!r}"
        return self.error


def question(text: str = "Hi", *, model: str = "Gemini-3.0-pro", **more: Any) -> CompletionRequest:
    return CompletionRequest(model, (ChatMessage("user", text),), **more)


async def ask(
    client: CompletionClient, text: str = "Hi", *, into: Heard | None = None, **more: Any
) -> Heard:
    """Everything that came, and the error that ended it; only our own errors are expected."""
    heard = into or Heard()
    try:
        async with client.stream(question(text, **more)) as answer:
            async for events in answer:
                heard.events += events
                heard.reads += 1
    except CompletionError as error:
        heard.error = error
    return heard


async def read_until(answer: Answer, text: str) -> None:
    """Read on until exactly this text has come."""
    events: list[CompletionEvent] = []
    while text_of(events) != text:
        assert text.startswith(text_of(events))
        events += await anext(answer)


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so, at most five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what happens elsewhere sets no event here
            await asyncio.sleep(0.005)
