"""One small request beside the replies: a title for a conversation, after its first answer."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

from chat.completions.errors import CompletionError
from chat.completions.events import Text
from chat.domain import prompts, titles
from chat.domain.ledger import Receipt
from chat.domain.titles import Asking
from chat.enums import Fault
from chat.generation import causes
from chat.generation.pool import DatabasePool
from chat.generation.run import Ask

# Nobody waits for it, and it has one attempt.
LONGEST_SECONDS = 90.0


class Titling:
    """`stop` ends it from outside, before or after its start; its row is closed all the same."""

    def __init__(
        self,
        reply_id: int,
        conversation_id: uuid.UUID,
        *,
        claim: uuid.UUID,
        ask: Ask,
        pool: DatabasePool,
        announce: Callable[[uuid.UUID], None],
    ) -> None:
        self._reply_id = reply_id
        self._conversation_id = conversation_id
        self._claim = claim
        self._ask = ask
        self._pool = pool
        self._announce = announce
        self._said: list[str] = []
        self._reading: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """This process has to end."""
        self._stopped.set()
        if self._reading is not None:
            self._reading.cancel()

    async def go(self) -> None:
        if self._stopped.is_set():
            return
        asking = await self._pool.insist("A title", titles.ask, self._reply_id, self._claim)
        if asking is None:
            return
        receipt = await self._asked(asking)
        said = "".join(self._said)
        if await self._pool.insist("A title", titles.finish, asking, receipt, said):
            self._announce(self._conversation_id)

    async def _asked(self, asking: Asking) -> Receipt:
        request = asking.request
        receipt = Receipt(
            prompt_characters=prompts.characters(request),
            prompt_messages=len(request.messages),
            model=request.model,
            max_tokens=request.max_tokens,
        )
        if self._stopped.is_set():
            receipt.error = Fault.RESTARTED
            return receipt
        receipt.may_be_billed = True
        self._reading = asyncio.create_task(self._read(asking, receipt))
        try:
            await asyncio.wait_for(self._reading, LONGEST_SECONDS)
        except asyncio.CancelledError:
            if not self._stopped.is_set():
                raise
            receipt.error = Fault.RESTARTED
        except TimeoutError:
            receipt.error = Fault.TIMED_OUT
        except CompletionError as error:
            causes.log(self._reply_id, error, request)
            receipt.error = error.code
            receipt.http_status = error.http_status or receipt.http_status
            receipt.may_be_billed = error.may_be_billed or error.http_status == 200
        if receipt.error:
            self._said.clear()
        return receipt

    async def _read(self, asking: Asking, receipt: Receipt) -> None:
        async with self._ask(asking.request) as answer:
            receipt.http_status = answer.http_status
            async for events in answer:
                for event in events:
                    receipt.take(event)
                    if isinstance(event, Text):
                        self._said.append(event.text)
