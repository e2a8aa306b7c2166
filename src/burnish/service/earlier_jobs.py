"""Jobs of MLflow's own prompt optimization, as often as they are asked for and seldom read."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from burnish.domain.job import Job
from burnish.errors import BurnishError
from burnish.tracking.earlier_jobs import EarlierJobs

FRESH_SECONDS = 5.0
WAIT_SECONDS = 2.0
_SHARE = 20  # reading takes at most one part of so many of the time

_log = logging.getLogger(__name__)


class KnownEarlierJobs:
    """Remembers the list, so that a search of our own jobs hardly waits for MLflow.

    Args:
        clock: seconds.
        fresh_seconds: how old the list may be.
        wait_seconds: how long who asks waits for a newer one; then they get the one before.
    """

    def __init__(
        self,
        source: EarlierJobs,
        clock: Callable[[], float] = time.monotonic,
        fresh_seconds: float = FRESH_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._source = source
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._wait_seconds = wait_seconds
        self._jobs: Sequence[Job] = ()
        self._old_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def list(self) -> Sequence[Job]:
        """All of them. Where MLflow is away, those that were known last."""
        if self._reading is None and self._clock() >= self._old_at:
            self._reading = asyncio.create_task(self._read())
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=self._wait_seconds)
        return self._jobs

    async def get(self, job_id: str) -> Job:
        """
        Raises:
            NotFound, TrackingUnavailable
        """
        return await asyncio.to_thread(self._source.get, job_id)

    async def cancel(self, job_id: str) -> Job:
        """
        Raises:
            NotFound, InvalidState, TrackingUnavailable
        """
        job = await asyncio.to_thread(self._source.cancel, job_id)
        self._old_at = float("-inf")
        return job

    async def delete(self, job_id: str) -> None:
        """
        Raises:
            NotFound, InvalidState, TrackingUnavailable
        """
        await asyncio.to_thread(self._source.delete, job_id)
        self._old_at = float("-inf")

    async def _read(self) -> None:
        begun = self._clock()
        try:
            self._jobs = await asyncio.to_thread(self._source.list, self._jobs)
        except BurnishError as error:
            _log.warning("the list of MLflow's own jobs could not be read: %s", error)
        finally:
            ended = self._clock()
            self._old_at = ended + max(self._fresh_seconds, (ended - begun) * _SHARE)
            self._reading = None
