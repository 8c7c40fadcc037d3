"""What the upstream is told of a conversation: parameters that survive their storage."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat.completions.request import ChatMessage, CompletionRequest, ImagePart, TextPart
from chat.domain import prompts
from chat.domain.parameters import Parameters
from chat.enums import Role
from chat.models import Conversation, Message


@given(
    st.builds(
        Parameters,
        stream=st.booleans(),
        max_tokens=st.none() | st.integers(1, 10**7),
        temperature=st.none() | st.floats(0, 2),
        top_p=st.none() | st.floats(0, 1),
        top_k=st.none() | st.integers(1, 10**6),
    )
)
@example(Parameters(temperature=0.0, top_p=0.0))
def test_parameters_come_back_as_they_were_stored(parameters: Parameters) -> None:
    stored = json.loads(json.dumps(parameters.to_json()))

    assert Parameters.from_json(stored) == parameters


def test_nothing_is_stored_of_what_was_not_set() -> None:
    assert Parameters().to_json() == {}


def test_what_a_later_version_stored_is_left_alone() -> None:
    assert Parameters.from_json({"top_k": 5, "seed": 7}) == Parameters(top_k=5)


@pytest.mark.parametrize("said", ["", "\n", " \t\n"])
def test_a_reply_without_a_word_is_no_part_of_the_history(said: str) -> None:
    path = [
        Message(role=Role.USER, text="Hello?"),
        Message(role=Role.ASSISTANT, text=said),
        Message(role=Role.USER, text=" "),
    ]

    request = prompts.build(Conversation(), model="m", path=path)

    assert [(message.role, message.content) for message in request.messages] == [
        ("user", "Hello?"),
        ("user", " "),
    ]


def test_the_text_beside_an_image_is_text_of_the_request() -> None:
    parts = (TextPart(text="What is this?"), ImagePart(url="https://example.org/heron.png"))
    messages = (
        ChatMessage(role="assistant", content="A pond.", reasoning="Hm."),
        ChatMessage(role="user", content=parts),
    )
    asked = CompletionRequest(model="m", messages=messages)

    assert [*prompts.texts(asked)] == ["Hm.", "A pond.", "What is this?"]
    assert prompts.characters(asked) == len("Hm.A pond.What is this?")
