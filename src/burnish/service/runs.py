"""The MLflow runs of jobs, from outside their attempts: made with the job, ended or deleted with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from burnish.domain.job import DEFAULT_WORKSPACE, Job
from burnish.errors import BurnishError, NotFound, StoreUnavailable, TrackingUnavailable
from burnish.store.protocol import JobStore
from burnish.tracking.protocol import ENDED_AS, OpenRun, RunStatus, Tracker
from burnish.tracking.workspace import in_workspace

log = structlog.get_logger("burnish.service")

_EVERY_SECONDS = 3600.0
_DOUBT_SECONDS = 60.0  # longer than anybody is between making a run and storing its job
_END_SECONDS = 2.0  # a cancel waits so long for MLflow; the run is ended behind it


class JobRuns:
    """Makes and ends the runs of one store's jobs."""

    def __init__(self, store: JobStore, tracker: Tracker) -> None:
        self._store = store
        self._tracker = tracker
        self._store_id: str | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def schedule(self, job: Job) -> Job:
        """Make the run of a job that is about to be stored.

        Returns:
            The job with its ``run_id``.

        Raises:
            TrackingUnavailable
        """
        run_id = await asyncio.to_thread(self._tracker.schedule_run, job, await self._identity())
        return replace(job, run_id=run_id)

    async def discard(self, job: Job) -> None:
        """Delete the run of a job that was not stored. What fails here is made good by :meth:`sweep`."""
        assert job.run_id is not None
        try:
            await asyncio.to_thread(self._tracker.delete_run, job.run_id)
        except BurnishError as error:
            log.warning("a run without a job is left for now", run_id=job.run_id, error=str(error))

    async def end(self, job: Job) -> None:
        """End the run of a job that is over, where nobody else will; it is waited for a moment only.

        What fails here is made good by :meth:`sweep`.
        """
        task = asyncio.create_task(self._end(job))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        await asyncio.wait((task,), timeout=_END_SECONDS)

    async def _end(self, job: Job) -> None:
        try:
            run_id = job.run_id or await asyncio.to_thread(self._tracker.find_run, job)
            if run_id is not None:
                await asyncio.to_thread(self._tracker.end_run, run_id, ENDED_AS[job.status])
        except BurnishError as error:
            log.warning("the run is still open", job_id=job.job_id, error=str(error))

    async def sweep(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> int:
        """Delete open runs that no job has, and end those whose job is over.

        A process may have died between making a run and storing its job, or between ending a job and
        ending its run. One that looks so twice, a minute apart, is not just being made or ended.

        Returns:
            How many there were.

        Raises:
            TrackingUnavailable, StoreUnavailable
        """
        swept = 0
        for workspace in sorted({DEFAULT_WORKSPACE, *await self._store.workspaces()}):
            with in_workspace(workspace):
                swept += await self._sweep(sleep)
        return swept

    async def _sweep(self, sleep: Callable[[float], Awaitable[None]]) -> int:
        suspects = await self._astray()
        if suspects:
            await sleep(_DOUBT_SECONDS)
            again = await self._astray()
            suspects = {run: job for run, job in again.items() if run in suspects}
        for run, job in suspects.items():
            if job is None:
                await asyncio.to_thread(self._tracker.delete_run, run.run_id)
            else:
                await asyncio.to_thread(self._tracker.end_run, run.run_id, ENDED_AS[job.status])
        return len(suspects)

    async def _astray(self) -> dict[OpenRun, Job | None]:
        """Open runs that should not be, with their job; ``None``: it has none, or another run."""
        found: dict[OpenRun, Job | None] = {}
        for run in await asyncio.to_thread(self._tracker.open_runs, await self._identity()):
            try:
                job = await self._store.get(run.job_id)
            except NotFound:
                found[run] = None
                continue
            if run.status is RunStatus.SCHEDULED and job.run_id not in (None, run.run_id):
                found[run] = None
            elif job.status.terminal:
                found[run] = job
        return found

    async def _identity(self) -> str:
        if self._store_id is None:
            self._store_id = await self._store.identity()
        return self._store_id


async def sweep_runs(runs: JobRuns, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """At the start and once an hour, until cancelled. Several processes may do it at the same time."""
    while True:
        try:
            if swept := await runs.sweep(sleep):
                log.info("deleted or ended runs that were left open", runs=swept)
        except (StoreUnavailable, TrackingUnavailable) as away:
            log.warning("could not look for runs that were left open", error=str(away))
        await sleep(_EVERY_SECONDS)
