"""The admin's pages about money: prices, which may be entered and never changed, and totals."""

from django.contrib import admin
from django.http import HttpRequest

from chat.admin.ledger import RecordAdmin
from chat.admin.site import site
from chat.models import Price, Total


@admin.register(Price, site=site)
class PriceAdmin(RecordAdmin):
    """What is wrong is replaced by another price: what was reckoned with one stays as it was."""

    list_display = (
        "model",
        "effective_from",
        "currency",
        "prompt",
        "cached",
        "completion",
        "long_prompt_over",
        "is_shipped",
    )
    list_filter = ("model", "currency", "is_shipped")
    ordering = ("model", "-effective_from")
    fields = (
        "model",
        "effective_from",
        "currency",
        "prompt",
        "cached",
        "completion",
        "long_prompt_over",
        "long_prompt",
        "long_cached",
        "long_completion",
        "source",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return site.has_permission(request)


@admin.register(Total, site=site)
class TotalAdmin(RecordAdmin):
    list_display = ("grain", "start", "user", "model", "source", "completions", "cost", "currency")
    list_filter = (
        "grain",
        "source",
        "model",
        ("user", admin.RelatedOnlyFieldListFilter),
        "start",
    )
    list_select_related = ("user",)
    ordering = ("-start", "-pk")
    fields = tuple(
        field.name
        for field in Total._meta.concrete_fields
        if not field.name.startswith("first_token_")
    )
