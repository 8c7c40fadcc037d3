"""The admin's pages about money: prices, which may be entered and never changed, and totals."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from chat.admin.ledger import RecordAdmin
from chat.admin.site import site
from chat.models import Budget, BudgetRequest, Price, Total


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

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return site.has_permission(request)


@admin.register(Budget, site=site)
class BudgetAdmin(RecordAdmin):
    """A budget that is to end is taken out of force: what it has refused is explained by it."""

    list_display = (
        "__str__",
        "user",
        "group",
        "is_shared",
        "period",
        "tokens",
        "money",
        "currency",
        "is_hard",
        "is_active",
    )
    list_filter = ("period", "is_hard", "is_active")
    list_select_related = ("user", "group")
    ordering = ("pk",)
    fields = list_display[1:]

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return site.has_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return site.has_permission(request)


@admin.register(BudgetRequest, site=site)
class BudgetRequestAdmin(RecordAdmin):
    """Decided on a page of its own, and never changed."""

    list_display = ("__str__", "user", "state", "asked_at", "decided_by", "granted", "until")
    list_filter = ("state",)
    list_select_related = ("user", "decided_by")
    ordering = ("-asked_at", "-pk")
    fields = tuple(field.name for field in BudgetRequest._meta.concrete_fields)


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
