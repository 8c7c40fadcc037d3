"""Why an answer was good or bad."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from chat.enums import REASONS, Verdict, Why
from chat.models import Feedback
from chat.models.feedback import LONGEST_WORDS


class FeedbackForm(forms.Form):
    reasons = forms.MultipleChoiceField(
        label=_("Reasons"), required=False, widget=forms.CheckboxSelectMultiple
    )
    text = forms.CharField(
        label=_("In your own words"),
        required=False,
        max_length=LONGEST_WORDS,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )
    may_be_read = forms.BooleanField(
        label=_("Reviewers may read these words"),
        required=False,
        help_text=_(
            "They see the words with the model and the day, without your name and without the "
            "chat. Otherwise no page shows them to anybody but you. That you found the answer "
            "good or bad, and the reasons that you tick, count in the figures of its model."
        ),
    )

    def __init__(self, data: Any = None, *, given: Feedback) -> None:
        initial = {
            "reasons": given.reasons,
            "text": given.text,
            "may_be_read": given.may_be_read,
        }
        super().__init__(data, initial=initial, auto_id="feedback-%s")
        reasons = self.fields["reasons"]
        assert isinstance(reasons, forms.MultipleChoiceField)
        reasons.choices = [(why, Why(why).label) for why in REASONS[Verdict(given.verdict)]]
