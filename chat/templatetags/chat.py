"""How templates write a model's text and the figures of the ledger."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.conf import settings
from django.utils import formats, timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from chat.domain.next_request import NextRequest, after
from chat.models import Budget, Conversation, Notice
from chat.queries import calendar
from chat.queries.thread import Entry
from chat.queries.usage import Amounts, Row
from chat.rendering import budgets, notices
from chat.rendering.kept import render
from chat.rendering.live import LiveMarkdown

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    return render(text)


@register.filter
def live_markdown(text: str) -> SafeString:
    """Of an answer that is still being written, so that what comes can be added to it."""
    return mark_safe(LiveMarkdown(text, may_wait=True).html)  # noqa: S308


@register.filter
def other_models(conversation: Conversation) -> list[str]:
    """What is offered beside the model of a conversation."""
    return [model for model in settings.MODELS if model != conversation.model]


@register.filter
def next_request(entries: Iterable[Entry]) -> NextRequest | None:
    """What is known of it from the last reply, where that is among these and over."""
    for entry in entries:
        reply, row = entry.message, entry.completion
        if entry.is_last and reply.is_reply and not reply.is_running and row is not None:
            return after(reply, row)
    return None


@register.filter
def settings_of(parameters: Mapping[str, Any]) -> str:
    """What a reply was asked with, as one line."""
    names = {
        "temperature": _("Temperature"),
        "top_p": _("Top P"),
        "top_k": _("Top K"),
        "max_tokens": _("Longest answer, in tokens"),
    }
    words = [
        f"{name}: {formats.localize(parameters[key], use_l10n=True)}"
        for key, name in names.items()
        if parameters.get(key) is not None
    ]
    if parameters.get("stream") is False:
        words.append(_("The whole answer at once"))
    return ", ".join(words) or _("None but the model’s own")


@register.filter
def tokens(count: int | None) -> str:
    """A number of tokens; one that nobody gave is unknown, which is not zero."""
    if count is None:
        return _("unknown")
    return formats.number_format(count, decimal_pos=0, force_grouping=True)


@register.filter
def money(amounts: Amounts) -> str:
    """Amounts of each currency, rounded to be read."""
    space = "\N{NO-BREAK SPACE}"
    return " + ".join(f"{budgets.written(amount)}{space}{currency}" for currency, amount in amounts)


@register.filter
def cost(row: Row) -> str:
    """What it has cost, as far as that is known."""
    if not row.is_priced:
        return pgettext("a cost", "unknown")
    mark = "≥ " if row.unpriced else "≈ " if row.estimated else ""
    return mark + money(row.costs)


@register.filter
def amount(parts: int, currency: str) -> str:
    """So much of a budget."""
    return budgets.amount(parts, currency)


@register.filter
def figure(parts: int, currency: str) -> str:
    return budgets.figure(parts, currency)


@register.filter
def budget_name(budget: Budget) -> str:
    return budgets.name(budget)


@register.filter
def budget_whose(budget: Budget) -> str:
    return budgets.whose_of(budget.facts)


@register.filter
def news(notice: Notice) -> str:
    return notices.words(notice)


@register.filter
def news_address(notice: Notice) -> str:
    return notices.address(notice)


@register.filter
def measured(figure: Decimal, currency: str) -> str:
    """Money of a currency, or tokens where there is none."""
    return money(((currency, figure),)) if currency else tokens(int(figure))


@register.filter
def difference(figure: Decimal, currency: str) -> str:
    return f"{_sign(figure)}{measured(abs(figure), currency)}"


@register.filter
def percent(share: Decimal) -> str:
    """By how much something differs, with the sign."""
    return f"{_sign(share)}{part(abs(share))}"


@register.filter
def part(share: Decimal) -> str:
    rounded = formats.number_format(round(share * 100, 1), decimal_pos=1, force_grouping=True)
    return f"{rounded}\N{NO-BREAK SPACE}%"


def _sign(figure: Decimal) -> str:
    return "+" if figure > 0 else "\N{MINUS SIGN}" if figure < 0 else ""


@register.filter
def credits(count: Decimal) -> str:
    return formats.number_format(round(count, 2).normalize(), force_grouping=True)


@register.filter
def changed(amounts: Amounts) -> str:
    """By how much: with its sign, which tells more from less."""
    space = "\N{NO-BREAK SPACE}"
    return ", ".join(
        f"{_sign(amount) or '±'}{budgets.written(abs(amount))}{space}{currency}"
        for currency, amount in amounts
    )


@register.filter
def rate(amount: Decimal | None) -> str:
    """What a million tokens cost: all its digits, and at least hundredths."""
    if amount is None:
        return "–"
    exact = amount.normalize()
    places = max(2, -int(exact.as_tuple().exponent))
    return formats.number_format(amount, decimal_pos=places, force_grouping=True)


@register.filter
def seconds(span: timedelta | None) -> str:
    """A span as precise as it is worth: "340 ms", "1.2 s", "2 min 5 s"."""
    if span is None:
        return _("unknown")
    milliseconds = max(0, round(span / timedelta(milliseconds=1)))
    if milliseconds < 1000:
        return _("%(count)d ms") % {"count": milliseconds}
    # What would be written as 60.0 s is a minute already.
    if milliseconds < 59_950:
        count = formats.number_format(round(milliseconds / 1000, 1), decimal_pos=1)
        return _("%(count)s s") % {"count": count}
    minutes, rest = divmod(round(milliseconds / 1000), 60)
    return _("%(minutes)s min %(seconds)d s") % {
        "minutes": formats.number_format(minutes, force_grouping=True),
        "seconds": rest,
    }


@register.filter
def clock(moment: datetime) -> str:
    """The time, with its day before it unless that is today."""
    local = timezone.localtime(moment)
    time = formats.date_format(local, "TIME_FORMAT")
    today = timezone.localdate()
    if local.date() == today:
        return time
    day = "MONTH_DAY_FORMAT" if local.year == today.year else "DATE_FORMAT"
    return f"{formats.date_format(local, day)}, {time}"


@register.filter
def team_day(moment: datetime) -> str:
    """The team's day that begins then, whatever the reader's clock says."""
    return formats.date_format(calendar.today(moment), "DATE_FORMAT")


@register.filter
def day_label(moment: date | datetime) -> str:
    """The day, as the reader's calendar has it and as people say it."""
    day = timezone.localdate(moment) if isinstance(moment, datetime) else moment
    match (timezone.localdate() - day).days:
        case 0:
            return _("Today")
        case 1:
            return _("Yesterday")
    return formats.date_format(day, "DATE_FORMAT")
