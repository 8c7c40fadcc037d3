"""The upstream's meter beside the ledger."""

from datetime import timedelta

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from chat.queries import calendar, meter
from chat.views.access import SignedInRequest, reviewer_only

DAYS = 31
HOURS = 48


@require_safe
@reviewer_only
def meter_page(request: SignedInRequest) -> HttpResponse:
    """The last month by day, and the last two days reading by reading."""
    now = timezone.now()
    found = meter.since(calendar.midnight(calendar.today(now) - timedelta(days=DAYS - 1)))
    context = {
        "meter": found,
        "last_day": found.of_last(meter.DAY),
        "recent": [each for each in found.stretches if each.end > now - timedelta(hours=HOURS)],
        "rate": settings.CREDITS_PER_USD,
        "currency": meter.CURRENCY,
        "team_zone": timezone.get_default_timezone_name(),
    }
    return render(request, "usage/meter.html", context)
