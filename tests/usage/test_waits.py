"""How long first tokens took, out of counters, and how waits and shares are written."""

from decimal import Decimal

import pytest

from chat.models.total import FIRST_TOKEN_COUNTERS
from chat.queries.usage.waits import Wait, quantile
from chat.templatetags.usage import share, wait

HALF = Decimal("0.5")


def counted(**counters: int) -> tuple[int, ...]:
    return tuple(counters.get(name, 0) for name in FIRST_TOKEN_COUNTERS)


def test_between_two_limits_they_are_spread_evenly() -> None:
    # Four between 1 s and 2 s: the second of them is half way.
    assert quantile(counted(first_token_3=4), HALF) == Wait(Decimal("1.5"))


def test_the_place_is_found_by_how_many_there_are_before_it() -> None:
    # 10 up to 0.5 s, 10 from 2 s to 3 s: of 20 the 19th is nine tenths on the way.
    counts = counted(first_token_1=10, first_token_4=10)

    assert quantile(counts, Decimal("0.95")) == Wait(Decimal("2.9"))
    assert quantile(counts, HALF) == Wait(Decimal("0.5"))


@pytest.mark.parametrize(
    ("counter", "words"), [("first_token_0", "≤\xa00.25 s"), ("first_token_11", ">\xa060 s")]
)
def test_at_the_ends_only_the_limit_is_known(counter: str, words: str) -> None:
    assert wait(quantile(counted(**{counter: 3}), HALF)) == words


@pytest.mark.parametrize("counts", [(), counted()])
def test_where_nothing_was_counted_nothing_is_said(counts: tuple[int, ...]) -> None:
    assert quantile(counts, HALF) is None
    assert wait(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [("0.096", "0.10 s"), ("1.96", "2.0 s"), ("12.6", "13 s"), ("59.7", "60 s")],
)
def test_a_wait_is_rounded_and_not_cut_off(seconds: str, words: str) -> None:
    assert wait(Wait(Decimal(seconds))) == words


@pytest.mark.parametrize(
    ("count", "whole", "words"),
    [(2, 3, "66.7\xa0%"), (1, 3, "33.3\xa0%"), (0, 3, "0.0\xa0%"), (0, 0, "–")],
)
def test_a_share_is_rounded_and_not_cut_off(count: int, whole: int, words: str) -> None:
    assert share(count, whole) == words
