"""One delivery of a job: take it, run an attempt, and say what is to become of it."""

from __future__ import annotations

import asyncio

import structlog

from burnish.concurrency import cancel_and_wait
from burnish.dispatch.protocol import Delivery, Requeue
from burnish.domain.job import Job
from burnish.errors import AttemptSuperseded, BurnishError, InvalidState, NotFound, StoreUnavailable
from burnish.tracking.workspace import in_workspace
from burnish.worker.attempt import Attempt
from burnish.worker.context import AttemptContext, WorkerContext
from burnish.worker.traces import write_traces

log = structlog.get_logger("burnish.worker")

_STORE_SECONDS = 3.0  # between two looks whether the store is back: a look is cheap
_WITHOUT_TRACES = (
    8  # jobs that are over and lack them; with more, the next keeps its place until there are less
)


class JobRunner:
    """A ``dispatch.protocol.RunJob``."""

    def __init__(self, worker: WorkerContext) -> None:
        self._worker = worker
        self._tracing: set[asyncio.Task[None]] = set()

    async def close(self, grace_seconds: float) -> None:
        """Wait for what is written behind jobs that are over, so long at most."""
        if self._tracing:
            await asyncio.wait(self._tracing, timeout=grace_seconds)
            await cancel_and_wait(*self._tracing)

    async def __call__(self, delivery: Delivery) -> Requeue | None:
        """See ``RunJob``: what it returns and raises."""
        worker, job_id, job = self._worker, delivery.job_id, None
        try:
            if delivery.over_attempt != 0 and not delivery.delayed:  # somebody may have died of it
                seconds = await self._seconds_after_deaths(job_id)
                if seconds > 0.0:
                    return Requeue(seconds, delivery.reason, delivery.over_attempt)
            await self._check_app(job_id)
            job = await self._take(delivery)
            with worker.observer.attempt(job) as observer, in_workspace(job.workspace):
                context = AttemptContext(worker=worker, job=job, observer=observer)
                again = await Attempt(context).run()
                if context.completed:
                    await self._begin_traces(context)
                return again
        except (NotFound, InvalidState, AttemptSuperseded) as gone:
            log.info("job dropped", job_id=job_id, why=str(gone))
            return None
        except StoreUnavailable as away:
            # Not even the job's state can be written: it can only wait for the store, like everybody.
            seconds = worker.retries.delay_seconds(1, _STORE_SECONDS)
            log.warning("the store is away", job_id=job_id, error=str(away), delay=seconds)
            return Requeue(seconds, str(away), job.attempt if job else delivery.over_attempt)

    async def _begin_traces(self, context: AttemptContext) -> None:
        """Have them written while the job's place is somebody else's."""
        while len(self._tracing) >= _WITHOUT_TRACES:
            await asyncio.wait(self._tracing, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(self._write_traces(context))
        self._tracing.add(task)
        task.add_done_callback(self._tracing.discard)

    async def _write_traces(self, context: AttemptContext) -> None:
        """The job is over: nobody waits for them, and what fails is only logged."""
        try:
            await write_traces(context)
        except BurnishError as error:
            cause = self._worker.redact(str(error))
            log.warning("traces are missing on the run", job_id=context.job.job_id, error=cause)

    async def _check_app(self, job_id: str) -> None:
        """
        Raises:
            InvalidState: the job's app does not run here.
        """
        app = (await self._worker.store.get(job_id)).config.app
        if app is not None and self._worker.find_app(app) is None:
            raise InvalidState(f"{app.uri} runs only in the process that made the job")

    async def _seconds_after_deaths(self, job_id: str) -> float:
        """How long a job that may have killed its workers must wait, longer from time to time, so that jobs
        which only ran beside it get on in between and are not taken for the cause."""
        worker, job = self._worker, await self._worker.store.get(job_id)
        last = job.deaths >= worker.max_job_deaths - 1
        if not job.deaths or last or job.cancel_requested or job.status.terminal:
            return 0.0
        return worker.retries.delay_seconds(job.deaths - 1)

    async def _take(self, delivery: Delivery) -> Job:
        """Begin an attempt. Cancelled meanwhile, it is not left behind: nobody would go on with it."""
        worker = self._worker
        taking = asyncio.create_task(
            worker.store.take(
                delivery.job_id,
                worker.worker_id,
                delivery.reason,
                over_attempt=delivery.over_attempt,
                max_running_per_experiment=worker.max_running_per_experiment,
            )
        )
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            await asyncio.wait((taking,))
            if not taking.cancelled() and taking.exception() is None:
                job = taking.result()
                with in_workspace(job.workspace):
                    await Attempt(AttemptContext(worker=worker, job=job)).give_back()
            raise
