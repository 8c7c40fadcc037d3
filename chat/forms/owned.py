"""What is common to the forms of all that people make for themselves or for everybody."""

from __future__ import annotations

from typing import ClassVar

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chat.models import User


class OwnedForm(forms.Form):
    """Its subclass says what is wrong with a name that another one has: one's own, a shared one."""

    is_shared = forms.BooleanField(
        label=_("Shared with everybody"),
        required=False,
        help_text=_("Everybody here can use it; administrators change it."),
    )

    name_taken: ClassVar[Promise]
    shared_name_taken: ClassVar[Promise]

    def ask_who_may_share(self, by: User) -> None:
        """What is shared is no single person's to change, so that nobody else is asked."""
        if not by.is_administrator:
            del self.fields["is_shared"]

    @property
    def is_for_all(self) -> bool:
        return bool(self.cleaned_data.get("is_shared"))

    def refuse_name(self) -> None:
        """There is one of this name already."""
        self.add_error("name", str(self.shared_name_taken if self.is_for_all else self.name_taken))
