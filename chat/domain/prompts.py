"""A conversation's history as the request that the upstream gets."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, Protocol

from chat.completions.families import family_of
from chat.completions.request import ChatMessage, CompletionRequest, ImageFile, Part, TextPart
from chat.domain import attachments, seam
from chat.domain.parameters import Parameters
from chat.enums import Role
from chat.models import Attachment, Conversation, Message
from chat.queries import thread

# Models that may not be given the beginning of their answer are asked for the rest of it. The end
# is repeated, so that it can be seen where the rest begins: `domain.seam` takes that out again.
GO_ON = (
    "Your answer was cut off. Go on exactly where it ends, in the same language, form and tone, "
    "without any introduction. Begin by repeating its last characters, which are:\n\n{end}"
)

# Instead of a message of pictures alone, where they do not go with the request: upstreams refuse
# an empty one.
WITHOUT_PICTURES = "(Pictures, which are not shown to you.)"

# Pictures of one request, and their bytes: those that came last.
MOST_PICTURES = 16
MOST_BYTES = 20 * 1024 * 1024

Pictures = Mapping[int, Sequence[Attachment]]


class Said(Protocol):
    """One message of a conversation."""

    @property
    def pk(self) -> int: ...
    @property
    def role(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def reasoning(self) -> str: ...


def request_for(
    reply: Message, *, model: str, begun: str = "", thought: str = ""
) -> CompletionRequest:
    """What this model is asked for a reply, or for the rest of one that begins so. One query, and
    one more where there are pictures."""
    path = thread.words_to(reply.conversation_id, reply.parent_id, since=reply.history_from)
    pictures = thread.pictures_of(message.pk for message in path if message.pictures)
    return build(
        reply.conversation,
        model=model,
        path=path,
        pictures=sent(pictures, model=model),
        begun=begun,
        thought=thought,
        parameters=parameters_of(reply),
    )


def parameters_of(reply: Message) -> Parameters:
    """Its own if it has some, else those of the conversation."""
    return Parameters.from_json(reply.asked_parameters)


def sent(pictures: Pictures, *, model: str) -> Pictures:
    """Those of a branch that go with a request: none to a model that takes none, and else the
    newest, as many as one request may have."""
    if attachments.takes_pictures(model) is False:
        return {}
    chosen: dict[int, Sequence[Attachment]] = {}
    number = size = 0
    for key in sorted(pictures, reverse=True):
        fitting: list[Attachment] = []
        for picture in reversed(pictures[key]):
            number, size = number + 1, size + picture.size
            if number > MOST_PICTURES or size > MOST_BYTES:
                return chosen | {key: fitting}
            fitting.insert(0, picture)
        chosen[key] = fitting
    return chosen


def build(
    conversation: Conversation,
    *,
    model: str,
    path: Iterable[Said],
    pictures: Pictures | None = None,
    begun: str = "",
    thought: str = "",
    parameters: Parameters | None = None,
) -> CompletionRequest:
    """The request for a reply to the last message of `path`, which must be a prompt. Neither the
    model nor the parameters need be the conversation's own.

    With `begun` it is for the rest of a reply that begins so; the last message is a person's all
    the same, because upstreams refuse others. Replies without text (failed ones, mostly) are left
    out: they are no answer to go on from.
    """
    with_thinking = family_of(model).returns_thinking
    messages = [
        ChatMessage(
            role=_role(message),
            content=_content(message.text, pictures.get(message.pk) if pictures else None),
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
    parameters = parameters or Parameters.from_json(conversation.parameters)
    return CompletionRequest(
        model=model,
        messages=tuple(messages),
        stream=parameters.stream,
        max_tokens=parameters.max_tokens,
        temperature=parameters.temperature,
        top_p=parameters.top_p,
        top_k=parameters.top_k,
    )


def within(limit: int | None, request: CompletionRequest) -> CompletionRequest:
    """A hard budget holds so many tokens of output for it, and no more may come."""
    limits = [each for each in (limit, request.max_tokens) if each is not None]
    return dataclasses.replace(request, max_tokens=min(limits, default=None))


def _content(text: str, pictures: Sequence[Attachment] | None) -> str | tuple[Part, ...]:
    if not pictures:
        return text or WITHOUT_PICTURES
    files = tuple(ImageFile(each.sha256, each.content_type, each.size) for each in pictures)
    return (TextPart(text), *files) if text else files


def _role(message: Said) -> Literal["user", "assistant"]:
    return "user" if message.role == Role.USER else "assistant"


def characters(request: CompletionRequest) -> int:
    """The text of a request, as a measure for estimates."""
    return sum(map(len, texts(request)))


def picture_tokens(request: CompletionRequest) -> int:
    """What its pictures may count for, at the most."""
    return len(request.files) * family_of(request.model).image_tokens


def texts(request: CompletionRequest) -> Iterator[str]:
    """Everything in the request that somebody or a model wrote."""
    for message in request.messages:
        if message.reasoning:
            yield message.reasoning
        if isinstance(message.content, str):
            yield message.content
        else:
            yield from (part.text for part in message.content if isinstance(part, TextPart))
