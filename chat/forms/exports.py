"""Which part of the ledger is wanted, as it stands in the address of a file."""

from __future__ import annotations

from datetime import datetime

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from chat.forms.usage import DayField, DaysForm
from chat.models import User
from chat.queries.ledger import Selection


class SelectionForm(DaysForm):
    """From one day to another, both included, and whose. What is not given is no limit."""

    start = DayField(_("From"), required=False)
    end = DayField(_("To"), required=False)
    person = forms.ModelChoiceField(User.objects.all(), required=False)

    def __init__(self, query: QueryDict, *, user: User | None) -> None:
        """Of `user` alone, or of everybody, of whom one may be named."""
        super().__init__(query)
        self._user = user
        if user is not None:
            del self.fields["person"]

    def selection(self, *, ended_by: datetime) -> Selection:
        """What a valid form asks for."""
        whose = self._user or self.cleaned_data["person"]
        return Selection(
            ended_by=ended_by,
            user_id=whose.pk if whose else None,
            start=self.cleaned_data["start"],
            end=self.cleaned_data["end"],
        )
