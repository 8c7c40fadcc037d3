"""What the test upstream can be told to do, as JSON. A misspelled field is refused."""

import json
from pathlib import Path
from typing import Any, Literal

import msgspec

SEED = json.loads((Path(__file__).parent / "seed.json").read_text())
SEED_PROMPT = "Please introduce yourself"

HELLO = ("Hello", " from", " the", " test", " upstream", ".")


class Piece(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One step of an answer. A bare string in `Script.pieces` is a piece of text."""

    text: str | None = None
    reasoning: str | None = None
    tokens: int = 1  # what a text or reasoning piece costs
    raw: str | None = None  # base64, written as it is
    comment: str | None = None
    chunk: dict[str, Any] | None = None  # any JSON object as one `data:` event
    delta: dict[str, Any] | None = None  # the same, as the delta of choice 0
    usage: dict[str, Any] | None = None  # a chunk without choices and with this usage
    error: Any = None  # {"error": …} as one event
    finish: str | None = None  # a chunk with this finish_reason
    event: str | None = None  # names the event that `chunk` or `error` makes
    headers: bool = False  # sends the status line now
    wait: float = 0.0
    hold: bool = False  # until released
    hang: bool = False  # for ever
    die: Literal["reset", "close"] | None = None


class Script(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The answer to one request, or to `times` of them; 0 is to all."""

    match: str | None = None  # only if the last user message contains it
    stream: bool | None = None  # only if the request asks for a stream, or does not
    times: int = 1

    status: int = 200
    headers: dict[str, str] = {}
    body: str | None = None  # answered as it is, instead of pieces
    body_base64: str | None = None
    raw_http: str | None = None  # base64, written instead of any HTTP; then the end

    pieces: list[Piece | str] = []
    id: str | None = None
    model: str | None = None  # the model that says it answered; the one asked for if None
    created: int | None = None  # Unix seconds; now if None
    role_chunk: bool = True
    as_json: bool = False  # a plain JSON answer although a stream was asked for
    delay: float = 0.0  # seconds before each piece, or between the cuts of `raw_http`
    hold_after: int | None = None  # pieces; every step after them waits to be released
    cut: int | None = None  # bytes a write, each a read of its own for the client
    finish: str | None = "stop"
    finish_in_every_chunk: bool = False
    done: bool = True
    refuse_stream_options: bool = False  # 400 to a request with them; the script stays

    usage: dict[str, Any] | None = None  # replaces fields of the figures that are sent
    usage_mode: Literal["asked", "always", "never", "every", "null", "with_finish"] = "asked"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None  # of the whole answer, hidden thinking included
    hidden_tokens: int = 0  # thought before the first piece, billed at once
    runs_ahead: int = 0  # tokens made and billed beyond what was sent when the client leaves

    stamp: bool = False  # `count` pieces of "<monotonic nanoseconds>;" at `rate` a second
    rate: float = 50.0
    count: int = 50
    # Instead of bare stamps pieces of "r<request>n<number>t<stamp>;", which the record keeps; who
    # is asked to go on from an answer's end repeats that first.
    numbered: bool = False
    repeats: bool = True
    stamp_tokens: int = 1  # what each of them costs

    def steps(self) -> list[Piece]:
        return [Piece(text=piece) if isinstance(piece, str) else piece for piece in self.pieces]

    def suits(self, prompt: str, *, is_stream: bool) -> bool:
        return (self.match is None or self.match in prompt) and self.stream in (None, is_stream)


def default_script(prompt: str, *, is_stream: bool) -> Script:
    return seed_script(is_stream=is_stream) if prompt == SEED_PROMPT else Script(pieces=[*HELLO])


def seed_script(*, is_stream: bool) -> Script:
    """The documented answer: word for word, and in a stream piece by piece."""
    usage = SEED["usage"]
    script = Script(
        id=SEED["id"],
        created=SEED["created"],
        usage=usage,
        prompt_tokens=usage["prompt_tokens"],
        completion_tokens=usage["completion_tokens"],
    )
    if not is_stream:
        script.body = json.dumps(SEED, ensure_ascii=False)
        script.headers = {"Content-Type": "application/json"}
        return script
    text = SEED["choices"][0]["message"]["content"]
    script.pieces = [text[at : at + 24] for at in range(0, len(text), 24)]
    return script


def last_prompt(body: dict[str, Any]) -> str:
    """The text of the last user message, without its images."""
    messages = [message for message in body.get("messages") or [] if message.get("role") == "user"]
    content = messages[-1].get("content") if messages else ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or [])
