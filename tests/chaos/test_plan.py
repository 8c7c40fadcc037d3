"""What happens in a run is decided by its seed."""

from __future__ import annotations

import pytest

from tests.chaos import plan
from tests.chaos.plan import Size

SIZES = [plan.ALONE, plan.SEVERAL, plan.SHORT_ALONE, plan.SHORT_SEVERAL]


def test_the_same_seed_makes_the_same_plan() -> None:
    assert plan.make(7, plan.SEVERAL, nodes=3) == plan.make(7, plan.SEVERAL, nodes=3)


def test_another_seed_makes_another_plan() -> None:
    assert plan.make(7, plan.SEVERAL, nodes=3).talks != plan.make(8, plan.SEVERAL, nodes=3).talks


@pytest.mark.parametrize("size", SIZES)
def test_every_run_kills_and_breaks_everything_that_it_is_to_break(size: Size) -> None:
    made = plan.make(7, size, nodes=3)

    assert sorted(blow.wreck for blow in made.blows) == sorted(size.wrecks)
    assert "kill" in size.wrecks
    assert len(made.talks) == size.talks


def test_a_long_freeze_outlasts_the_patience_of_others() -> None:
    blows = [blow for seed in range(50) for blow in plan.make(seed, plan.SEVERAL, nodes=3).blows]

    assert min(blow.lasts for blow in blows if blow.wreck == "freeze_long") > 15
