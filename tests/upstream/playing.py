"""Plays one script to one request, and notes what was sent, produced and billed."""

import asyncio
import base64
import json
import socket
import struct
import time
import uuid
from typing import Any, cast

from aiohttp import web

from tests.upstream.records import Gate, Record
from tests.upstream.scripts import Piece, Script

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_BETWEEN_CUTS = 0.001
# Characters of an end that is repeated.
_REPEATED_AT_ONCE = 8


class Died(Exception):
    """The script wanted the connection to die, and it did."""


class Player:
    def __init__(self, request: web.Request, record: Record, gate: Gate, script: Script) -> None:
        self._request = request
        self._record = record
        self._gate = gate
        self._script = script
        self._body = record.body
        self.response: web.StreamResponse | None = None
        self._id = record.answer_id = script.id or f"chatcmpl-{uuid.uuid4().hex}"
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._reason = script.finish
        record.billed.prompt_tokens = self._prompt_tokens()

    async def play(self) -> web.StreamResponse:
        script = self._script
        self._record.status = script.status
        if script.raw_http is not None:
            return await self._raw_http(base64.b64decode(script.raw_http))
        if script.body is not None or script.body_base64 is not None:
            return await self._plain()
        self._record.billed.completion_tokens = script.hidden_tokens
        if script.as_json or not self._body.get("stream"):
            return await self._json()
        return await self._stream()

    def client_left(self) -> None:
        self._record.client_left_at = time.monotonic()
        self._record.billed.completion_tokens += self._script.runs_ahead

    async def _plain(self) -> web.StreamResponse:
        script = self._script
        body = base64.b64decode(script.body_base64 or "") or (script.body or "").encode()
        for step in script.steps():
            await self._pause(step)
        if script.status < 300:
            self._record.billed.completion_tokens = script.completion_tokens or 0
        else:
            self._record.billed.prompt_tokens = 0
        return web.Response(status=script.status, headers=script.headers, body=body)

    async def _raw_http(self, data: bytes) -> web.StreamResponse:
        transport, size = self._transport(), self._script.cut or len(data)
        for at in range(0, len(data), size):
            transport.write(data[at : at + size])
            await asyncio.sleep(self._script.delay or _BETWEEN_CUTS)
        transport.close()
        raise Died

    async def _json(self) -> web.StreamResponse:
        for step in self._script.steps():
            await self._before(step)
            self._note(step)
        await self._before_end()
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts)}
        if self._thoughts:
            message["reasoning_content"] = "".join(self._thoughts)
        answer = self._frame(object_="chat.completion")
        answer["choices"] = [{"index": 0, "message": message, "finish_reason": self._reason}]
        if self._script.usage_mode != "never":
            answer["usage"] = self._usage()
        return web.json_response(answer, status=self._script.status, headers=self._script.headers)

    async def _stream(self) -> web.StreamResponse:
        if self._script.stamp:
            await self._play_stamps()
        for step in self._script.steps():
            await self._before(step)
            self._note(step)
            await self._write(self._bytes_of(step))
        await self._before_end()
        await self._write(self._ending())
        self._record.gave_usage = self._gives_usage()
        response = await self._begun()
        await response.write_eof()
        return response

    async def _before(self, step: Piece) -> None:
        if self._script.delay:
            await asyncio.sleep(self._script.delay)
        if self._is_held() and _is_text(step):
            await self._gate.step()
        await self._pause(step)

    async def _before_end(self) -> None:
        if self._is_held():
            await self._gate.step()
        if self._script.completion_tokens is not None:
            self._record.billed.completion_tokens = self._script.completion_tokens

    def _is_held(self) -> bool:
        after = self._script.hold_after
        return after is not None and self._record.pieces_sent >= after

    async def _pause(self, step: Piece) -> None:
        if step.headers:
            await self._begun()
        if step.wait:
            await asyncio.sleep(step.wait)
        if step.hold:
            await self._gate.step()
        if step.hang:
            await asyncio.Event().wait()
        if step.die:
            await self._die(step.die)

    async def _die(self, how: str) -> None:
        # What was written before is read before: a reset may overtake it.
        await asyncio.sleep(_BETWEEN_CUTS)
        transport = self._transport()
        if how == "reset":
            raw = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        else:
            transport.close()
        raise Died

    def _note(self, step: Piece) -> None:
        if not _is_text(step):
            return
        self._texts.append(step.text or "")
        self._thoughts.append(step.reasoning or "")
        self._record.billed.completion_tokens += step.tokens
        self._record.pieces_sent += 1

    def _bytes_of(self, step: Piece) -> bytes:
        name = f"event: {step.event}\n".encode() if step.event else b""
        if step.raw is not None:
            return base64.b64decode(step.raw)
        if step.comment is not None:
            return f": {step.comment}\n\n".encode()
        if step.error is not None:
            return name + _event({"error": step.error})
        if step.chunk is not None:
            return name + _event(step.chunk)
        if step.usage is not None:
            return _event(self._frame() | {"choices": [], "usage": step.usage})
        return self._delta_of(step)

    def _delta_of(self, step: Piece) -> bytes:
        if step.delta is not None:
            return self._choice(step.delta)
        if step.text is not None:
            return self._choice({"content": step.text})
        if step.reasoning is not None:
            # Both fields, as New API fills them.
            return self._choice({"reasoning_content": step.reasoning, "reasoning": step.reasoning})
        if step.finish is not None:
            self._reason = None
            return self._choice({}, reason=step.finish)
        return b""

    def _choice(self, delta: dict[str, Any], *, reason: str | None = None) -> bytes:
        if self._script.finish_in_every_chunk:
            reason = reason or self._script.finish
        frame = self._frame()
        frame["choices"] = [{"index": 0, "delta": delta, "finish_reason": reason}]
        frame["usage"] = self._usage() if self._script.usage_mode == "every" else None
        return _event(frame)

    def _ending(self) -> bytes:
        mode, parts = self._script.usage_mode, []
        if self._reason is not None:
            frame = self._frame()
            frame["choices"] = [{"index": 0, "delta": {}, "finish_reason": self._reason}]
            frame["usage"] = self._usage() if mode in ("with_finish", "every") else None
            parts.append(_event(frame))
        if self._has_usage_of_its_own():
            parts.append(_event(self._frame() | {"choices": [], "usage": self._usage()}))
        if self._script.done:
            parts.append(b"data: [DONE]\n\n")
        return b"".join(parts)

    def _has_usage_of_its_own(self) -> bool:
        mode = self._script.usage_mode
        return mode == "always" or (mode == "asked" and self._is_usage_asked())

    def _gives_usage(self) -> bool:
        with_another = self._script.usage_mode in ("with_finish", "every")
        return self._has_usage_of_its_own() or with_another

    def _is_usage_asked(self) -> bool:
        return bool((self._body.get("stream_options") or {}).get("include_usage"))

    async def _play_stamps(self) -> None:
        before, after = self._choice({"content": "STAMP"}).split(b"STAMP")
        if self._script.numbered and self._script.repeats:
            await self._repeat_end()
        began = time.monotonic()
        for number in range(self._script.count):
            due = began + number / self._script.rate
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            stamp = f"{time.monotonic_ns()};"
            if self._script.numbered:
                stamp = f"r{self._record.number}n{number}t{stamp}"
                self._record.written.append(stamp)
            await self._write(b"%b%b%b" % (before, stamp.encode(), after))
            self._record.pieces_sent += 1
            self._record.billed.completion_tokens += self._script.stamp_tokens

    async def _repeat_end(self) -> None:
        """Do what is asked of who goes on: begin with the last characters of what is there."""
        messages = self._body.get("messages") or []
        end = self._record.prompt.rpartition("\n\n")[2]
        asked = len(messages) > 1 and messages[-2].get("role") == "assistant"
        if asked and end and str(messages[-2].get("content")).endswith(end):
            self._record.repeated = end
            for at in range(0, len(end), _REPEATED_AT_ONCE):
                part = end[at : at + _REPEATED_AT_ONCE]
                await self._write(self._choice({"content": part}))
                self._record.billed.completion_tokens += 1
                await asyncio.sleep(1 / self._script.rate)

    async def _write(self, data: bytes) -> None:
        if not data:
            return
        response = await self._begun()
        size = self._script.cut
        if not size:
            await response.write(data)
            return
        for at in range(0, len(data), size):
            await response.write(data[at : at + size])
            await asyncio.sleep(_BETWEEN_CUTS)

    async def _begun(self) -> web.StreamResponse:
        """The response, its headers and first chunk sent."""
        if self.response is None:
            headers = {
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-cache",
                "X-Accel-Buffering": "no",
                **self._script.headers,
            }
            self.response = web.StreamResponse(status=self._script.status, headers=headers)
            await self.response.prepare(self._request)
            if self._script.role_chunk:
                await self._write(self._choice({"role": "assistant", "content": ""}))
        return self.response

    def _frame(self, *, object_: str = "chat.completion.chunk") -> dict[str, Any]:
        model = self._script.model or self._body.get("model")
        created = self._script.created or int(time.time())
        return {"id": self._id, "object": object_, "created": created, "model": model}

    def _usage(self) -> dict[str, Any]:
        billed = self._record.billed
        figures = {
            "prompt_tokens": billed.prompt_tokens,
            "completion_tokens": billed.completion_tokens,
            "total_tokens": billed.prompt_tokens + billed.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "text_tokens": billed.prompt_tokens},
            "completion_tokens_details": {"reasoning_tokens": self._script.hidden_tokens},
        }
        return figures | (self._script.usage or {})

    def _prompt_tokens(self) -> int:
        if self._script.prompt_tokens is not None:
            return self._script.prompt_tokens
        return max(1, len(json.dumps(self._body.get("messages") or [])) // 4)

    def _transport(self) -> asyncio.Transport:
        return cast(asyncio.Transport, self._request.transport)


def _is_text(step: Piece) -> bool:
    return step.text is not None or step.reasoning is not None


def _event(document: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(document, ensure_ascii=False).encode() + b"\n\n"
