"""The admin's pages about what the provider billed and what its meter said."""

from datetime import datetime

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from chat.admin.ledger import RecordAdmin
from chat.admin.site import site
from chat.models import BilledDay, MeterReading, User


@admin.register(BilledDay, site=site)
class BilledDayAdmin(RecordAdmin):
    """Every entry, also those that later ones have replaced."""

    list_display = (
        "day",
        "model",
        "total_tokens",
        "amount",
        "currency",
        "entered_by",
        "entered_at",
    )
    list_filter = ("day", "model", "currency")
    list_select_related = ("bill__entered_by",)
    ordering = ("-day", "model", "-pk")
    fields = ("day", "model", *BilledDay.FIGURES, "entered_by", "entered_at")

    @admin.display(description=_("entered by"))
    def entered_by(self, entry: BilledDay) -> User:
        return entry.bill.entered_by

    @admin.display(description=_("entered"))
    def entered_at(self, entry: BilledDay) -> datetime | None:
        return entry.bill.entered_at


@admin.register(MeterReading, site=site)
class MeterReadingAdmin(RecordAdmin):
    list_display = ("hour", "taken_at", "used", "remaining", "error")
    list_filter = ("hour", "error")
    ordering = ("-hour",)
    fields = ("hour", "taken_at", "used", "remaining", "error", "raw")
