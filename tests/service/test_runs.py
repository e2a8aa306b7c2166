"""A job has its MLflow run from the first answer, and no run is left without a job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from burnish.api.testing import FakeServices, fake_services
from burnish.domain.job import JobConfig, JobStatus, OptimizerType
from burnish.domain.records import Idempotency
from burnish.errors import Conflict, InvalidInput, StoreUnavailable, TrackingUnavailable
from burnish.tracking.protocol import RunStatus

KEY = Idempotency(key="k", body_digest="one")


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[FakeServices]:
    async with fake_services(tmp_path) as services:
        yield services


def a_config(services: FakeServices, **changes: Any) -> JobConfig:
    values: dict[str, Any] = {
        "source_prompt_uris": (services.source(),),
        "dataset_id": services.dataset(),
        "scorers": ("exact_match",),
        "optimizer_type": OptimizerType.JOINT_SEARCH,
    }
    return JobConfig(**values | changes)


async def no_wait(seconds: float) -> None:
    """As if the time had passed."""


async def test_the_first_answer_has_the_run_and_it_is_scheduled(services: FakeServices) -> None:
    job, created = await services.jobs.submit("0", a_config(services))
    assert created
    run = services.tracker.runs[str(job.run_id)]
    assert (run.status, run.tags["burnish.job_id"]) == (RunStatus.SCHEDULED, job.job_id)
    assert (await services.jobs.get(job.job_id)).run_id == job.run_id


async def test_a_refused_request_leaves_no_run(services: FakeServices) -> None:
    with pytest.raises(InvalidInput):
        await services.jobs.submit("0", a_config(services, scorers=("no_such_scorer",)))
    await services.jobs.submit("0", a_config(services), idempotency=KEY)
    other = Idempotency(key="k", body_digest="another")
    with pytest.raises(Conflict):
        await services.jobs.submit("0", a_config(services), idempotency=other)
    assert len([run for run in services.tracker.runs.values() if not run.deleted]) == 1


async def test_a_conflict_that_only_the_store_sees_leaves_no_run(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_late(*_: object) -> Any:
        raise Conflict("the key was used with another body")

    monkeypatch.setattr(services.store, "create", too_late)
    with pytest.raises(Conflict):
        await services.jobs.submit("0", a_config(services))
    [run] = services.tracker.runs.values()
    assert run.deleted


async def test_creates_that_race_with_one_key_leave_one_run(services: FakeServices) -> None:
    made = await asyncio.gather(
        *(services.jobs.submit("0", a_config(services), idempotency=KEY) for _ in range(4))
    )
    assert len({job.job_id for job, _ in made}) == 1
    assert [created for _, created in made].count(True) == 1
    [run] = [run for run in services.tracker.runs.values() if not run.deleted]
    assert {job.run_id for job, _ in made} == {run.run_id}


async def test_with_mlflow_away_nothing_is_written(services: FakeServices) -> None:
    config = a_config(services)
    services.tracker.failures["schedule_run"] = TrackingUnavailable("MLflow is away")
    with pytest.raises(TrackingUnavailable, match="MLflow is away"):
        await services.jobs.submit("0", config)
    assert await services.store.unfinished() == ()


async def test_a_run_whose_process_died_before_the_job_was_stored_is_deleted(
    services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object) -> Any:
        raise StoreUnavailable("the process dies here")

    with monkeypatch.context() as patch:
        patch.setattr(services.store, "create", lost)
        with pytest.raises(StoreUnavailable):
            await services.jobs.submit("0", a_config(services))
    job, _ = await services.jobs.submit("0", a_config(services))
    assert await services.jobs.runs.sweep(no_wait) == 1
    assert [run.run_id for run in services.tracker.runs.values() if not run.deleted] == [job.run_id]
    assert await services.jobs.runs.sweep(no_wait) == 0


async def test_a_run_whose_job_is_just_being_stored_is_left_alone(services: FakeServices) -> None:
    job, _ = await services.jobs.submit("0", a_config(services))
    await services.store.delete(job.job_id)  # as if it had not been stored yet

    async def store_it(seconds: float) -> None:
        await services.store.create(job)

    assert await services.jobs.runs.sweep(store_it) == 0
    assert not services.tracker.runs[str(job.run_id)].deleted


async def test_runs_of_another_store_are_left_alone(services: FakeServices, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with fake_services(tmp_path / "other") as other:
        other.jobs.runs._tracker = services.tracker  # one MLflow, two stores
        assert await other.store.identity() != await services.store.identity()
        await services.jobs.submit("0", a_config(services))
        assert await other.jobs.runs.sweep(no_wait) == 0
    assert not [run for run in services.tracker.runs.values() if run.deleted]


async def test_the_run_of_a_job_that_is_over_is_ended(services: FakeServices) -> None:
    job, _ = await services.jobs.submit("0", a_config(services))
    await services.store.take(job.job_id, "worker-1")
    await services.store.update(job.job_id, 1, {"status": JobStatus.FAILED})
    assert await services.jobs.runs.sweep(no_wait) == 1
    assert services.tracker.runs[str(job.run_id)].status is RunStatus.FAILED
