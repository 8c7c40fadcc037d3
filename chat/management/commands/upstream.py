"""`manage.py upstream check`: do key, address and model id work, and what does the endpoint do?"""

from __future__ import annotations

import asyncio
import difflib
import time
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chat.completions.client import CompletionClient
from chat.completions.errors import CompletionError, StreamOptionsRefused
from chat.completions.events import Ended, Identified, Text, Usage
from chat.completions.families import OTHER_NAMES
from chat.completions.request import ChatMessage, CompletionRequest, ImagePart, TextPart
from chat.completions.verdict import Outcome, is_cut, judge
from chat.domain.attachments import takes_pictures

READ_TIMEOUT = 60.0
# Enough for a model that thinks before it says a word: the documented one, of 1,480 tokens.
MOST_TOKENS = 4096
WRONG_KEY = "sk-this-is-not-a-key-of-anybody"
# Eight by eight pixels of red.
RED_SQUARE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkA"
    "KP8/wc53yE8AAAAASUVORK5CYII="
)

OK, FAILED, UNCLEAR = "OK", "FAILED", "unclear"

NOTHING_TO_CHECK = (
    "There is nothing to check: EVOLINK_API_KEY is not set, so the demonstration model on this "
    "machine answers. Get a key at https://evolink.ai and set it: EVOLINK_API_KEY=sk-… manage.py …"
)
ONLY_WHOLE = (
    "Key, address and model id work, but {model} does not stream: chat works only where Stream is "
    "switched off in a conversation's settings."
)

# What to change, by the code of what went wrong.
ADVICE = {
    "key_refused": "The key was refused. Check EVOLINK_API_KEY, and that it is one of {host}.",
    "unreachable": "Nothing answers at {host}. Check EVOLINK_BASE_URL and the network.",
    "not_found": (
        "The address or the model id is wrong. Check EVOLINK_BASE_URL, which is {host}, and "
        "EVOLINK_MODELS, whose first is {model}."
    ),
    "model_not_found": "The upstream does not offer the model {model}. Change EVOLINK_MODELS.",
    "quota_exhausted": "The key works, but its account has no credit left.",
    "forbidden": "This key may not use the model {model}. Change it, or EVOLINK_MODELS.",
    "rate_limited": "The upstream takes no more requests just now. Try again in a while.",
    "overloaded": "The upstream is overloaded just now. Try again in a while.",
    "timed_out": "The upstream took too long to answer. Try again in a while.",
    "gateway_timed_out": "The upstream took too long to answer. Try again in a while.",
    "bad_request": (
        "The upstream does not take what evoweb sends. Check that {model} is a model for chat, and "
        "EVOLINK_BASE_URL."
    ),
    "blocked": (
        "The upstream declined to answer a harmless question. Check the filters of its account, "
        "or change EVOLINK_MODELS."
    ),
    "empty": "{model} ended without a word. Try again in a while, or change EVOLINK_MODELS.",
    "broken": "The connection to {host} broke off. Check EVOLINK_BASE_URL and the network.",
    "upstream_failed": "The upstream failed. Try again in a while.",
    "unreadable": "What answers at {host} is no completions endpoint. Check EVOLINK_BASE_URL.",
}
UNKNOWN_MODEL = ("not_found", "model_not_found")


@dataclass(slots=True)
class Finding:
    """What one call showed."""

    asked: str
    verdict: str = FAILED
    words: list[str] = field(default_factory=list)
    # Of the error that the call ended with.
    code: str = ""
    models: list[str] = field(default_factory=list)

    def line(self) -> str:
        return f"{self.verdict:<8} {self.asked:<20} {', '.join(self.words)}"


