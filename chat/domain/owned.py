"""What becomes of things that people make for themselves or for all, whatever they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from chat.models import Preset, SavedPrompt, User
from chat.models.owned import Owned

KEPT_AFTER_DELETING = timedelta(days=7)
KINDS: tuple[type[Owned], ...] = (Preset, SavedPrompt)


class NameTaken(Exception):
    """There is another of this name: theirs, or a shared one where this is to be shared."""


@contextmanager
def one_of_its_name() -> Iterator[None]:
    """Raises NameTaken for what the database's own rule refuses in here."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as conflict:
        raise NameTaken from conflict


def delete(thing: Owned) -> None:
    """Put it out of sight, where it can be taken back for a week."""
    thing.deleted_at = timezone.now()
    thing.save(update_fields=("deleted_at",))


def restore(thing: Owned) -> None:
    """Raises NameTaken."""
    thing.deleted_at = None
    with one_of_its_name():
        thing.save(update_fields=("deleted_at",))


def purge() -> None:
    """Remove for good what was deleted long enough ago."""
    for kind in KINDS:
        gone = timezone.now() - KEPT_AFTER_DELETING
        kind._default_manager.filter(deleted_at__lt=gone).delete()


def forget(user: User) -> None:
    """Within the transaction that makes a pseudonym of `user`. What they shared is nobody's."""
    for kind in KINDS:
        kind._default_manager.filter(owner=user).delete()
