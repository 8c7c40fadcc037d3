import json
from typing import Any

import pytest

from chat.completions.families import FAMILIES, PLAIN, family_of
from chat.completions.request import (
    ChatMessage,
    CompletionRequest,
    ImageFile,
    ImagePart,
    TextPart,
    encode,
)

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def request(
    model: str = "Gemini-3.0-pro", text: str = "Hi", **parameters: Any
) -> CompletionRequest:
    return CompletionRequest(model, (ChatMessage("user", text),), **parameters)


def body(request: CompletionRequest, *, include_usage: bool = True) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(encode(request, include_usage=include_usage))
    return document


def content(*parts: TextPart | ImagePart, model: str = "Gemini-3.0-pro") -> Any:
    asked = CompletionRequest(model, (ChatMessage("user", parts),))
    return body(asked)["messages"][0]["content"]


def test_the_documented_request_is_what_is_sent() -> None:
    assert body(request(text="Please introduce yourself", stream=False)) == {
        "model": "Gemini-3.0-pro",
        "messages": [{"role": "user", "content": "Please introduce yourself"}],
        "stream": False,
    }


def test_every_documented_parameter_is_sent_when_it_is_set() -> None:
    asked = request(max_tokens=2000, temperature=0.7, top_p=0.9, top_k=40)

    sent = body(asked)

    assert (
        sent.items()
        >= {
            "max_tokens": 2000,
            "temperature": 0.7,
            "top_p": 0.9,
            "top_k": 40,
            "stream": True,
            "stream_options": {"include_usage": True},
        }.items()
    )


def test_usage_is_asked_for_only_where_it_is_wanted_and_streamed() -> None:
    assert "stream_options" not in body(request(), include_usage=False)
    assert "stream_options" not in body(request(stream=False))


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Gemini-3.0-pro", "gemini"),
        ("gemini-3-pro-preview", "gemini"),
        ("gemini-2.5-flash", "gemini-2"),
        ("gpt-5.6-sol", "gpt-5.6"),
        ("gpt-5.4-mini", "gpt-5.4"),
        ("gpt-5.2", "gpt-5"),
        ("gpt-4.1", "gpt"),
        ("evolink/auto", "auto"),
        ("deepseek-v4-pro", "deepseek"),
        ("deepseek-v4-flash-vision-exp", "deepseek-vision"),
        ("kimi-k3", "kimi"),
        ("glm-5.2", "glm"),
        ("MiniMax-M3", "minimax"),
        ("MiniMax-M2.5", "minimax-m2.5"),
        ("qwen3.8-max", "qwen"),
        ("doubao-seed-2.0-pro", "doubao"),
        ("grok-4.6", "grok"),
        ("claude-sonnet-5", "claude"),
        ("SmolLM2-135M-Instruct", "smollm"),
        ("", "plain"),
    ],
)
def test_a_model_belongs_to_one_family(model: str, name: str) -> None:
    assert family_of(model).name == name


def test_every_family_is_reached_by_some_model_and_named_once() -> None:
    names = [family.name for family in (*FAMILIES, PLAIN)]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-5.6-sol", {"max_completion_tokens": 100}),
        ("gpt-5.2", {"max_completion_tokens": 100, "temperature": 1.5, "top_p": 0.0}),
        ("kimi-k3", {"max_completion_tokens": 100, "temperature": 1.5, "top_p": 0.0, "top_k": 4}),
        ("glm-5.2", {"max_tokens": 100, "temperature": 1.0, "top_p": 0.01, "top_k": 4}),
        ("unheard-of", {"max_tokens": 100, "temperature": 1.5, "top_p": 0.0, "top_k": 4}),
    ],
)
def test_each_family_is_asked_in_its_own_words(model: str, expected: dict[str, float]) -> None:
    sent = body(request(model, max_tokens=100, temperature=1.5, top_p=0.0, top_k=4))

    for key in ("model", "messages", "stream", "stream_options"):
        del sent[key]
    assert sent == expected


def test_a_temperature_is_as_precise_as_the_family_takes_it() -> None:
    assert body(request("glm-5.2", temperature=0.756))["temperature"] == 0.76
    assert body(request("unheard-of", temperature=0.756))["temperature"] == 0.756


