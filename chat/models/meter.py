"""What the upstream's own meter said, hour by hour."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chat.models.money import CreditField


class MeterReadingQuerySet(models.QuerySet["MeterReading"]):
    def taken(self) -> Self:
        """Those that have figures."""
        return self.filter(taken_at__isnull=False)

    def since(self, moment: datetime) -> Self:
        return self.filter(hour__gte=moment)


class MeterReading(models.Model):
    """The row is the claim of the process that reads; without figures nobody has been told any."""

    # In UTC: at its beginning the meter is read, so that two of them part whole hours.
    hour = models.DateTimeField(_("hour"), unique=True)
    taken_at = models.DateTimeField(_("read"), null=True)
    used = CreditField(_("credits used"), null=True)
    # Null where nothing bounds it.
    remaining = CreditField(_("credits left"), null=True)
    raw = models.JSONField(_("as it came"), null=True)
    error = models.CharField(_("error"), max_length=32, blank=True)

    objects = MeterReadingQuerySet.as_manager()

    class Meta:
        verbose_name = _("meter reading")
        verbose_name_plural = _("meter readings")
        constraints = (
            models.CheckConstraint(
                condition=Q(taken_at=None, used=None, remaining=None)
                | Q(taken_at__isnull=False, used__isnull=False),
                name="meter_reading_has_figures_once_taken",
            ),
        )

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:%M}"
