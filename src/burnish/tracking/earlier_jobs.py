"""Jobs that MLflow's own prompt optimization has made. They are read where they are; nothing is copied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from burnish.domain.job import Job, JobStatus
from burnish.errors import InvalidState, NotFound


class EarlierJobs(Protocol):
    """They are the jobs of MLflow's job store whose :class:`~burnish.domain.origin.Origin` is MLFLOW.

    Implementations block, as a ``Tracker`` does, and every method raises ``TrackingUnavailable`` where MLflow
    cannot be reached.
    """

    def list(self, known: Sequence[Job] = ()) -> Sequence[Job]:
        """Of every workspace, with their scores. At most 5,000, the newest.

        Args:
            known: what was answered before; ended jobs are not looked up again.
        """
        ...

    def get(self, job_id: str) -> Job:
        """
        Raises:
            NotFound
        """
        ...

    def cancel(self, job_id: str) -> Job:
        """Cancel the job, and end its run.

        Raises:
            NotFound
            InvalidState: it is COMPLETED or FAILED.
        """
        ...

    def delete(self, job_id: str) -> None:
        """Delete the job and its run.

        Raises:
            NotFound
            InvalidState: it has not ended; MLflow deletes only jobs that have.
        """
        ...


class FakeEarlierJobs:
    """Implements :class:`EarlierJobs` in memory; without any jobs, where MLflow can have none.

    Attributes:
        reads: how many times the list was asked for.
    """

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self._jobs = {job.job_id: job for job in jobs}
        self.reads = 0

    def list(self, known: Sequence[Job] = ()) -> Sequence[Job]:
        self.reads += 1
        return tuple(self._jobs.values())

    def get(self, job_id: str) -> Job:
        if job_id not in self._jobs:
            raise NotFound("job", job_id)
        return self._jobs[job_id]

    def cancel(self, job_id: str) -> Job:
        job = self.get(job_id)
        require_cancelable(job)
        self._jobs[job_id] = replace(job, status=JobStatus.CANCELED)
        return self._jobs[job_id]

    def delete(self, job_id: str) -> None:
        require_deletable(self.get(job_id))
        del self._jobs[job_id]


def require_cancelable(job: Job) -> None:
    """
    Raises:
        InvalidState
    """
    if job.status.terminal and job.status is not JobStatus.CANCELED:
        raise InvalidState(f"job {job.job_id} is {job.status}: it came to its end before the cancel did")


def require_deletable(job: Job) -> None:
    """
    Raises:
        InvalidState
    """
    if not job.status.terminal:
        raise InvalidState(
            f"job {job.job_id} is {job.status}, and MLflow, which made it, deletes only what has ended: "
            "cancel it first"
        )
