"""For how long a link to a conversation lasts."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.utils.translation import gettext_lazy as _

DAYS = ((1, _("1 day")), (7, _("1 week")), (30, _("30 days")))
USUAL = 7


class ShareForm(forms.Form):
    days = forms.TypedChoiceField(
        label=_("The link ends after"), choices=DAYS, coerce=int, initial=USUAL
    )

    @property
    def lasts(self) -> timedelta:
        return timedelta(days=self.cleaned_data["days"])
