"""A cancel answers CANCELED, whatever the worker does, wherever it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from burnish.api.testing import FakeModels, make_fake_optimizer
from burnish.dispatch.embedded import EmbeddedDispatcher
from burnish.domain.candidate import Candidate, CandidateStatus
from burnish.domain.job import Job, JobStatus, StopReason
from burnish.domain.records import CandidateRecord, Report
from burnish.errors import AttemptSuperseded, InvalidState
from burnish.evaluation.scorers.registry import make_scorers
from burnish.planning.plan import Planner
from burnish.planning.resolver import Resolver
from burnish.service.jobs import Jobs
from burnish.store.sql import SqlJobStore
from burnish.store.testing.samples import a_job
from burnish.tracking.memory import FakeTracker
from burnish.tracking.protocol import RunStatus


class Cancels:
    """A job that a worker in another process has taken; ``look`` is called at each look at it."""

    def __init__(self, store: SqlJobStore, tracker: FakeTracker) -> None:
        self.store = store
        self.tracker = tracker
        self.looks = 0
        self.look: Callable[[int], Awaitable[None]] | None = None
        resolver = Resolver(
            tracker, FakeModels(), Planner(make_scorers, make_fake_optimizer), lambda _, settings: settings
        )
        self.jobs = Jobs(store, tracker, resolver, EmbeddedDispatcher(store.unfinished), sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.looks += 1
        if self.look is not None:
            await self.look(self.looks)

    async def begin(self) -> Job:
        job = await self.jobs.runs.schedule(a_job(experiment_id="0"))
        await self.store.create(job)
        taken = await self.store.take("job", "in another process")
        self.tracker.runs[str(job.run_id)].status = RunStatus.RUNNING
        scores = {"aggregate": 0.75}
        best = CandidateRecord(
            candidate=Candidate({"p": "better"}), number=1, status=CandidateStatus.ACCEPTED, scores=scores
        )
        await self.store.report("job", 1, Report(candidates=[best]))
        return taken

    def run_status(self) -> RunStatus:
        [run] = self.tracker.runs_of("job")
        return run.status


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def cancels(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cancels]:
    uri = f"sqlite:///{tmp_path / 'burnish.db'}"
    if request.param == "postgres":
        uri = request.getfixturevalue("postgres_database")()
    store = await asyncio.to_thread(SqlJobStore, uri)
    yield Cancels(store, FakeTracker())
    await store.close()


async def test_a_worker_that_heeds_it_ends_the_job_itself(cancels: Cancels) -> None:
    await cancels.begin()

    async def heed(looks: int) -> None:
        if looks == 3:
            await cancels.store.update("job", 1, {"status": JobStatus.CANCELED})

    cancels.look = heed
    job = await cancels.jobs.cancel("job")
    assert (job.status, job.attempt, cancels.looks) == (JobStatus.CANCELED, 1, 3)


async def test_a_worker_that_does_not_is_fenced_off_after_two_seconds(cancels: Cancels) -> None:
    await cancels.begin()
    job = await cancels.jobs.cancel("job")
    assert cancels.looks == 40  # of 0.05 s each
    assert (job.status, job.stop_reason, job.attempt) == (JobStatus.CANCELED, StopReason.CANCELED, 2)
    assert job == await cancels.store.get("job")
    assert job.best_candidate_id == Candidate({"p": "better"}).candidate_id
    assert job.final_eval_scores == {"aggregate": 0.75}
    assert cancels.run_status() is RunStatus.KILLED
    with pytest.raises(AttemptSuperseded):
        await cancels.store.report("job", 1, Report())
    assert await cancels.jobs.cancel("job") == job  # again changes nothing


async def test_a_job_that_comes_to_its_end_first_says_so(cancels: Cancels) -> None:
    await cancels.begin()

    async def complete(looks: int) -> None:
        await cancels.store.update("job", 1, {"status": JobStatus.COMPLETED})

    cancels.look = complete
    with pytest.raises(InvalidState, match="COMPLETED: it came to its end before"):
        await cancels.jobs.cancel("job")


async def test_mlflow_may_be_away_and_its_run_is_ended_later(cancels: Cancels) -> None:
    await cancels.begin()
    cancels.tracker.away = True
    job = await cancels.jobs.cancel("job")
    assert job.status is JobStatus.CANCELED
    assert cancels.run_status() is RunStatus.RUNNING
    cancels.tracker.away = False
    assert await cancels.jobs.runs.sweep(cancels._sleep) == 1
    assert cancels.run_status() is RunStatus.KILLED


async def test_a_waiting_job_is_canceled_at_once_with_its_run(cancels: Cancels) -> None:
    scheduled = await cancels.jobs.runs.schedule(replace(a_job(), experiment_id="0"))
    await cancels.store.create(scheduled)
    job = await cancels.jobs.cancel("job")
    assert (job.status, cancels.looks) == (JobStatus.CANCELED, 0)
    assert cancels.run_status() is RunStatus.KILLED


async def test_many_clients_cancel_one_job(cancels: Cancels) -> None:
    await cancels.begin()
    answers: list[Any] = await asyncio.gather(*(cancels.jobs.cancel("job") for _ in range(5)))
    assert {job.status for job in answers} == {JobStatus.CANCELED}
    kinds = [event.kind.value for event in await cancels.store.events("job")]
    assert kinds.count("ENDED") == kinds.count("CANCEL_REQUESTED") == 1
