"""Mails notices, a moment after what they tell of was committed: beside replies, and whatever
becomes of the mail server."""

from __future__ import annotations

import asyncio

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone, translation

from chat.domain import accounts, notices
from chat.generation.pool import DatabasePool
from chat.models import Notice
from chat.queries import people
from chat.rendering import notices as rendering


class Mailer:
    """One in each process; a claim on each notice lets one of them send it."""

    def __init__(self, pool: DatabasePool) -> None:
        self._pool = pool

    async def send_due(self) -> None:
        while notices.is_mailing() and (notice := await self._pool.run(notices.claim_mail)):
            # Not in the threads of the pool: a server may take its time.
            await asyncio.to_thread(message_of(notice).send)
            await self._pool.run(notices.mailed, notice)


def message_of(notice: Notice) -> EmailMessage:
    """In the language and the time zone of whoever gets it."""
    user = notice.user
    language = user.language or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(people.time_zone_of(user.time_zone)):
        link = accounts.absolute(rendering.address(notice))
        words = f"{rendering.words(notice)}\n\n{link}\n"
        return EmailMessage(rendering.title(notice), words, to=[user.email])
