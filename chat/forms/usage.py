"""What a usage page shows, as it stands in its address."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from chat.enums import Source
from chat.queries import calendar
from chat.queries.usage import Scope
from chat.queries.usage.people import Choices

# Ten years, which are few totals of months.
MAX_DAYS = 3660
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


@dataclass(frozen=True, slots=True)
class Quick:
    """A period that has a name, and so an address that goes with the time."""

    name: str
    label: Any
    start: date
    end: date
    is_shown: bool = False


def quick_periods(today: date) -> list[Quick]:
    first = calendar.first_of_month(today)
    last_month = first - timedelta(days=1)
    return [
        Quick("this-month", _("This month"), first, today),
        Quick("today", _("Today"), today, today),
        Quick("last-month", _("Last month"), calendar.first_of_month(last_month), last_month),
        Quick("last-90-days", _("Last 90 days"), today - timedelta(days=89), today),
    ]


class DaysForm(forms.Form):
    """Forms with a first and a last day."""

    def clean(self) -> dict[str, Any]:
        start, end = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        if start and end and end < start:
            self.add_error("end", _("Give a last day that is not before the first."))
        return self.cleaned_data


class PeriodForm(DaysForm):
    """From one day to another, both included. What is not given is a period by its name, or this
    month to date."""

    start = DayField(_("From"))
    end = DayField(_("To"))

    def __init__(self, query: QueryDict, *, today: date) -> None:
        self._quick = quick_periods(today)
        named = next((each for each in self._quick if each.name == query.get("period")), None)
        chosen = named or self._quick[0]
        self._default = (chosen.start, chosen.end)
        names = ("start", "end")
        given = {name: query[name] for name in names if query.get(name)}
        super().__init__(dict(zip(names, self._default, strict=True)) | given)

    def clean(self) -> dict[str, Any]:
        super().clean()
        start, end = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        if start and end and end - start >= timedelta(days=MAX_DAYS):
            problem = _("Give a period of at most %(count)d days.") % {"count": MAX_DAYS}
            self.add_error("end", problem)
        return self.cleaned_data

    @property
    def period(self) -> tuple[date, date]:
        """The first and the last day: those given, or this month to date if they cannot be used."""
        if not self.is_valid():
            return self._default
        return self.cleaned_data["start"], self.cleaned_data["end"]

    @property
    def quick(self) -> list[Quick]:
        return [
            replace(each, is_shown=(each.start, each.end) == self.period) for each in self._quick
        ]


# A cost centre that is called so cannot be asked for by itself.
WITHOUT_CENTRE = "-"
_ANY = pgettext_lazy("any group, model or cost centre", "All")


class NarrowForm(forms.Form):
    """To a part of the period's use. A field that leaves nothing to choose is not there."""

    group = forms.ChoiceField(
        label=_("Group"),
        required=False,
        error_messages={"invalid_choice": _("Choose a group of the list.")},
    )
    model = forms.ChoiceField(label=_("Model"), required=False)
    source = forms.ChoiceField(
        label=_("Made for"),
        required=False,
        choices=[("", _ANY), *Source.choices],
        error_messages={"invalid_choice": _("Choose one of the list.")},
    )
    cost_centre = forms.ChoiceField(label=_("Cost centre"), required=False)

    def __init__(self, query: QueryDict, choices: Choices, *, names: tuple[str, ...]) -> None:
        super().__init__({name: query.get(name, "") for name in names})
        self._groups = choices.groups
        self._words: dict[str, dict[str, Any]] = {}
        centres = [(each, each) for each in choices.cost_centres]
        offered: dict[str, list[tuple[str, Any]]] = {
            "group": [(str(key), group.name) for key, group in choices.groups.items()],
            "model": [(each, each) for each in choices.models],
            "cost_centre": [(WITHOUT_CENTRE, _("None")), *centres] if centres else [],
            "source": list(Source.choices),
        }
        for name in list(self.fields):
            self._offer(name, offered[name] if name in names else [])

    def _offer(self, name: str, offered: list[tuple[str, Any]]) -> None:
        given = self.data.get(name, "")
        # What was not used in this time may still be asked for, as a bookmark of another does.
        if given and name in ("model", "cost_centre") and given not in dict(offered):
            offered = [*offered, (given, given)]
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _ANY), *offered]
        self._words[name] = dict(offered)
        if len(offered) < 2 and not given:
            del self.fields[name]

    @property
    def chosen(self) -> list[tuple[Any, Any]]:
        """The label of each field that narrows, and what it narrows to."""
        self.is_valid()
        given = [(name, value) for name, value in self.cleaned_data.items() if value]
        return [(self.fields[name].label, self._words[name][value]) for name, value in given]

    def narrow(self, scope: Scope) -> Scope:
        """By what is given and can be used."""
        self.is_valid()
        given = self.cleaned_data
        centre = given.get("cost_centre", "")
        return replace(
            scope,
            group=self._groups.get(int(given.get("group") or 0)),
            model=given.get("model", ""),
            source=given.get("source", ""),
            cost_centre=("" if centre == WITHOUT_CENTRE else centre) if centre else None,
        )
