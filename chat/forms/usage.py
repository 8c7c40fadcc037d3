"""The period of a usage page, as it stands in its address."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

MAX_DAYS = 400
# Days whose neighbours still exist in every time zone.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


class DayField(forms.DateField):
    """A day as browsers send it, whatever the language of the page."""

    def __init__(self, label: Any, *, required: bool = True) -> None:
        out_of_range = _("Give a day from the year 2000 on.")
        super().__init__(
            label=label,
            required=required,
            input_formats=["%Y-%m-%d"],
            error_messages={
                "required": _("Give a day."),
                "invalid": _("Give a day as year-month-day, such as 2026-11-23."),
            },
            validators=[
                MinValueValidator(FIRST_DAY, out_of_range),
                MaxValueValidator(LAST_DAY, out_of_range),
            ],
            widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        )


class PeriodForm(forms.Form):
    """From one day to another, both included. What is not given is this month to date."""

    start = DayField(_("From"))
    end = DayField(_("To"))

    def __init__(self, query: QueryDict, *, today: date) -> None:
        self._default = (today.replace(day=1), today)
        names = ("start", "end")
        given = {name: query[name] for name in names if query.get(name)}
        super().__init__(dict(zip(names, self._default, strict=True)) | given)

    def clean(self) -> dict[str, Any]:
        start, end = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        if start and end and end < start:
            self.add_error("end", _("Give a last day that is not before the first."))
        elif start and end and end - start >= timedelta(days=MAX_DAYS):
            problem = _("Give a period of at most %(count)d days.") % {"count": MAX_DAYS}
            self.add_error("end", problem)
        return self.cleaned_data

    @property
    def period(self) -> tuple[date, date]:
        """The first and the last day: those given, or this month to date if they cannot be used."""
        if not self.is_valid():
            return self._default
        return self.cleaned_data["start"], self.cleaned_data["end"]
