"""The table of a usage page. Its figures are written here, once each, and the template only puts
them into cells: a hundred rows of templates in templates took most of a page's time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django import template
from django.template import Context
from django.template.defaulttags import querystring
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chat.queries.usage import By, Report, Row
from chat.rendering.sheet import exact
from chat.templatetags.chat import cost, tokens
from chat.templatetags.usage import hour_label, share, source_label, wait

register = template.Library()

_FIGURES = {
    "cost": gettext_lazy("Cost"),
    "requests": gettext_lazy("Requests"),
    "in": gettext_lazy("Tokens in"),
    "cached": gettext_lazy("Cached"),
    "out": gettext_lazy("Tokens out"),
    "thinking": gettext_lazy("Thinking"),
}
_OUTCOMES = {
    "requests": gettext_lazy("Requests"),
    "failed": gettext_lazy("Failed"),
    "stopped": gettext_lazy("Stopped"),
    "estimated": gettext_lazy("Estimated"),
    "p50": gettext_lazy("First text, half within"),
    "p95": gettext_lazy("First text, 95 of 100 within"),
}
_CLASSES = {
    By.PERSON: "table__person",
    By.GROUP: "table__person",
    By.COST_CENTRE: "table__person",
    By.CONVERSATION: "table__title",
    By.MODEL: "table__model",
    By.OUTCOME: "table__model",
}
# What an address of this page asks for and the page of one person has no use for.
_OF_ALL = dict.fromkeys(("by", "sort", "q", "page", "group"))


class Head(NamedTuple):
    """Of a column that can be sorted by."""

    column: str
    label: str
    direction: str
    address: str


class Cell(NamedTuple):
    text: str
    # For the chart to the last digit, of what there is: an unknown cost is empty.
    exact: str | None = None
    # How many hundredths of the whole it is, as SVG reads it.
    share: str = ""


class Name(NamedTuple):
    """What a row is of; the same for machines where it is a time, and where it leads."""

    text: str
    moment: str = ""
    address: str = ""


@register.inclusion_tag("usage/_table.html", takes_context=True)
def table(context: Context) -> dict[str, Any]:
    report: Report = context["report"]
    by = report.by
    name, columns, cells = context["label"], _FIGURES, _figures
    if by == By.OUTCOME:
        name, columns, cells = _("Model"), _OUTCOMES, _outcomes
    whole = Row() if by.is_of_time else report.total
    query = querystring(context, **_OF_ALL) if by == By.PERSON else ""
    return {
        "kind": by,
        "label": context["label"],
        "heads": [_head(context, *column) for column in [("name", name), *columns.items()]],
        "name_class": _CLASSES.get(by, ""),
        "lines": [(_NAMES[by](row, query), cells(row, whole)) for row in context["rows"]],
        "in_all": cells(context["in_all"], Row()),
    }


def _head(context: Context, column: str, label: Any) -> Head:
    """Its first click brings the most to the top, of names the first."""
    sort = str(context.get("sort", ""))
    first, other = (column, f"-{column}") if column == "name" else (f"-{column}", column)
    direction = {column: "ascending", f"-{column}": "descending"}.get(sort, "")
    address = querystring(context, sort=other if sort == first else first, page=None)
    return Head(column, str(label), direction, address)


def _figures(row: Row, whole: Row) -> Iterable[Cell]:
    if row.is_unbilled:
        nothing = Cell("–")
        return (nothing, Cell(tokens(row.completions)), nothing, nothing, nothing, nothing)
    about = "≈ " if row.estimated else ""
    return (
        Cell(cost(row), _exact_costs(row), _share_of_cost(row, whole)),
        Cell(tokens(row.completions)),
        Cell(about + tokens(row.prompt_tokens), _exact_tokens(row)),
        Cell(tokens(row.cached_tokens)),
        Cell(about + tokens(row.output_tokens)),
        Cell(tokens(row.reasoning_tokens)),
    )


def _outcomes(row: Row, whole: Row) -> Iterable[Cell]:
    counts = (row.failed, row.stopped, row.estimated)
    waits = (row.first_token_p50, row.first_token_p95)
    return (
        Cell(tokens(row.completions)),
        *(Cell(share(count, row.completions)) for count in counts),
        *(Cell(wait(each)) for each in waits),
    )


def _exact_costs(row: Row) -> str:
    """Each currency with its amount, and how much of that is certain: "EUR:1.25:1.25 USD:3:2.5"."""
    pairs = zip(row.costs, row.costs_low or row.costs, strict=True)
    return " ".join(f"{letters}:{exact(cost)}:{exact(low)}" for (letters, cost), (_, low) in pairs)


def _exact_tokens(row: Row) -> str:
    """In the same way: "tokens:1904:1904"."""
    if row.total_tokens is None:
        return ""
    return f"tokens:{row.total_tokens}:{row.prompt_low + row.output_low}"


def _share_of_cost(row: Row, whole: Row) -> str:
    """If the whole cost is in one currency."""
    if len(whole.costs) != 1 or not row.costs or not whole.costs[0][1]:
        return ""
    return f"{100 * row.costs[0][1] / whole.costs[0][1]:.1f}"


def _day(row: Row, _query: str) -> Name:
    assert row.day is not None
    return Name(formats.date_format(row.day, "DATE_FORMAT"), f"{row.day:%Y-%m-%d}")


def _month(row: Row, _query: str) -> Name:
    assert row.day is not None
    return Name(formats.date_format(row.day, "YEAR_MONTH_FORMAT"), f"{row.day:%Y-%m}")


def _hour(row: Row, _query: str) -> Name:
    assert row.hour is not None
    return Name(hour_label(row.hour), f"{row.hour:02}:00")


def _person(row: Row, query: str) -> Name:
    assert row.user is not None
    address = reverse("person_usage", args=(row.user.pk,))
    return Name(row.user.name or "–", address=address + query)


def _conversation(row: Row, _query: str) -> Name:
    if row.conversation is None:
        return Name(_("Deleted conversations"))
    return Name(row.conversation.title, address=row.conversation.get_absolute_url())


_NAMES: dict[By, Callable[[Row, str], Name]] = {
    By.DAY: _day,
    By.MONTH: _month,
    By.HOUR: _hour,
    By.PERSON: _person,
    By.GROUP: lambda row, _query: Name(row.group or _("Without a group")),
    By.MODEL: lambda row, _query: Name(row.model),
    By.OUTCOME: lambda row, _query: Name(row.model),
    By.SOURCE: lambda row, _query: Name(source_label(row.source)),
    By.COST_CENTRE: lambda row, _query: Name(row.cost_centre or _("Without a cost centre")),
    By.CONVERSATION: _conversation,
}
