"""What somebody is writing: kept as it is typed, on whichever device, and gone when it is sent.

A version is named by the page that writes it, and each page says on which it builds. So a device
never overwrites what another one wrote without having shown it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from chat.models import Conversation, Draft, User
from chat.models.draft import LONGEST_DRAFT

KEPT = timedelta(days=90)
# What has no text only tells apart pages that are open now.
EMPTY_KEPT = timedelta(days=7)


class Outdated(Exception):
    """Another device has written since."""

    def __init__(self, newer: Draft) -> None:
        super().__init__(newer)
        self.newer = newer


def save(
    *,
    user: User,
    conversation: Conversation | None,
    text: str,
    version: uuid.UUID,
    based_on: Collection[uuid.UUID],
) -> None:
    """Raises Outdated where what is there is none of the versions that this one builds on."""
    mine = Draft.objects.of(user).beside(conversation)
    known = mine.filter(version__in=[*based_on, version])
    if known.update(text=text, version=version, edited_at=timezone.now()):
        return
    try:
        with transaction.atomic():
            # What it was based on may have been swept: then there is nothing to overwrite.
            Draft.objects.create(user=user, conversation=conversation, text=text, version=version)
    except IntegrityError:
        if (newer := mine.first()) is None:
            raise
        raise Outdated(newer) from None


class NoRoom(Exception):
    """What stands there is as long as a draft may be."""


def add(*, user: User, conversation: Conversation | None, text: str) -> None:
    """Put it after what stands there. Raises NoRoom, and Outdated in the moment of another save."""
    there = Draft.objects.of(user).beside(conversation).first()
    whole = f"{there.text}\n\n{text}" if there and there.text else text
    if len(whole) > LONGEST_DRAFT:
        raise NoRoom
    based_on = [there.version] if there else []
    version = uuid.uuid4()
    save(user=user, conversation=conversation, text=whole, version=version, based_on=based_on)


def clear(
    *,
    user: User,
    conversation: Conversation | None,
    text: str,
    versions: Collection[uuid.UUID],
    send_key: uuid.UUID,
) -> None:
    """It is sent: by this very text, or from a page that had written it or shown it. What another
    device wrote meanwhile stays. The page that sent knows the version that is left by its key; one
    is left in any case, so that a save which was on its way comes too late."""
    mine = Draft.objects.of(user).beside(conversation)
    sent = mine.filter(Q(text=text) | Q(version__in=list(versions)))
    left = {"text": "", "version": send_key, "edited_at": timezone.now()}
    if not sent.update(**left):
        with suppress(IntegrityError), transaction.atomic():
            Draft.objects.create(user=user, conversation=conversation, **left)


def forget(user: User) -> None:
    Draft.objects.of(user).delete()


def purge() -> None:
    now = timezone.now()
    old = Q(edited_at__lt=now - KEPT) | Q(edited_at__lt=now - EMPTY_KEPT, text="")
    Draft.objects.filter(old).delete()
