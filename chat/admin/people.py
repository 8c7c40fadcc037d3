"""The admin's page about people."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Field, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chat.admin.site import site
from chat.domain import accounts
from chat.models import User


@admin.register(User, site=site)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """People come by invitation and stay in the ledger, so none is added or deleted here. Who is
    to be forgotten is erased: the figures stay.

    The address is not changed either: it is the login, and invitations and resets go there.
    """

    list_display = (
        "email",
        "display_name",
        "is_active",
        "is_reviewer",
        "is_superuser",
        "last_login",
    )
    list_filter = ("is_active", "is_reviewer", "is_superuser")
    search_fields = ("email", "display_name")
    ordering = ("email",)
    fields = (
        "email",
        "display_name",
        "language",
        "cost_centre",
        "groups",
        "is_active",
        "is_reviewer",
        "is_superuser",
        "created_at",
        "last_login",
    )
    readonly_fields = ("email", "created_at", "last_login")
    actions = ("switch_off", "erase")
    view_on_site = False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only the filters' own: `?password__startswith=` would read a hash letter by letter."""
        return lookup in {f"{name}__exact" for name in self.list_filter}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Who is erased stays so."""
        return super().has_change_permission(request, obj) and not (obj and obj.erased_at)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Nobody takes their own rights away, so one administrator is always left."""
        own = ("is_active", "is_superuser") if obj == request.user else ()
        return (*self.readonly_fields, *own)

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        if db_field.name == "is_superuser":
            kwargs |= {
                "label": _("Administrator"),
                "help_text": _("Sees the whole team's usage and these pages, and may change them."),
            }
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Write what was changed and no more, so that a password set meanwhile stays."""
        obj.is_staff = obj.is_superuser
        obj.save(update_fields=[*form.changed_data, "is_staff"])
        if "is_active" in form.changed_data and not obj.is_active:
            accounts.switch_off(user=obj)

    @admin.action(description=_("Switch off: end their sessions, let them sign in no more"))
    def switch_off(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Whoever does this stays, also when selected."""
        others = [user for user in queryset.filter(is_active=True) if user != request.user]
        for user in others:
            accounts.switch_off(user=user)
        text = ngettext("%d person is switched off.", "%d people are switched off.", len(others))
        self.message_user(request, text % len(others), messages.SUCCESS)

    @admin.action(description=_("Erase: make them a pseudonym, delete what they wrote"))
    def erase(self, request: HttpRequest, queryset: QuerySet[User]) -> TemplateResponse | None:
        """Asks first. Whoever does this stays, also when selected."""
        others = [user for user in queryset.filter(erased_at=None) if user != request.user]
        if others and "is_sure" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": ngettext("Erase %d person", "Erase %d people", len(others)) % len(others),
                "people": others,
            }
            return TemplateResponse(request, "admin/chat/user/erase.html", context)
        for user in others:
            accounts.erase(user=user)
            self.log_change(request, user, gettext("Erased."))
        text = ngettext("%d person is erased.", "%d people are erased.", len(others))
        self.message_user(request, text % len(others), messages.SUCCESS)
        return None