class Command(BaseCommand):
    help = "Look after the upstream that answers people's prompts."
    # It works before there is a database.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True, metavar="DEED")
        deeds.add_parser(
            "check",
            help="make one small call of each kind to the configured upstream, which costs a few "
            "tokens, and say what works and what to change",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IS_DEMONSTRATION:
            raise CommandError(NOTHING_TO_CHECK)
        asyncio.run(self._check())

    async def _check(self) -> None:
        model = settings.MODELS[0]
        async with _client(settings.EVOLINK_API_KEY) as client:
            self.stdout.write(f"Asking {client.base_url} for {model}:\n\n")
            models = await self._find("list of models", lambda found: _list(client, found))
            whole = await self._find(
                "plain answer", lambda found: _ask(client, found, stream=False)
            )
            chat = await self._find("streamed answer", lambda found: _ask(client, found))
            await self._find("image in a prompt", lambda found: _ask_about_image(client, found))
            host = client.base_url
        await self._find("wrong key", _ask_with_wrong_key)
        self.stdout.write("")
        if chat.verdict == FAILED:
            if whole.verdict != FAILED:
                raise CommandError(ONLY_WHOLE.format(model=model))
            raise CommandError(_advice(chat, host=host, model=model, listed=models.models))
        self.stdout.write(f"Key, address and model id work: evoweb can chat with {model}.")

    async def _find(self, asked: str, ask: Callable[[Finding], Awaitable[None]]) -> Finding:
        """Make one call and print what came of it."""
        finding, began = Finding(asked), time.monotonic()
        try:
            await ask(finding)
        except CompletionError as error:
            finding.code = error.code
            finding.words.append(str(error))
        except ValueError as refusal:
            finding.verdict = UNCLEAR
            finding.words.append(str(refusal))
        finding.words.append(f"{time.monotonic() - began:.1f} s")
        self.stdout.write(finding.line())
        self.stdout.flush()
        return finding


def _client(key: str) -> CompletionClient:
    return CompletionClient(settings.EVOLINK_BASE_URL, key, read_timeout=READ_TIMEOUT)


async def _list(client: CompletionClient, finding: Finding) -> None:
    finding.models = await client.models()
    missing = [model for model in settings.MODELS if model not in finding.models]
    finding.verdict = UNCLEAR if missing else OK
    finding.words.append(f"{len(finding.models)} models")
    finding.words += [f"{model} is not among them" for model in missing]


async def _ask(client: CompletionClient, finding: Finding, *, stream: bool = True) -> None:
    request = _request("Say OK and nothing else.", stream=stream)
    try:
        await _hear(client, request, finding)
    except StreamOptionsRefused:
        # The client knows it now, and evoweb does the same.
        finding.words.append("stream_options refused, asked again without")
        await _hear(client, request, finding)


async def _ask_about_image(client: CompletionClient, finding: Finding) -> None:
    model = settings.MODELS[0]
    if takes_pictures(model) is False:
        finding.verdict = UNCLEAR
        finding.words.append(f"not asked, as {model} is known to take none")
        return
    await _hear(client, _request((TextPart("Which colour?"), ImagePart(RED_SQUARE))), finding)


async def _ask_with_wrong_key(finding: Finding) -> None:
    async with _client(WRONG_KEY) as client:
        try:
            await _hear(client, _request("Say OK and nothing else.", stream=False), finding)
        except CompletionError as error:
            refused = error.code in ("key_refused", "forbidden")
            finding.verdict = OK if refused else UNCLEAR
            finding.words.append(f"refused: {error}" if refused else str(error))
            return
    finding.verdict = FAILED
    finding.words.append("any key is taken here: something in between may add one of its own")


async def _hear(client: CompletionClient, request: CompletionRequest, finding: Finding) -> None:
    """Read an answer to its end and note who gave it, what it cost and whether it has text."""
    text, usage, answered, ended = "", None, "", None
    async with client.stream(request) as answer:
        finding.words.append(str(answer.http_status))
        async for events in answer:
            for event in events:
                match event:
                    case Text(more):
                        text += more
                    case Usage():
                        usage = event
                    case Identified(model=model):
                        answered = model or ""
                    case Ended():
                        ended = event
    finding.words.append(f"{answered or 'a model without a name'} answered")
    finding.words.append(_figures(usage))
    _judge(finding, ended, text=text, usage=usage)


def _judge(finding: Finding, ended: Ended | None, *, text: str, usage: Usage | None) -> None:
    verdict = judge(ended, text=bool(text.strip()), reasoning=False)
    if verdict.outcome != Outcome.FAILED:
        finding.verdict = OK if usage else UNCLEAR
        return
    reason = verdict.finish_reason or "nothing"
    finding.words.append(f"no text, ended by {reason}")
    if is_cut(reason):
        # It answers, but thought until the limit of this call.
        finding.verdict = UNCLEAR
    finding.code = verdict.code or ""


def _request(
    content: str | tuple[TextPart | ImagePart, ...], *, stream: bool = True
) -> CompletionRequest:
    prompt = ChatMessage("user", content)
    return CompletionRequest(settings.MODELS[0], (prompt,), stream=stream, max_tokens=MOST_TOKENS)


def _figures(usage: Usage | None) -> str:
    if usage is None or usage.prompt_tokens is None:
        return "no figures of usage, so that costs will be estimates"
    thought = f", {usage.reasoning_tokens} of them thinking" if usage.reasoning_tokens else ""
    return f"{usage.prompt_tokens} tokens in and {usage.output} out{thought}"


def _advice(chat: Finding, *, host: str, model: str, listed: list[str]) -> str:
    """The last word, when chat does not work: what to change."""
    default = f"Chat does not work with {model}: see the lines above."
    words = ADVICE.get(chat.code, default).format(host=host, model=model)
    if chat.code not in UNKNOWN_MODEL:
        return words
    similar = difflib.get_close_matches(
        model.lower(), {name.lower() for name in listed}, cutoff=0.5
    )
    names = [name for name in listed if name.lower() in similar]
    if other := OTHER_NAMES.get(model.lower()):
        names = [other, *(name for name in names if name != other)]
    return f"{words} Try {' or '.join(names)}." if names else words
