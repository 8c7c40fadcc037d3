"""Reading the upstream's meter: once an hour, by one of the processes, and never in a hurry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from chat.completions.credits import Credits
from chat.models import MeterReading

DAY = timedelta(days=1)
# Who is late (a machine slept) leaves the hour out: its reading would not part whole hours.
LATE = timedelta(minutes=5)


def claim(moment: datetime) -> MeterReading | None:
    """The reading of this hour, for one of those who ask.

    An upstream that could not be read for a day, be it that it has no meter, is left alone for one.
    """
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    of_a_day = MeterReading.objects.since(hour - DAY).exclude(hour=hour - DAY)
    if moment - hour > LATE or (of_a_day.exists() and not of_a_day.taken().exists()):
        return None
    reading, is_ours = MeterReading.objects.get_or_create(hour=hour)
    return reading if is_ours else None


def note(reading: MeterReading, credits: Credits) -> None:
    MeterReading.objects.filter(pk=reading.pk, taken_at=None).update(
        taken_at=timezone.now(), used=credits.used, remaining=credits.remaining, raw=credits.raw
    )


def note_failure(reading: MeterReading, code: str) -> None:
    MeterReading.objects.filter(pk=reading.pk, taken_at=None).update(error=code)
