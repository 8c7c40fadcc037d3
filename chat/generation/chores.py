"""What a process does beside its replies, each chore by itself."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator

from django.utils import timezone

from chat.completions.client import CompletionClient
from chat.domain import alerts, attachments, conversations, drafts, notices, owned, queued
from chat.generation.hub import Hub
from chat.generation.lookout import Lookout
from chat.generation.mailing import Mailer
from chat.generation.meter import MeterReader
from chat.generation.pool import DatabasePool
from chat.generation.regularly import regularly

LOOK_SECONDS = 2.0
MAIL_SECONDS = 15.0
ALERT_SECONDS = 900.0
PURGE_SECONDS = 3600.0


def chores(
    *, hub: Hub, pool: DatabasePool, metered: CompletionClient | None
) -> Iterator[Coroutine[None, None, None]]:
    """Each to be run until it is cancelled."""

    async def alert() -> None:
        await pool.run(alerts.tell, timezone.now())

    async def purge() -> None:
        await pool.run(conversations.purge)
        await pool.run(notices.purge)
        await pool.run(drafts.purge)
        await pool.run(owned.purge)
        await pool.run(queued.purge)
        # Last: what was purged may have had pictures.
        await pool.run(attachments.purge)

    look, mail = Lookout(hub=hub, pool=pool).look, Mailer(pool).send_due
    yield regularly(look, every=LOOK_SECONDS, trouble="Changes could not be looked for")
    # The rest is tried with the next round, what failed after a while.
    yield regularly(mail, every=MAIL_SECONDS, trouble="A notice could not be mailed")
    yield regularly(alert, every=ALERT_SECONDS, trouble="What stands out could not be looked for")
    trouble = "What is long over could not be purged"
    yield regularly(purge, every=PURGE_SECONDS, trouble=trouble, at_once=True)
    if metered is not None:
        read = MeterReader(client=metered, pool=pool).read_next
        # It waits for the full hour itself.
        yield regularly(read, every=0, trouble="What the meter says could not be written down")
