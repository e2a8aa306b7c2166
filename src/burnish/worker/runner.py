"""Attempt after attempt, until the job is over or somebody else has it."""

from __future__ import annotations

import asyncio
import random

import structlog

from burnish.dispatch.protocol import Delivery
from burnish.domain.job import Job
from burnish.errors import AttemptSuperseded, InvalidState, NotFound, StoreUnavailable
from burnish.worker.attempt import Attempt
from burnish.worker.context import AttemptContext, WorkerContext
from burnish.worker.retry import RetryPolicy

log = structlog.get_logger("burnish.worker")

_STORE_SECONDS = 3.0  # between two looks whether the store is back: a look is cheap


class JobRunner:
    """A ``dispatch.protocol.RunJob``."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop

    async def __call__(self, delivery: Delivery) -> None:
        """
        Raises:
            ExperimentFull: the job may not begin yet.
            asyncio.CancelledError: this process is stopping; the job has been given back.
        """
        shop, reason, over_attempt = self._shop, delivery.reason, delivery.over_attempt
        retries = 0
        while True:
            try:
                if retries == 0 and over_attempt != 0:  # somebody may have died of it
                    await self._keep_distance(delivery.job_id)
                job = await self._take(delivery.job_id, reason, over_attempt)
                over_attempt = job.attempt
                with shop.observer.attempt(job) as observer:
                    attempt = Attempt(shop, job, observer)
                    retry = await attempt.run(retries)
                if retry is None:
                    return
                retries = 1 if attempt.progressed else retries + 1
                reason, delay_seconds = retry.reason, retry.delay_seconds
            except (NotFound, InvalidState, AttemptSuperseded) as gone:
                log.info("job dropped", job_id=delivery.job_id, why=str(gone))
                return
            except StoreUnavailable as away:
                # Not even the job's state can be written: it can only wait for the store, like everybody.
                retries += 1
                reason = str(away)
                delay_seconds = shop.retries.delay_seconds(retries - 1, _STORE_SECONDS)
                log.warning("the store is away", job_id=delivery.job_id, error=str(away), delay=delay_seconds)
            await shop.sleep(delay_seconds)

    async def _keep_distance(self, job_id: str) -> None:
        """Wait before a job that may have killed its workers, longer from time to time, so that those
        which only ran beside it get on in between and are told from it."""
        shop, job = self._shop, await self._shop.store.get(job_id)
        last = job.deaths >= shop.max_job_deaths - 1
        if job.deaths and not (last or job.cancel_requested or job.status.terminal):
            await shop.sleep(shop.retries.delay_seconds(job.deaths - 1))

    async def _take(self, job_id: str, reason: str, over_attempt: int | None) -> Job:
        """Begin an attempt. Cancelled meanwhile, it is not left behind: nobody would go on with it."""
        taking = asyncio.create_task(
            self._shop.store.take(
                job_id,
                self._shop.worker_id,
                reason,
                over_attempt=over_attempt,
                max_running_per_experiment=self._shop.max_running_per_experiment,
            )
        )
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            await asyncio.wait((taking,))
            if not taking.cancelled() and taking.exception() is None:
                await Attempt(self._shop, taking.result()).give_back()
            raise


def retry_policy(limit: int) -> RetryPolicy:
    """The policy with real chance in it."""
    return RetryPolicy(limit=limit, draw=random.random)
