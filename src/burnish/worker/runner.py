"""Attempt after attempt, until the job is over or somebody else has it."""

from __future__ import annotations

import asyncio

import structlog

from burnish.domain.job import Job
from burnish.errors import AttemptSuperseded, InvalidState, NotFound, StoreUnavailable
from burnish.worker.attempt import Attempt
from burnish.worker.context import AttemptContext, WorkerContext

log = structlog.get_logger("burnish.worker")

_STORE_SECONDS = 3.0  # between two looks whether the store is back: a look is cheap


class JobRunner:
    """A ``dispatch.protocol.RunJob``."""

    def __init__(self, worker: WorkerContext) -> None:
        self._worker = worker

    async def __call__(self, job_id: str, reason: str, over_attempt: int | None = None) -> None:
        """Run a job to its end.

        Args:
            reason, over_attempt: see :class:`~burnish.dispatch.protocol.RunJob`.

        Raises:
            ExperimentFull: the job may not begin yet.
            asyncio.CancelledError: this process is stopping; the job has been given back.
        """
        worker, retries = self._worker, 0
        while True:
            try:
                if retries == 0 and over_attempt != 0:  # somebody may have died of it
                    await self._back_off_after_deaths(job_id)
                job = await self._take(job_id, reason, over_attempt)
                over_attempt = job.attempt
                with worker.observer.attempt(job) as observer:
                    context = AttemptContext(worker=worker, job=job, observer=observer)
                    retry = await Attempt(context).run(retries)
                if retry is None:
                    return
                retries = 1 if context.progressed else retries + 1
                reason, delay_seconds = retry.reason, retry.delay_seconds
            except (NotFound, InvalidState, AttemptSuperseded) as gone:
                log.info("job dropped", job_id=job_id, why=str(gone))
                return
            except StoreUnavailable as away:
                # Not even the job's state can be written: it can only wait for the store, like everybody.
                retries += 1
                reason = str(away)
                delay_seconds = worker.retries.delay_seconds(retries - 1, _STORE_SECONDS)
                log.warning("the store is away", job_id=job_id, error=str(away), delay=delay_seconds)
            await worker.sleep(delay_seconds)

    async def _back_off_after_deaths(self, job_id: str) -> None:
        """Wait before a job that may have killed its workers, longer from time to time, so that jobs which
        only ran beside it get on in between and are not taken for the cause."""
        worker, job = self._worker, await self._worker.store.get(job_id)
        last = job.deaths >= worker.max_job_deaths - 1
        if job.deaths and not (last or job.cancel_requested or job.status.terminal):
            await worker.sleep(worker.retries.delay_seconds(job.deaths - 1))

    async def _take(self, job_id: str, reason: str, over_attempt: int | None) -> Job:
        """Begin an attempt. Cancelled meanwhile, it is not left behind: nobody would go on with it."""
        worker = self._worker
        taking = asyncio.create_task(
            worker.store.take(
                job_id,
                worker.worker_id,
                reason,
                over_attempt=over_attempt,
                max_running_per_experiment=worker.max_running_per_experiment,
            )
        )
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            await asyncio.wait((taking,))
            if not taking.cancelled() and taking.exception() is None:
                await Attempt(AttemptContext(worker=worker, job=taking.result())).give_back()
            raise
