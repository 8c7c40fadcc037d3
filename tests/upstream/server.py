"""The HTTP face of the test upstream: what it serves, and `/control/` by which tests script it."""

import asyncio
import contextlib
import json
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from tests.upstream.playing import Died, Player
from tests.upstream.records import Books, Gate, Record
from tests.upstream.scripts import Script, default_script, last_prompt

KEY = "sk-test-upstream-0123456789"
MODELS = ("Gemini-3.0-pro", "gemini-3-pro-preview", "gemini-3.5-flash", "gpt-5.4")

_scripts = msgspec.json.Decoder(list[Script])


class Meter(msgspec.Struct):
    """What `/v1/credits` answers; without a status it hangs."""

    status: int | None = 200
    body: str = (
        '{"success": true, "message": "", "data": {'
        '"token": {"remaining_credits": 0, "used_credits": 0.0, "unlimited_credits": true}, '
        '"user": {"remaining_credits": 1000.5, "used_credits": 0.0}}}'
    )
    reads: int = 0


class FakeUpstream:
    def __init__(self, key: str = KEY) -> None:
        self._key = key
        self._books = Books()
        self._meter = Meter()
        self._waiting: list[Script] = []
        self._playing: dict[int, tuple[web.Request, Gate]] = {}
        self._connections: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024 * 1024, middlewares=[_invalid_url])
        app.add_routes(
            [
                web.post("/v1/chat/completions", self._complete),
                web.get("/v1/models", self._list_models),
                web.get("/v1/credits", self._show_meter),
                web.post("/control/meter", self._set_meter),
                web.post("/control/scripts", self._add_scripts),
                web.post("/control/release", self._release),
                web.post("/control/reset", self._reset),
                web.post("/control/drop-idle", self._drop_idle),
                web.get("/control/requests", self._list_requests),
            ]
        )
        return app

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await _body_of(request)
        record = self._open_record(request, body)
        refusal = self._refusal(request, body)
        if refusal is not None:
            record.status, record.ended_at = refusal.status, time.monotonic()
            return refusal
        script = self._next_script(record)
        if script.refuse_stream_options and "stream_options" in body:
            self._waiting.insert(0, msgspec.structs.replace(script))
            record.status, record.ended_at = 400, time.monotonic()
            return error(400, "invalid_request_error", "Unknown parameter: 'stream_options'.")
        async with self._on_stage(request, record) as gate:
            return await _play(Player(request, record, gate, script), record)

    def _open_record(self, request: web.Request, body: dict[str, Any]) -> Record:
        assert request.transport is not None
        self._connections.add(request.transport)
        return self._books.open(
            connection=request.transport.get_extra_info("peername")[1],
            headers={key.lower(): value for key, value in request.headers.items()},
            body=body,
            prompt=last_prompt(body),
        )

    @contextlib.asynccontextmanager
    async def _on_stage(self, request: web.Request, record: Record) -> AsyncIterator[Gate]:
        gate = Gate(record)
        self._playing[id(record)] = (request, gate)
        try:
            yield gate
        finally:
            record.held = False
            record.ended_at = time.monotonic()
            self._playing.pop(id(record), None)

    def _refusal(self, request: web.Request, body: dict[str, Any]) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {self._key}":
            return error(401, "authentication_error", "Invalid API key", code="unauthorized")
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            return error(400, "invalid_request_error", "messages is required")
        if messages[-1].get("role") == "assistant":
            return error(400, "invalid_request_error", "the last message must not be assistant")
        return None

    def _next_script(self, record: Record) -> Script:
        is_stream = bool(record.body.get("stream"))
        for script in self._waiting:
            if script.suits(record.prompt, is_stream=is_stream):
                if script.times == 1:
                    self._waiting.remove(script)
                elif script.times > 1:
                    script.times -= 1
                return script
        return default_script(record.prompt, is_stream=is_stream)

    async def _list_models(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self._key}":
            return error(401, "authentication_error", "Invalid API key", code="unauthorized")
        rows = [{"id": model, "object": "model", "owned_by": "test"} for model in MODELS]
        return web.json_response({"data": rows, "object": "list"})

    async def _show_meter(self, request: web.Request) -> web.StreamResponse:
        self._meter.reads += 1
        if request.headers.get("Authorization") != f"Bearer {self._key}":
            return error(401, "authentication_error", "Invalid API key", code="unauthorized")
        if self._meter.status is None:
            await asyncio.Event().wait()
        return web.Response(
            status=self._meter.status or 200,
            text=self._meter.body,
            content_type="application/json",
        )

    async def _set_meter(self, request: web.Request) -> web.Response:
        self._meter = msgspec.json.decode(await request.read(), type=Meter)
        return web.Response()

    async def _add_scripts(self, request: web.Request) -> web.Response:
        try:
            scripts = _scripts.decode(await request.read())
        except msgspec.DecodeError as problem:
            return web.Response(status=400, text=str(problem))
        self._waiting.extend(scripts)
        return web.json_response({"waiting": len(self._waiting)})

    async def _release(self, request: web.Request) -> web.Response:
        order = await request.json()
        count = order.get("count")
        for _, gate in list(self._playing.values()):
            gate.release(count)
        return web.json_response({"released": len(self._playing)})

    async def _reset(self, request: web.Request) -> web.Response:
        playing = list(self._playing.values())
        self._waiting.clear()
        self._playing.clear()
        self._books.records.clear()
        self._meter = Meter()
        for open_request, _ in playing:
            if open_request.transport is not None:
                open_request.transport.abort()
        return web.json_response({"aborted": len(playing)})

    async def _drop_idle(self, request: web.Request) -> web.Response:
        busy = {open_request.transport for open_request, _ in self._playing.values()}
        idle = [transport for transport in self._connections if transport not in busy]
        for transport in idle:
            transport.close()
        return web.json_response({"closed": len(idle)})

    async def _list_requests(self, request: web.Request) -> web.Response:
        document = {
            "requests": self._books.records,
            "scripts": len(self._waiting),
            "meter_reads": self._meter.reads,
        }
        body = msgspec.json.encode(document)
        return web.Response(body=body, content_type="application/json")


async def _play(player: Player, record: Record) -> web.StreamResponse:
    try:
        response = await player.play()
    except Died:
        return player.response or web.Response()
    except ConnectionError:
        player.client_left()
        return player.response or web.Response()
    except asyncio.CancelledError:
        player.client_left()
        raise
    record.finished = True
    return response


def error(status: int, type_: str, message: str, **fields: str) -> web.Response:
    """An error in the shape that EvoLink documents."""
    document = {"error": {"code": status, "message": message, "type": type_, **fields}}
    return web.json_response(document, status=status)


@web.middleware
async def _invalid_url(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPNotFound:
        message = f"Invalid URL ({request.method} {request.path})"
        return error(404, "invalid_request_error", message, code="", param="")


async def _body_of(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
