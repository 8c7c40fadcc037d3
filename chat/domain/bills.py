"""Entering what the provider billed. What is there stays as it is; the latest entry counts."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.utils import timezone

from chat.models import Bill, BilledDay, User
from chat.queries import bills

# Rows of one transaction, so that nobody who writes a reply waits for a long file.
AT_ONCE = 500


def enter(
    entries: Sequence[BilledDay], *, by: User, key: uuid.UUID, file_name: str = ""
) -> list[BilledDay]:
    """Enter what says something new, and give that. None of it counts before all of it is there.

    The same key enters once, whoever of several requests comes to its end.
    """
    fresh = bills.new_among(entries)
    if not fresh:
        return []
    bill, _is_new = Bill.objects.get_or_create(
        key=key, defaults={"entered_by": by, "file_name": file_name}
    )
    if bill.entered_at is not None:
        return []
    for at in range(0, len(fresh), AT_ONCE):
        for entry in fresh[at : at + AT_ONCE]:
            entry.bill = bill
        BilledDay.objects.bulk_create(fresh[at : at + AT_ONCE], ignore_conflicts=True)
    Bill.objects.filter(pk=bill.pk, entered_at=None).update(entered_at=timezone.now())
    return fresh
