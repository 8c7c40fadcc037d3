"""Links by which colleagues read a conversation: made, opened, ended."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from chat.models import Conversation, ShareLink, ShareOpening, User
from chat.models.share_link import digest_of

TOKEN_BYTES = 24
# Of one conversation, at the same time.
MOST_LINKS = 20
# What is loaded again so soon is no other opening: a page without script does it by itself.
ONE_OPENING = timedelta(minutes=1)


class TooManyLinks(Exception):
    """So many links to this conversation are current that one has to end first."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link with its token, which is known at this moment and never again."""

    link: ShareLink
    token: str = field(repr=False)


def share(conversation: Conversation, *, by: User, lasts: timedelta) -> NewLink:
    """Raises TooManyLinks."""
    token, now = secrets.token_urlsafe(TOKEN_BYTES), timezone.now()
    with transaction.atomic():
        current = ShareLink.objects.current(now).filter(conversation=conversation)
        if current.count() >= MOST_LINKS:
            raise TooManyLinks
        link = ShareLink.objects.create(
            conversation=conversation,
            token_hash=digest_of(token),
            created_by=by,
            created_at=now,
            expires_at=now + lasts,
        )
    return NewLink(link, token)


def end(link: ShareLink) -> None:
    """It opens nothing from now on. When it ended stays as it was if it had."""
    ShareLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=timezone.now())


def note_opened(link: ShareLink, *, reader: User) -> None:
    """Whoever shares sees who reads, but not that they looked themselves."""
    if reader.pk == link.created_by_id:
        return
    now = timezone.now()
    before = ShareOpening.objects.filter(link=link, reader=reader, last_at__lt=now - ONE_OPENING)
    if not before.update(times=F("times") + 1, last_at=now):
        # The first one, or one that is counted already.
        ShareOpening.objects.bulk_create(
            [ShareOpening(link=link, reader=reader)], ignore_conflicts=True
        )


def forget(user: User) -> None:
    """Within the transaction that makes a pseudonym of `user`."""
    user.share_openings.all().delete()
    user.share_links.filter(revoked_at=None).update(revoked_at=timezone.now())
