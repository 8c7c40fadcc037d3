"""What a completion costs: by hand, by the seed's own figures, and within its bounds."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chat.completions.events import Usage
from chat.domain import ledger, pricing
from chat.domain.ledger import Receipt
from chat.enums import CompletionState
from chat.models import Completion, Conversation, Price
from tests.factories import begin_turn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shipped_prices")]

NOW = timezone.now()
MODEL = "Gemini-3.0-pro"
# `usage` of the provider's own page.
SEED = Usage(
    prompt_tokens=13,
    completion_tokens=1891,
    total_tokens=1904,
    cached_tokens=0,
    reasoning_tokens=1480,
    raw={"prompt_tokens": 13},
)

rates = st.decimals(0, 1000, places=6)
tokens = st.integers(0, 2_000_000)


def price(**fields: object) -> Price:
    defaults = {"prompt": Decimal("1.60"), "cached": Decimal("0.16"), "completion": Decimal("9.60")}
    return Price(model=MODEL, **defaults | fields)


@pytest.mark.parametrize(
    ("prompt", "cached", "output", "cost"),
    [
        # 13 × 1.60 + 1891 × 9.60, a million.
        (13, 0, 1891, "0.0181744"),
        (1_000_000, 0, 0, "1.60"),
        (1_000_000, 1_000_000, 0, "0.16"),
        (1_000_000, 250_000, 1_000_000, "10.84"),
        (0, 0, 0, "0"),
        (1, 0, 0, "0.0000016"),
        # More cannot come from a cache than was sent.
        (100, 1_000_000, 0, "0.000016"),
    ],
)
def test_tokens_cost_what_a_million_of_them_says(
    prompt: int, cached: int, output: int, cost: str
) -> None:
    assert price().cost(prompt=prompt, cached=cached, output=output) == Decimal(cost)


@pytest.mark.parametrize(
    ("prompt", "cost"), [(200_000, "0.41600"), (200_001, "0.7840032"), (400_000, "1.424")]
)
def test_a_long_prompt_costs_more_all_of_it_and_its_answer(prompt: int, cost: str) -> None:
    tiered = price(
        long_prompt_over=200_000, long_prompt=Decimal("3.20"), long_completion=Decimal("14.40")
    )

    assert tiered.cost(prompt=prompt, cached=0, output=10_000) == Decimal(cost)


def test_without_a_price_for_them_cached_tokens_cost_as_any_others() -> None:
    assert price(cached=None).cost(prompt=100, cached=50, output=0) == Decimal("0.00016")


def test_what_the_cache_saved_is_the_difference() -> None:
    saved = price().saved_by_cache(prompt=1_000_000, cached=500_000)

    assert saved == Decimal("0.72")


def test_a_completion_costs_what_its_price_says_to_the_last_part(
    conversation: Conversation,
) -> None:
    row = _closed(conversation, usage=SEED, is_whole=True, http_status=200)

    assert row.price == Price.objects.get(model=MODEL)
    assert row.cost == row.cost_low == row.cost_high == Decimal("0.0181744")


def test_the_price_at_the_beginning_counts_and_a_later_one_changes_nothing(
    conversation: Conversation,
) -> None:
    row = begin_turn(conversation).reply.completions.get()
    hundred = Decimal(100)
    Price.objects.create(model=MODEL, prompt=hundred, completion=hundred)
    ledger.close_row(row.pk, Receipt(usage=SEED, is_whole=True, http_status=200))

    row.refresh_from_db()
    assert row.cost == Decimal("0.0181744")


def test_the_newest_price_that_has_begun_counts(conversation: Conversation) -> None:
    for days, prompt in ((-3, 5), (-1, 7), (+1, 9)):
        Price.objects.create(
            model=MODEL,
            prompt=Decimal(prompt),
            completion=Decimal(0),
            effective_from=NOW + timedelta(days=days),
        )

    row = _closed(conversation, usage=SEED, is_whole=True, http_status=200)

    assert row.cost == Decimal("0.000091")


def test_without_a_price_the_cost_is_unknown_and_not_zero(conversation: Conversation) -> None:
    Price.objects.all().delete()

    row = _closed(conversation, usage=SEED, is_whole=True, http_status=200)

    assert (row.state, row.cost, row.price) == (CompletionState.FINAL, None, None)
    assert row.is_unpriced


def test_what_was_refused_costs_nothing_with_or_without_a_price(
    conversation: Conversation,
) -> None:
    Price.objects.all().delete()

    row = _closed(conversation, http_status=429, error="rate_limited")

    assert row.state == CompletionState.FAILED
    assert row.cost == 0
    assert not row.is_unpriced


def test_an_estimate_has_a_cost_between_its_bounds(conversation: Conversation) -> None:
    row = _closed(
        conversation,
        http_status=200,
        may_be_billed=True,
        prompt_characters=4000,
        prompt_messages=1,
        output_characters=400,
        model=MODEL,
    )

    assert row.state == CompletionState.ESTIMATED
    assert None not in (row.cost_low, row.cost, row.cost_high)
    assert row.cost_low < row.cost < row.cost_high  # type: ignore[operator]
    # 1004 tokens in, 100 out.
    assert row.cost == Decimal("1004") * Decimal("0.0000016") + Decimal("0.00096")


@given(
    prompt=rates,
    cached=st.none() | rates,
    completion=rates,
    over=st.none() | tokens,
    figures=st.tuples(tokens, tokens, tokens),
    known_cached=st.none() | tokens,
    outputs=st.tuples(tokens, tokens, tokens),
)
def test_whatever_the_price_a_cost_is_exact_and_lies_in_its_bounds(
    prompt: Decimal,
    cached: Decimal | None,
    completion: Decimal,
    over: int | None,
    figures: tuple[int, int, int],
    known_cached: int | None,
    outputs: tuple[int, int, int],
) -> None:
    long = {} if over is None else {"long_prompt": completion, "long_completion": prompt}
    odd = Price(prompt=prompt, cached=cached, completion=completion, long_prompt_over=over, **long)
    low, likely, high = sorted(figures)
    output_low, output, output_high = sorted(outputs)
    row = Completion(
        state=CompletionState.ESTIMATED,
        estimated_prompt_low=low,
        estimated_prompt=likely,
        estimated_prompt_high=high,
        estimated_output_low=output_low,
        estimated_output=output,
        estimated_output_high=output_high,
        cached_tokens=known_cached,
    )

    cost = pricing.cost_of(row, odd)

    assert cost is not None
    assert 0 <= cost.low <= cost.likely <= cost.high
    stored = Completion._meta.get_field("cost").get_prep_value(cost.likely)
    assert Decimal(stored).scaleb(-12) == cost.likely


def test_every_shipped_price_can_be_used_and_says_where_it_is_from() -> None:
    shipped = Price.objects.all()

    assert shipped.count() >= 20
    for each in shipped:
        each.full_clean()
        assert each.is_shipped
        assert each.source
        assert each.cached is not None
        assert each.cached < each.prompt < each.completion


@pytest.mark.parametrize(
    ("model", "rates"),
    [
        ("gemini-3-pro-preview", "1.60 0.160 9.60 3.20 0.319 14.40"),
        ("gemini-2.5-flash-lite", "0.081 0.0083 0.321"),
        ("claude-sonnet-5", "2.70 0.27 13.50"),
        ("gpt-5.5", "5 0.50 30 10 1.00 45"),
        ("deepseek-v4-flash", "0.14 0.028 0.28"),
    ],
)
def test_shipped_prices_are_those_that_were_read(model: str, rates: str) -> None:
    shipped = Price.objects.get(model=model)

    names = ("prompt", "cached", "completion", "long_prompt", "long_cached", "long_completion")
    found = [getattr(shipped, name) for name in names]
    assert [rate for rate in found if rate is not None] == list(map(Decimal, rates.split()))


def _closed(conversation: Conversation, **told: object) -> Completion:
    row = begin_turn(conversation).reply.completions.get()
    assert ledger.close_row(row.pk, Receipt(**told))  # type: ignore[arg-type]
    row.refresh_from_db()
    return row
