"""Evaluations of a completed job as MLflow traces."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from burnish.domain.job import JobStatus, TracePolicy
from burnish.errors import TrackingUnavailable
from tests.worker.harness import WorkerHarness, WorkerProcess


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    harness = WorkerHarness(tmp_path)
    yield harness
    await harness.close()


async def written(harness: WorkerHarness, policy: TracePolicy) -> set[tuple[str, str]]:
    """Role and split of the traces on the job's run."""
    await harness.submit(traces=policy)
    await WorkerProcess(harness).run()
    job = (await harness.result()).job
    assert job.status is JobStatus.COMPLETED
    traces = harness.tracker.runs[str(job.run_id)].traces.values()
    return {(trace.role, trace.record.split) for trace in traces}


async def test_none_are_written_where_none_are_wanted(harness: WorkerHarness) -> None:
    assert await written(harness, TracePolicy.NONE) == set()


async def test_finalists_are_source_and_winner_on_validation_and_test(harness: WorkerHarness) -> None:
    assert harness.config().traces is TracePolicy.FINALISTS  # the default
    roles = {"source", "best"}
    assert await written(harness, TracePolicy.FINALISTS) == {
        (role, split) for role in roles for split in ("validation", "test")
    }


async def test_all_has_every_evaluation(harness: WorkerHarness) -> None:
    found = await written(harness, TracePolicy.ALL)
    assert ("candidate", "validation") in found
    assert ("best", "test") in found


async def test_a_job_whose_traces_fail_is_still_completed(harness: WorkerHarness) -> None:
    harness.tracker.failures["log_traces"] = TrackingUnavailable("MLflow is away")
    assert await written(harness, TracePolicy.FINALISTS) == set()
