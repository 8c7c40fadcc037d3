"""The admin's pages about conversations and the ledger: who, when and how much, never what.

Administrators look after evoweb; they do not read along. No page here shows what somebody wrote or
a model answered, nor the title that is made of it, and no filter tells whether it holds a word.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chat.admin.site import site
from chat.enums import CompletionState
from chat.models import Completion, Conversation, Correction, Message
from chat.templatetags.chat import tokens

# What the lists' own filters put into their addresses, after the name of the field.
_LOOKUPS = ("", "__exact", "__id__exact", "__isnull", "__gte", "__lt", "__year", "__month", "__day")


class Unchangeable:
    """To be looked at by those whom the site lets in."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class RecordAdmin(Unchangeable, admin.ModelAdmin):  # type: ignore[type-arg]
    """To be looked at by those whom the site lets in, and to be changed by nobody."""

    # Not even read from the database.
    unread: tuple[str, ...] = ()
    actions = None
    view_on_site = False
    list_per_page = 50
    show_full_result_count = False

    @admin.display(description=_("conversation"))
    def conversation_key(self, record: Message | Completion) -> object:
        return record.conversation_id

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer(*self.unread)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only what the filters ask for: `?text__contains=` would read a text word by word."""
        filters = [item[0] if isinstance(item, tuple) else item for item in self.list_filter]
        return any(lookup == f"{name}{suffix}" for name in filters for suffix in _LOOKUPS)


@admin.register(Conversation, site=site)
class ConversationAdmin(RecordAdmin):
    unread = ("title", "system_prompt")
    list_display = ("id", "owner", "model", "created_at", "active_at", "deleted_at")
    list_filter = (("owner", admin.RelatedOnlyFieldListFilter), "model", "active_at")
    list_select_related = ("owner",)
    ordering = ("-active_at", "-pk")
    fields = ("id", "owner", "model", "revision", "created_at", "active_at", "deleted_at")


@admin.register(Message, site=site)
class MessageAdmin(RecordAdmin):
    unread = ("text", "reasoning")
    list_display = ("id", "conversation_key", "role", "author", "state", "error", "created_at")
    list_filter = ("role", "state", "error", "created_at")
    list_select_related = ("author",)
    ordering = ("-pk",)
    fields = (
        "id",
        "conversation_key",
        "parent_key",
        "role",
        "author",
        "state",
        "error",
        "finish_reason",
        "claim",
        "revision",
        "created_at",
        "stop_requested_at",
        "finished_at",
    )

    @admin.display(description=_("answer to"))
    def parent_key(self, message: Message) -> object:
        return message.parent_id


class CorrectionInline(Unchangeable, admin.TabularInline):  # type: ignore[type-arg]
    """What the row costs after all: the newest counts."""

    model = Correction
    fields = ("price", "cost", "cost_low", "cost_high", "made_at", "made_by", "reason")
    readonly_fields = fields
    ordering = ("-pk",)
    extra = 0
    can_delete = False
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Correction]:
        return super().get_queryset(request).select_related("revaluation__made_by", "price")

    @admin.display(description=_("made"))
    def made_at(self, correction: Correction) -> object:
        return correction.revaluation.made_at

    @admin.display(description=_("made by"))
    def made_by(self, correction: Correction) -> object:
        return correction.revaluation.made_by

    @admin.display(description=_("reason"))
    def reason(self, correction: Correction) -> str:
        return correction.revaluation.reason


@admin.register(Completion, site=site)
class CompletionAdmin(RecordAdmin):
    """The ledger, row by row, with every figure of the upstream."""

    list_display = ("id", "started_at", "user", "model_asked", "state", "tokens_in", "tokens_out")
    list_filter = (
        "state",
        "source",
        "model_asked",
        ("user", admin.RelatedOnlyFieldListFilter),
        "started_at",
    )
    list_select_related = ("user",)
    ordering = ("-started_at", "-pk")
    inlines = (CorrectionInline,)
    fields = tuple(
        f"{field.name}_key" if field.name in ("conversation", "message") else field.name
        for field in Completion._meta.concrete_fields
    )

    @admin.display(description=_("message"))
    def message_key(self, row: Completion) -> object:
        return row.message_id

    @admin.display(description=_("Tokens in"))
    def tokens_in(self, row: Completion) -> str:
        return _marked(row, row.prompt)

    @admin.display(description=_("Tokens out"))
    def tokens_out(self, row: Completion) -> str:
        return _marked(row, row.output)


def _marked(row: Completion, figure: int | None) -> str:
    """What is estimated says so, here as elsewhere, and what was refused has no figures."""
    if row.state == CompletionState.FAILED and figure is None:
        return "–"
    return f"≈ {tokens(figure)}" if row.is_estimated else tokens(figure)
