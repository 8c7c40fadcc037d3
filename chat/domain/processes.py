"""Which processes live: each says so every few seconds, and one that falls silent is judged.

To judge a process is to remove its row, in one statement. Whatever it was about to write is
conditional on that row, so that one which comes back afterwards changes nothing.
"""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models.functions import Now

from chat.models import Process

# Three beats are missed, and the fourth is late.
GONE_SECONDS = 15.0


def join(name: str) -> uuid.UUID:
    """Become one of them. Gives the claim under which this process writes."""
    return Process.objects.create(name=name[:120]).pk


def beat(claim: uuid.UUID) -> bool:
    """Say that this process lives. False when it was judged meanwhile."""
    return bool(Process.objects.filter(pk=claim).update(seen_at=Now()))


def leave(claim: uuid.UUID) -> None:
    Process.objects.filter(pk=claim).delete()


def lives(claim: uuid.UUID) -> bool:
    """Whether this process may write. Its row is this transaction's from here on, so that nobody
    judges it before what it writes is committed."""
    rows = Process.objects.select_for_update(no_key=True).filter(pk=claim)
    return rows.values_list("pk", flat=True).first() is not None


@transaction.atomic
def judge_silent(*, judge: uuid.UUID) -> list[str]:
    """Remove the processes that nothing was heard of for too long. Gives their names."""
    # One that was frozen while it wrote holds its row: it is judged when the database lets it go.
    silent = Process.objects.select_for_update(skip_locked=True).unheard_for(GONE_SECONDS)
    judged = dict(silent.exclude(pk=judge).values_list("pk", "name"))
    Process.objects.filter(pk__in=judged).delete()
    return list(judged.values())


def remove_others(claim: uuid.UUID) -> None:
    """For a process that holds the database alone: whoever else has a row is dead."""
    Process.objects.exclude(pk=claim).delete()
