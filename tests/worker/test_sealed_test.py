"""The sealed test of a job whose budget runs out in the midst of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from burnish.domain.budget import Budget
from burnish.domain.job import JobStatus, Verdict
from tests.worker.harness import WorkerHarness, WorkerProcess

RECORDS = 48
TEST = 12
CONCURRENCY = 2
WHOLE_BATCHES = 8  # all but the last four examples


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path, records=RECORDS)
    yield harness
    await harness.close()


async def test_every_finished_pair_counts(
    tmp_path: Path, harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whole").mkdir()
    undisturbed = WorkerHarness(tmp_path / "whole", records=RECORDS)
    await undisturbed.submit(concurrency=CONCURRENCY)
    await WorkerProcess(undisturbed).run()
    calls = (await undisturbed.result()).job.usage.total.calls
    await undisturbed.close()

    # There is nothing to spare for what a death costs. (This search ends with less than a plan asks for.)
    monkeypatch.setattr("burnish.planning.resolver.check_budget", lambda plan: None)
    await harness.submit(budget=Budget(max_calls=calls), concurrency=CONCURRENCY)
    await WorkerProcess(harness, dies_at_call=calls - 3).run()
    await WorkerProcess(harness).run(reason="recovered at start")
    job = (await harness.result()).check().job
    assert job.status is JobStatus.COMPLETED, job.error_message
    assert job.test_scores is not None
    assert WHOLE_BATCHES < job.test_scores.examples < TEST
    assert any(f"after {job.test_scores.examples} of {TEST}" in warning for warning in job.warnings)
    assert job.verdict is Verdict.IMPROVED
    assert job.usage.total.calls <= calls
