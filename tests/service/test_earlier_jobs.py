"""The list of MLflow's own jobs is remembered, and a search hardly waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from burnish.domain.job import Job, JobStatus
from burnish.errors import TrackingUnavailable
from burnish.service.earlier_jobs import KnownEarlierJobs
from burnish.store.testing.samples import a_job
from burnish.tracking.earlier_jobs import FakeEarlierJobs

JOB = a_job("00000000-0000-0000-0000-000000000001", status=JobStatus.COMPLETED)


async def test_it_is_read_again_when_it_is_old_and_after_a_change() -> None:
    now = [0.0]
    source = FakeEarlierJobs([JOB])
    known = KnownEarlierJobs(source, clock=lambda: now[0], fresh_seconds=5.0)
    assert list(await known.list()) == list(await known.list()) == [JOB]
    assert source.reads == 1
    now[0] = 5.0
    await known.list()
    assert source.reads == 2
    await known.delete(JOB.job_id)
    assert list(await known.list()) == []
    assert source.reads == 3


async def test_reading_takes_a_small_share_of_the_time() -> None:
    now = [0.0]

    class Slow(FakeEarlierJobs):
        def list(self, known: Sequence[Job] = ()) -> Sequence[Job]:
            now[0] += 3.0
            return super().list(known)

    source = Slow([JOB])
    known = KnownEarlierJobs(source, clock=lambda: now[0], fresh_seconds=5.0)
    await known.list()
    now[0] = 62.0
    await known.list()
    assert source.reads == 1
    now[0] = 63.0
    await known.list()
    assert source.reads == 2


async def test_who_searches_does_not_wait_for_an_mlflow_that_hangs() -> None:
    answers = threading.Event()

    class Hanging(FakeEarlierJobs):
        def list(self, known: Sequence[Job] = ()) -> Sequence[Job]:
            answers.wait()
            return super().list(known)

    source = Hanging([JOB])
    known = KnownEarlierJobs(source, wait_seconds=0)
    assert list(await known.list()) == list(await known.list()) == []
    answers.set()
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    assert list(await known.list()) == [JOB]
    assert source.reads == 1


async def test_what_was_known_stays_while_mlflow_is_away() -> None:
    class Away(FakeEarlierJobs):
        def list(self, known: Sequence[Job] = ()) -> Sequence[Job]:
            if self.reads:
                raise TrackingUnavailable("gone")
            return super().list(known)

    now = [0.0]
    known = KnownEarlierJobs(Away([JOB]), clock=lambda: now[0])
    await known.list()
    now[0] = 1000.0
    assert list(await known.list()) == [JOB]
