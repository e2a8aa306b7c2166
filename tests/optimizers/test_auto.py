"""AUTO says what it chooses, before the job and in it."""

from __future__ import annotations

import pytest

from burnish.domain.optimizer_type import OptimizerType
from burnish.optimizers.auto import Auto, choose


@pytest.mark.parametrize(
    ("train", "validation", "max_calls", "reflects", "chosen"),
    [
        (100, 50, None, True, OptimizerType.FACTORIAL),
        (100, 50, 400, True, OptimizerType.FACTORIAL),
        (100, 50, 400, False, OptimizerType.JOINT_SEARCH),
        (100, 50, 150, True, OptimizerType.JOINT_SEARCH),
        (5, 50, None, True, OptimizerType.JOINT_SEARCH),
        (100, 4, None, True, OptimizerType.JOINT_SEARCH),
    ],
)
def test_the_rule(
    train: int, validation: int, max_calls: int | None, reflects: bool, chosen: OptimizerType
) -> None:
    choice = choose(train, validation, max_calls, reflects)
    assert choice.optimizer_type is chosen
    said = Auto.from_settings({}).estimate(train, validation, max_calls).warnings
    assert any(str(choice) in warning for warning in said)


def test_the_estimate_holds_whatever_it_chooses() -> None:
    both = Auto.from_settings({}).estimate(100, 50, None)
    assert both.warnings[0].startswith("with a reflection model auto chooses factorial: ")
    assert both.warnings[1].startswith("without one auto chooses joint-search: ")
    assert both.target_low < both.target_high