def test_thinking_goes_back_with_the_answer_that_it_led_to() -> None:
    answer = ChatMessage("assistant", "Yes.", reasoning="Hm.\ud800")
    asked = CompletionRequest("m", (ChatMessage("user", "Is it?"), answer, ChatMessage("user", "")))

    sent = json.loads(encode(asked, include_usage=True))["messages"]

    assert sent[1] == {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm.\ufffd"}
    assert "reasoning_content" not in sent[0]


def test_a_limit_beyond_what_the_model_can_write_is_lowered() -> None:
    assert body(request("gemini-3-pro-preview", max_tokens=10**6))["max_tokens"] == 65_536


def test_images_go_along_as_parts() -> None:
    assert content(TextPart("What is this?"), ImagePart(PIXEL)) == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
    ]


def test_a_single_text_is_a_string_and_some_models_take_nothing_else() -> None:
    assert content(TextPart("one")) == "one"
    assert content(TextPart("one"), TextPart("two"), model="evolink/auto") == "one\n\ntwo"
    assert len(content(TextPart("one"), TextPart("two"))) == 2


def test_an_image_is_read_before_it_is_sent() -> None:
    named = ImageFile("abc", "image/png", size=1)
    messages = (ChatMessage("user", "First"), ChatMessage("user", (TextPart("What?"), named)))
    request = CompletionRequest(model="m", messages=messages)

    whole = request.with_files(lambda _file: ImagePart(PIXEL))

    assert (request.files, whole.files) == ((named,), ())
    assert whole.messages[0].content == "First"
    assert whole.messages[1].content == (TextPart("What?"), ImagePart(PIXEL))
    with pytest.raises(TypeError, match="not read"):
        encode(request, include_usage=False)


@pytest.mark.parametrize("url", [PIXEL, "https://example.org/cat.png", "http://localhost/a.webp"])
def test_an_image_has_an_address_or_is_the_address(url: str) -> None:
    assert ImagePart(url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cat.png",
        "file:///etc/passwd",
        "ftp://example.org/cat.png",
        "javascript:alert(1)",
        "data:text/html;base64,aGk=",
        "data:image/png;base64,<>",
        "https://",
        "https:///cat.png",
        "https://example.org/a b",
    ],
)
def test_anything_else_is_no_image(url: str) -> None:
    with pytest.raises(ValueError, match="an image needs"):
        ImagePart(url)


def test_a_request_ends_with_the_users_turn() -> None:
    user, assistant = ChatMessage("user", "Hi"), ChatMessage("assistant", "Hello")

    assert CompletionRequest("m", (user, assistant, user))
    with pytest.raises(ValueError, match="last message"):
        CompletionRequest("m", (user, assistant))
    with pytest.raises(ValueError, match="at least one"):
        CompletionRequest("m", ())


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("see ![cat](data:image/png;base64,AAAA) there", "see ![cat](image) there"),
        ("![](data:x)![b](DATA:y)", "![](image)![b](image)"),
        ("![a[1]](data:image/png;base64,AAAA) tail", "![a[1]](image) tail"),
        (f"![{'a' * 300}](data:x) tail", f"![{'a' * 300}](image) tail"),
        (
            "![cat](https://e/c.png) and [file](data:text/plain,hi) tail",
            "![cat](https://e/c.png) and [file](image) tail",
        ),
        ("arr![0] or [x](data:,y) tail", "arr![0] or [x](image) tail"),
        ('![a](data:x "a (b) c") tail', '![a](image) c") tail'),
        ("[x](data:,y) and ![z](data:,y", "[x](data:,y) and ![z](data:,y"),
        ("![cat](https://example.org/cat.png)", "![cat](https://example.org/cat.png)"),
        ("[a link](data:x)", "[a link](data:x)"),
        ("a lone \ud800 and a \0", "a lone \ufffd and a \ufffd"),
    ],
)
def test_text_that_the_gateway_would_misread_is_defused(text: str, sent: str) -> None:
    assert body(request(text=text))["messages"][0]["content"] == sent


def test_defusing_takes_no_longer_for_text_that_is_made_to_take_long() -> None:
    for text in ("![" * 200_000 + "](", "![](data:" * 100_000, "![" + "[" * 300_000 + "]("):
        assert body(request(text=text))["messages"][0]["content"] == text
    closed = body(request(text="![](data:" * 100_000 + ")"))["messages"][0]["content"]
    assert closed == "![](image)"


def test_no_prompt_shows_in_a_repr() -> None:
    asked = CompletionRequest(
        "m", (ChatMessage("user", (TextPart("my secret"), ImagePart(PIXEL))),)
    )

    assert "secret" not in repr(asked) + repr(asked.messages) + repr(asked.messages[0].content)
    assert "secret" not in repr(ChatMessage("assistant", "", reasoning="my secret"))
    assert "base64" not in repr(asked.messages[0].content)
