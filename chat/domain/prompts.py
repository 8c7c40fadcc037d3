"""A conversation's history as the request that the upstream gets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, Protocol

from chat.completions.families import family_of
from chat.completions.request import ChatMessage, CompletionRequest, TextPart
from chat.domain import seam
from chat.domain.parameters import Parameters
from chat.enums import Role
from chat.models import Conversation, Message
from chat.queries import thread

# Models that may not be given the beginning of their answer are asked for the rest of it. The end
# is repeated, so that it can be seen where the rest begins: `domain.seam` takes that out again.
GO_ON = (
    "Your answer was cut off. Go on exactly where it ends, in the same language, form and tone, "
    "without any introduction. Begin by repeating its last characters, which are:\n\n{end}"
)


class Said(Protocol):
    """One message of a conversation."""

    @property
    def role(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def reasoning(self) -> str: ...


def request_for(
    reply: Message, *, model: str, begun: str = "", thought: str = ""
) -> CompletionRequest:
    """What this model is asked for a reply, or for the rest of one that begins so. One query."""
    path = thread.words_to(reply.conversation_id, reply.parent_id)
    return build(reply.conversation, model=model, path=path, begun=begun, thought=thought)


def build(
    conversation: Conversation,
    *,
    model: str,
    path: Iterable[Said],
    begun: str = "",
    thought: str = "",
) -> CompletionRequest:
    """The request for a reply to the last message of `path`, which must be a prompt. The model need
    not be the conversation's own.

    With `begun` it is for the rest of a reply that begins so; the last message is a person's all
    the same, because upstreams refuse others. Replies without text (failed ones, mostly) are left
    out: they are no answer to go on from.
    """
    with_thinking = family_of(model).returns_thinking
    messages = [
        ChatMessage(
            role=_role(message),
            content=message.text,
            reasoning=message.reasoning if with_thinking else "",
        )
        for message in path
        if message.role == Role.USER or message.text.strip()
    ]
    if begun:
        messages += [
            ChatMessage(
                role="assistant", content=begun, reasoning=thought if with_thinking else ""
            ),
            ChatMessage(role="user", content=GO_ON.format(end=seam.end_of(begun))),
        ]
    if conversation.system_prompt:
        messages.insert(0, ChatMessage(role="system", content=conversation.system_prompt))
    parameters = Parameters.from_json(conversation.parameters)
    return CompletionRequest(
        model=model,
        messages=tuple(messages),
        stream=parameters.stream,
        max_tokens=parameters.max_tokens,
        temperature=parameters.temperature,
        top_p=parameters.top_p,
        top_k=parameters.top_k,
    )


def _role(message: Said) -> Literal["user", "assistant"]:
    return "user" if message.role == Role.USER else "assistant"


def characters(request: CompletionRequest) -> int:
    """The text of a request, as a measure for estimates."""
    return sum(map(len, texts(request)))


def texts(request: CompletionRequest) -> Iterator[str]:
    """Everything in the request that somebody or a model wrote."""
    for message in request.messages:
        if message.reasoning:
            yield message.reasoning
        if isinstance(message.content, str):
            yield message.content
        else:
            yield from (part.text for part in message.content if isinstance(part, TextPart))
