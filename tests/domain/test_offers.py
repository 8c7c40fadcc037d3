"""What is known of the models that can be chosen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import override
from pytest_django import Settings

from chat.domain.offers import Offer, Rates, offers
from chat.models import Price
from chat.templatetags.models import facts, price, short

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def set_price(model: str, prompt: str, *, days: int) -> None:
    since = timezone.now() + timedelta(days=days)
    rates = {"prompt": Decimal(prompt), "completion": Decimal("9.6"), "currency": "EUR"}
    Price.objects.create(model=model, effective_from=since, **rates)


def plainly(words: str) -> str:
    return words.replace("\N{NO-BREAK SPACE}", " ")


def test_each_model_in_the_order_of_the_setting_with_what_operator_and_table_say(
    settings: Settings,
) -> None:
    settings.MODELS = ("b-model", "deepseek-v4-flash", "gemini-2.5-pro")
    settings.CONTEXT_WINDOWS = {"b-model": 32_000}
    settings.PICTURE_MODELS = {"deepseek-v4-flash": True}

    found = offers()

    assert [(each.model, each.is_default) for each in found] == [
        ("b-model", True),
        ("deepseek-v4-flash", False),
        ("gemini-2.5-pro", False),
    ]
    assert [each.window for each in found] == [32_000, 1_000_000, 1_048_576]
    assert [each.takes_pictures for each in found] == [None, True, True]
    assert [each.thinks for each in found] == [None, True, True]


def test_the_rates_are_those_in_force(settings: Settings) -> None:
    settings.MODELS = ("priced", "unpriced")
    set_price("priced", "1", days=-9)
    set_price("priced", "2.125", days=-1)
    set_price("priced", "3", days=1)

    priced, unpriced = offers()

    assert priced.rates == Rates(Decimal("2.125"), Decimal("9.6"), "EUR")
    assert unpriced.rates is None


def test_prices_are_asked_for_now_and_then(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        first = offers()
    with django_assert_num_queries(0):
        assert offers() == first


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "default · reads 1.05 M tokens · no pictures · thinks"),
        ("es", "predeterminado · lee 1,05 M tokens · sin imágenes · piensa"),
    ],
)
def test_facts_are_said_in_few_words(language: str, words: str) -> None:
    offer = Offer("a", True, 1_048_576, takes_pictures=False, thinks=True, rates=None)

    with override(language):
        assert plainly(facts(offer)) == words


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "2.125 in, 10.00 out EUR a million"),
        ("es", "2,125 de entrada, 10,00 de salida EUR por millón"),
    ],
)
def test_rates_are_said_with_all_their_digits(language: str, words: str) -> None:
    rates = Rates(Decimal("2.125000"), Decimal("10"), "EUR")

    with override(language):
        assert price(rates) == words


def test_of_what_nobody_knows_nothing_is_said() -> None:
    offer = Offer("a", False, None, takes_pictures=None, thinks=None, rates=None)

    assert facts(offer) == ""


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (900, "900"),
        (8_192, "8 k"),
        (128_000, "128 k"),
        (1_000_000, "1 M"),
        (1_048_576, "1.05 M"),
        (1_100_000, "1.1 M"),
        (10_000_000, "10 M"),
    ],
)
def test_sizes_are_short(count: int, words: str) -> None:
    assert plainly(short(count)) == words
