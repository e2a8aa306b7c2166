"""Which split a job has that names none."""

from __future__ import annotations

from burnish.domain.job import JobConfig, SplitFractions
from burnish.domain.optimizer_type import OptimizerType


def test_a_split_that_is_left_out_is_the_optimizers_own() -> None:
    by_race = JobConfig(source_prompt_uris=("prompts:/p/1",), optimizer_type=OptimizerType.GEPA)
    by_edits = JobConfig(source_prompt_uris=("prompts:/p/1",), optimizer_type=OptimizerType.FACTORIAL)
    assert by_race.fractions == SplitFractions(0.5, 0.25, 0.25)
    assert by_edits.fractions == SplitFractions(0.45, 0.2, 0.35)


def test_a_split_that_is_named_holds_for_every_optimizer() -> None:
    half = SplitFractions(0.5, 0.3, 0.2)
    for kind in OptimizerType:
        config = JobConfig(source_prompt_uris=("prompts:/p/1",), optimizer_type=kind, split=half)
        assert config.fractions == half


def test_every_optimizers_own_shares_sum_to_one() -> None:
    for kind in OptimizerType:
        assert abs(sum(kind.info.split) - 1) < 1e-9
