"""The frame of a chart, and what it shows in words."""

from typing import Any

from django import template
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chat.queries.usage import By, Report, Row
from chat.templatetags.chat import money, tokens
from chat.templatetags.usage import hour_label

register = template.Library()

_COST = {
    By.DAY: gettext_lazy("Cost by day"),
    By.MONTH: gettext_lazy("Cost by month"),
    By.HOUR: gettext_lazy("Cost by hour"),
}
_TOKENS = {
    By.DAY: gettext_lazy("Tokens by day"),
    By.MONTH: gettext_lazy("Tokens by month"),
    By.HOUR: gettext_lazy("Tokens by hour"),
}


@register.inclusion_tag("usage/_chart.html")
def chart(report: Report) -> dict[str, Any]:
    """Of the cost over time, or of the tokens where nothing has a price."""
    start, end = _ends(report)
    title = str((_COST if report.total.costs else _TOKENS)[report.by])
    return {
        "by": report.by,
        "start": start,
        "end": end,
        "title": title,
        "sentence": _sentence(report, title),
        "total": report.total,
    }


def _ends(report: Report) -> tuple[str, str]:
    """The first and the last place on the axis, as the table writes them for machines."""
    if report.by == By.HOUR:
        return "00:00", "23:00"
    form = "%Y-%m" if report.by == By.MONTH else "%Y-%m-%d"
    return report.start.strftime(form), report.end.strftime(form)


def _sentence(report: Report, title: str) -> str:
    """What the chart shows, for whoever does not see it."""
    total, highest = report.total, report.highest
    is_money = bool(total.costs)
    return _("%(title)s: %(all)s in all, at most %(most)s (%(when)s).") % {
        "title": title,
        "all": money(total.costs) if is_money else tokens(total.total_tokens),
        "most": money(highest.costs) if is_money else tokens(highest.total_tokens),
        "when": _when(highest, report.by),
    }


def _when(row: Row, by: By) -> str:
    if row.day is None:
        return hour_label(row.hour or 0)
    form = "YEAR_MONTH_FORMAT" if by == By.MONTH else "DATE_FORMAT"
    return formats.date_format(row.day, form)
