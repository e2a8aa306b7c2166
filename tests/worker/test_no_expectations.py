"""Records without anything expected, where every scorer can do without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burnish.domain.dataset import Dataset
from burnish.domain.job import JobStatus, OptimizerType
from burnish.errors import InvalidInput
from tests.worker.harness import EXPERIMENT, WORDS, WorkerHarness, WorkerProcess


def without_expectations(harness: WorkerHarness) -> str:
    records: list[Any] = [
        ({"review": f"Film {number}: {words}."}, {}) for number in range(12) for words in WORDS.values()
    ]
    return str(harness.tracker.ensure_dataset(Dataset.of(records, "bare"), EXPERIMENT).dataset_id)


@pytest.mark.parametrize("kind", [OptimizerType.JOINT_SEARCH, OptimizerType.FACTORIAL])
async def test_a_job_runs_on_them(tmp_path: Path, kind: OptimizerType) -> None:
    harness = WorkerHarness(tmp_path)
    await harness.submit(
        dataset_id=without_expectations(harness), scorers=("max_length:8",), optimizer_type=kind
    )
    await WorkerProcess(harness).run()
    result = (await harness.result()).check()
    await harness.close()
    assert result.job.status is JobStatus.COMPLETED, result.job.error_message
    assert result.job.test_scores is not None


async def test_a_scorer_that_needs_them_is_named_with_the_first_record(tmp_path: Path) -> None:
    harness = WorkerHarness(tmp_path)
    config = harness.config(
        dataset_id=without_expectations(harness), scorers=("max_length:8", "exact_match", "similarity")
    )
    with pytest.raises(InvalidInput) as refused:
        await harness.resolve(config)
    await harness.close()
    said = [problem.remedy for problem in refused.value.problems if problem.field == "expectations"]
    assert [remedy.split(" cannot")[0] for remedy in said] == [
        "the scorer exact_match",
        "the scorer similarity",
    ]
    assert all("24 of 24 records" in remedy for remedy in said)


async def test_few_shot_says_that_there_is_nothing_to_show(tmp_path: Path) -> None:
    harness = WorkerHarness(tmp_path)
    await harness.submit(
        dataset_id=without_expectations(harness),
        scorers=("max_length:8",),
        optimizer_type=OptimizerType.FEW_SHOT,
    )
    await WorkerProcess(harness).run()
    result = (await harness.result()).check()
    await harness.close()
    assert result.job.status is JobStatus.COMPLETED
    assert any("12 with no expected response" in warning for warning in result.job.warnings)
