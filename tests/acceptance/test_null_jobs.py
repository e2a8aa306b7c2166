"""Luck is not registered, and a true gain is: ``python -m bench.null_jobs`` in small, on fixed seeds."""

from __future__ import annotations

import pytest

from bench.null_jobs import gaining_jobs, null_jobs
from burnish.domain.job import OptimizerType


@pytest.mark.parametrize("optimizer", [OptimizerType.JOINT_SEARCH, OptimizerType.METAPROMPT])
async def test_where_no_prompt_is_better_hardly_any_is_registered(optimizer: OptimizerType) -> None:
    tally = await null_jobs(optimizer, jobs=6)
    assert tally.unfinished == []
    assert tally.registered == tally.improved <= 1  # one job in forty is lucky on the sealed test, too


async def test_a_true_gain_is_found_and_registered() -> None:
    tally = await gaining_jobs(jobs=6)
    assert tally.unfinished == []
    assert tally.improved == tally.registered >= 5
