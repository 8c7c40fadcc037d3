"""News in words: what a notice says on a page and in a mail, and where it leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from chat.enums import News
from chat.models import Notice
from chat.rendering import budgets

Figures = Mapping[str, Any]


def words(notice: Notice) -> str:
    """In the language and the time zone of the moment."""
    return _WORDS[News(notice.kind)](notice.figures)


def title(notice: Notice) -> str:
    """What a mail is called."""
    return f"evoweb: {News(notice.kind).label}"


def address(notice: Notice) -> str:
    """The path of the page on which something can be done about it."""
    figures = notice.figures
    match News(notice.kind):
        case News.MORE_ASKED:
            return reverse("budget_requests")
        case News.MORE_GRANTED | News.MORE_DECLINED:
            return reverse("my_requests")
        case News.SPIKE:
            return reverse("person_usage", args=(figures["user"],))
        case News.FAILING:
            return f"{reverse('team_usage')}?by=outcome"
        case News.METER_DIFFERS | News.BALANCE_LOW:
            return reverse("meter")
        case News.UNPRICED:
            return f"{reverse('model_prices')}?{urlencode({'model': figures['model']})}"
    if figures.get("is_for_others"):
        return reverse("budget_list")
    return reverse("ask_for_more", args=(figures["budget"],))


def _low(figures: Figures) -> str:
    percent = figures["used"] * 100 // max(1, figures["limit"])
    sentence = _(
        "%(budget)s: %(percent)d %% used, %(used)s of %(limit)s. It starts anew on %(when)s."
    )
    return sentence % {"percent": percent, **_standing(figures)}


def _reached(figures: Figures) -> str:
    sentence = _("%(budget)s: used up, %(used)s of %(limit)s. It starts anew on %(when)s.")
    return sentence % _standing(figures)


def _asked(figures: Figures) -> str:
    sentence = _("%(name)s asks for more (%(budget)s): %(reason)s")
    return sentence % {
        "name": figures["asker"],
        "budget": budgets.whose_of(figures),
        "reason": figures["reason"],
    }


def _granted(figures: Figures) -> str:
    last = datetime.fromisoformat(figures["until"]) - timedelta(seconds=1)
    day = timezone.localdate(last, timezone.get_default_timezone())
    sentence = _("You have %(amount)s more until the end of %(day)s. %(words)s")
    return (
        sentence
        % {
            "amount": budgets.amount(figures["amount"], figures["currency"]),
            "day": formats.date_format(day, "DATE_FORMAT"),
            "words": figures["words"],
        }
    ).strip()


def _declined(figures: Figures) -> str:
    return f"{_('You do not get more of the budget.')} {figures['words']}".strip()


def _standing(figures: Figures) -> dict[str, str]:
    call = budgets.whose_of if figures.get("is_for_others") else budgets.name_of
    moment = timezone.localtime(datetime.fromisoformat(figures["resets_at"]))
    return {
        "budget": call(figures),
        "used": budgets.figure(figures["used"], figures["currency"]),
        "limit": budgets.amount(figures["limit"], figures["currency"]),
        "when": formats.date_format(moment, "DATETIME_FORMAT"),
    }


def _spike(figures: Figures) -> str:
    sentence = _("%(name)s used %(amount)s in a day, and %(usual)s on a usual one.")
    return sentence % {"name": figures["name"], **_amounts(figures, "amount", "usual")}


def _failing(figures: Figures) -> str:
    sentence = _("%(model)s failed for %(failed)d of %(requests)d requests in a day.")
    return sentence % figures


def _meter_differs(figures: Figures) -> str:
    sentence = _(
        "The meter of the model's service moved by %(moved)s in 24 hours, and the ledger has "
        "%(ledger)s. Others may use the same key, or a price is wrong."
    )
    return sentence % _amounts(figures, "moved", "ledger")


def _balance_low(figures: Figures) -> str:
    sentence = _(
        "The balance with the model's service is low: about %(left)s are left. Top it up before "
        "answers are refused."
    )
    return sentence % _amounts(figures, "left")


def _unpriced(figures: Figures) -> str:
    return _("%(model)s has no price: what its requests cost is unknown.") % figures


def _amounts(figures: Figures, *names: str) -> dict[str, str]:
    return {name: budgets.amount(figures[name], figures["currency"]) for name in names}


_WORDS: dict[News, Callable[[Figures], str]] = {
    News.BUDGET_LOW: _low,
    News.BUDGET_REACHED: _reached,
    News.MORE_ASKED: _asked,
    News.MORE_GRANTED: _granted,
    News.MORE_DECLINED: _declined,
    News.SPIKE: _spike,
    News.FAILING: _failing,
    News.METER_DIFFERS: _meter_differs,
    News.BALANCE_LOW: _balance_low,
    News.UNPRICED: _unpriced,
}
