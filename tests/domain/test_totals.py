"""The totals are what the ledger adds up to, whatever happens to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from chat.completions.events import Usage
from chat.domain import ledger, revaluing, totals
from chat.domain.ledger import Receipt
from chat.enums import Grain, Source
from chat.models import Completion, Correction, Price, Total, User
from chat.queries import costs
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shipped_prices")]

MADRID = ZoneInfo("Europe/Madrid")
NOON = datetime(2026, 11, 10, 12, 34, 56, tzinfo=UTC)


@pytest.fixture(autouse=True)
def madrid(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Madrid"


@pytest.fixture
def ana(db: None) -> User:
    return make_user("ana")


def opened(user: User, started_at: datetime = NOON, **fields: Any) -> Completion:
    fields = {"model_asked": "Gemini-3.0-pro", "source": Source.CHAT} | fields
    return Completion.objects.create(user=user, started_at=started_at, **fields)


def final(prompt: int, output: int, *, cached: int = 0, thinking: int = 0) -> Receipt:
    usage = Usage(
        prompt_tokens=prompt,
        completion_tokens=output,
        cached_tokens=cached,
        reasoning_tokens=thinking,
    )
    return Receipt(http_status=200, is_whole=True, usage=usage, may_be_billed=True)


def estimated(characters: int) -> Receipt:
    return Receipt(
        http_status=200,
        may_be_billed=True,
        was_stopped=True,
        prompt_characters=characters,
        prompt_messages=1,
        output_characters=characters,
        model="Gemini-3.0-pro",
    )


REFUSED = Receipt(http_status=429, error="rate_limited")


def test_a_row_counts_once_it_is_closed_in_its_hour_day_and_month(ana: User) -> None:
    row = opened(ana)
    assert not Total.objects.exists()

    ledger.close_row(row.pk, final(1_000_000, 100_000, cached=500_000, thinking=60_000))
    ledger.close_row(row.pk, final(1, 1))

    found = {total.grain: total for total in Total.objects.all()}
    assert {grain: total.start for grain, total in found.items()} == {
        Grain.HOUR: datetime(2026, 11, 10, 13, tzinfo=MADRID),
        Grain.DAY: datetime(2026, 11, 10, tzinfo=MADRID),
        Grain.MONTH: datetime(2026, 11, 1, tzinfo=MADRID),
        Grain.TALK: datetime(2026, 11, 10, tzinfo=MADRID),
    }
    for total in found.values():
        assert (total.user, total.model, total.source, total.currency) == (
            ana,
            "Gemini-3.0-pro",
            Source.CHAT,
            "USD",
        )
        assert (total.completions, total.estimated, total.failed, total.unknown) == (1, 0, 0, 0)
        assert (total.prompt_tokens, total.cached_tokens) == (1_000_000, 500_000)
        assert (total.output_tokens, total.reasoning_tokens) == (100_000, 60_000)
        # A long prompt: 3.20 and 0.319 in, 14.40 out.
        assert total.cost == Decimal("1.60") + Decimal("0.1595") + Decimal("1.44")
        assert total.saved_by_cache == Decimal("1.60") - Decimal("0.1595")


def test_rows_of_one_hour_add_up_and_others_stand_apart(ana: User) -> None:
    for minutes in (0, 10, 20, 60):
        row = opened(ana, NOON + timedelta(minutes=minutes))
        ledger.close_row(row.pk, final(10, 5))

    hours = Total.objects.by(Grain.HOUR).order_by("start")
    assert [(hour.completions, hour.output_tokens) for hour in hours] == [(3, 15), (1, 5)]
    assert Total.objects.by(Grain.DAY).get().prompt_tokens == 40


def test_an_estimate_adds_its_bounds_and_what_was_refused_is_counted(ana: User) -> None:
    for receipt in (estimated(600), final(10, 5), REFUSED):
        ledger.close_row(opened(ana).pk, receipt)

    day = Total.objects.by(Grain.DAY).get()
    row = Completion.objects.get(state="estimated")
    assert (day.completions, day.estimated, day.stopped) == (3, 1, 1)
    assert (day.failed, day.unknown, day.unpriced) == (1, 0, 0)
    for figure, whole in (("prompt", 10), ("output", 5)):
        for bound in ("low", "high"):
            added = getattr(row, f"estimated_{figure}_{bound}")
            assert getattr(day, f"{figure}_{bound}") == added + whole
    assert day.cost_low < day.cost < day.cost_high


def test_what_has_no_price_is_counted_as_such(ana: User) -> None:
    Price.objects.all().delete()

    ledger.close_row(opened(ana).pk, final(10, 5))

    day = Total.objects.by(Grain.DAY).get()
    assert (day.currency, day.unpriced, day.cost) == ("", 1, Decimal(0))


def test_what_was_only_refused_has_no_tokens_which_is_not_zero(ana: User) -> None:
    ledger.close_row(opened(ana).pk, REFUSED)

    day = Total.objects.by(Grain.DAY).get()
    assert (day.prompt_tokens, day.output_tokens, day.cost) == (None, None, Decimal(0))


def test_the_hour_that_the_clocks_repeat_is_two_hours(ana: User) -> None:
    for hour in (0, 1):
        row = opened(ana, datetime(2026, 10, 25, hour, 30, tzinfo=UTC))
        ledger.close_row(row.pk, final(10, 5))

    hours = Total.objects.by(Grain.HOUR).order_by("start").values_list("start", flat=True)
    assert list(hours) == [datetime(2026, 10, 25, hour, tzinfo=UTC) for hour in (0, 1)]
    assert list(totals.differences()) == []


def test_how_long_the_first_token_took_is_counted(ana: User) -> None:
    for seconds in (0.25, 0.26, 4, 61):
        receipt = final(10, 5)
        receipt.first_token_at = NOON + timedelta(seconds=seconds)
        ledger.close_row(opened(ana).pk, receipt)

    day = Total.objects.by(Grain.DAY).get()
    counters = [getattr(day, f"first_token_{number}") for number in range(12)]
    assert counters == [1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]


def test_a_close_that_is_rolled_back_is_not_added(ana: User) -> None:
    row = opened(ana)

    with transaction.atomic():
        ledger.close_row(row.pk, final(10, 5))
        transaction.set_rollback(True)

    assert not Total.objects.exists()


# Compared with the ledger, and mended


@pytest.mark.parametrize(
    "spoil",
    [
        lambda: Total.objects.all().delete(),
        lambda: Total.objects.by(Grain.DAY).delete(),
        lambda: Total.objects.by(Grain.HOUR).update(cost=Decimal(5)),
        lambda: Total.objects.update(prompt_tokens=None, completions=7),
        lambda: Total.objects.update(model="another"),
        lambda: Total.objects.update(start=NOON + timedelta(days=90)),
    ],
)
def test_what_is_wrong_is_found_and_mended(
    ana: User, spoil: Callable[[], object], capsys: pytest.CaptureFixture[str]
) -> None:
    for receipt in (estimated(600), final(10, 5), REFUSED):
        ledger.close_row(opened(ana).pk, receipt)
    right = _stored()
    call_command("usage", "verify")
    assert "agree" in capsys.readouterr().out

    spoil()

    assert _stored() != right
    with pytest.raises(CommandError, match="differ from the ledger"):
        call_command("usage", "verify")
    assert "ana" in capsys.readouterr().out
    call_command("usage", "rebuild")
    assert _stored() == right
    call_command("usage", "verify")


amounts = st.integers(0, 10**6)
receipts = st.one_of(
    st.builds(final, amounts, amounts, cached=amounts, thinking=amounts),
    st.builds(estimated, amounts),
    st.just(REFUSED),
)
moments = st.datetimes(
    datetime(2026, 10, 24), datetime(2026, 11, 3), timezones=st.sampled_from([UTC, MADRID])
)


def revalued(model: str, *, includes_priced: bool) -> None:
    revaluation = revaluing.begin(
        model=model, by=None, reason="Missing", includes_priced=includes_priced
    )
    while not revaluing.proceed(revaluation, seconds=0):
        pass


@given(
    rows=st.lists(
        st.tuples(moments, receipts, st.sampled_from(["Gemini-3.0-pro", "unheard-of"])), max_size=12
    ),
    closes=st.lists(st.integers(0, 11), max_size=24),
    price_at=st.integers(0, 12),
    revaluations=st.lists(
        st.tuples(st.integers(0, 24), moments, st.sampled_from(["EUR", "USD"]), st.booleans()),
        max_size=4,
    ),
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_is_opened_closed_and_priced_the_totals_are_the_sums(
    ana: User,
    rows: list[tuple[datetime, Receipt, str]],
    closes: list[int],
    price_at: int,
    revaluations: list[tuple[int, datetime, str, bool]],
) -> None:
    Total.objects.all().delete()
    while Correction.objects.filter(replaced_by=None).delete()[0]:
        pass
    Completion.objects.all().delete()
    Price.objects.filter(is_shipped=False).delete()
    opened_rows = [opened(ana, moment, model_asked=model) for moment, _receipt, model in rows]
    for number, place in enumerate(closes):
        if number == price_at:
            Price.objects.create(
                model="unheard-of", prompt=Decimal(3), completion=Decimal(4), currency="EUR"
            )
        if place < len(rows):
            ledger.close_row(opened_rows[place].pk, rows[place][1])
        for at, moment, currency, includes_priced in revaluations:
            if at == number:
                rates = {"prompt": Decimal(at + 1), "completion": Decimal(7), "currency": currency}
                Price.objects.get_or_create(
                    model="unheard-of", effective_from=moment, defaults=rates
                )
                revalued("unheard-of", includes_priced=includes_priced)

    assert list(totals.differences()) == []
    assert not Total.objects.filter(completions=0).exists()
    closed: list[Any] = list(costs.valued(Completion.objects.closed()))
    for grain in Grain:
        kept = list(Total.objects.by(grain))
        assert sum(total.completions for total in kept) == len(closed)
        for name, figures in (
            ("prompt_tokens", [row.prompt for row in closed]),
            ("output_tokens", [row.output for row in closed]),
            ("cost", [row.valued_cost for row in closed]),
            ("cost_high", [row.valued_high for row in closed]),
        ):
            assert _sum(getattr(total, name) for total in kept) == _sum(figures)


def _sum(figures: Iterable[Any]) -> Any:
    return sum(figure for figure in figures if figure is not None)


def _stored() -> list[tuple[Any, ...]]:
    return sorted(Total.objects.values_list(*Total.KEY, *totals.ADDED), key=str)
