"""Evaluations of a completed job as MLflow traces."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from burnish.dispatch.protocol import Delivery
from burnish.domain.job import JobStatus, TracePolicy
from burnish.errors import TrackingUnavailable
from burnish.worker import runner
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


def wait_for(event: threading.Event) -> None:
    event.wait(30.0)


async def test_they_are_written_when_the_job_has_given_its_place_up(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_WITHOUT_TRACES", 1)
    process, mlflow_is_back = WorkerProcess(harness), threading.Event()
    process.before["log_traces"] = lambda *_: wait_for(mlflow_is_back)
    for job_id in ("first", "second"):
        await harness.submit(job_id)
    assert await process.runner(Delivery("first", "submitted")) is None  # the place is free
    assert (await harness.store.get("first")).status is JobStatus.COMPLETED
    assert not harness.tracker.runs_of("first")[0].traces
    second = asyncio.create_task(process.runner(Delivery("second", "submitted")))
    while (await harness.store.get("second")).status is not JobStatus.COMPLETED:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert not second.done()  # but not more than so many jobs wait for MLflow
    mlflow_is_back.set()
    await second
    await process.runner.close(grace_seconds=10.0)
    assert all(harness.tracker.runs_of(job_id)[0].traces for job_id in ("first", "second"))
    await process.gateway.close()


async def test_a_process_that_leaves_does_not_wait_for_mlflow_for_ever(harness: WorkerHarness) -> None:
    process, mlflow_is_back = WorkerProcess(harness), threading.Event()
    process.before["log_traces"] = lambda *_: wait_for(mlflow_is_back)
    await harness.submit()
    await process.runner(Delivery("job", "submitted"))
    await process.runner.close(grace_seconds=0.01)
    mlflow_is_back.set()
    await process.gateway.close()
