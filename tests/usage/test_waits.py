"""How long the first token took, read out of counters between limits."""

from decimal import Decimal

import pytest

from chat.models.total import FIRST_TOKEN_COUNTERS
from chat.queries.usage.waits import Wait, quantile
from chat.templatetags.usage import wait

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
