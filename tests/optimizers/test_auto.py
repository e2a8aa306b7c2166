"""AUTO says what it chooses, before the job and in it."""

from __future__ import annotations

import pytest

from burnish.domain.optimizer_type import OptimizerType
from burnish.optimizers.auto import Auto, choose


@pytest.mark.parametrize(
    ("train", "validation", "max_calls", "chosen"),
    [
        (100, 50, None, OptimizerType.FACTORIAL),
        (100, 50, 400, OptimizerType.FACTORIAL),
        (100, 50, 150, OptimizerType.JOINT_SEARCH),
        (5, 50, None, OptimizerType.JOINT_SEARCH),
        (100, 4, None, OptimizerType.JOINT_SEARCH),
    ],
)
def test_the_rule(train: int, validation: int, max_calls: int | None, chosen: OptimizerType) -> None:
    assert choose(train, validation, max_calls).optimizer_type is chosen
    said = Auto.from_settings({}).estimate(train, validation, max_calls).warnings[0]
    assert said.startswith(f"auto chooses {chosen.cli_name}: ")
