"""Who looks on while attempts run: for metrics and traces, never for the work itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from burnish.domain.job import Job, JobStatus


class AttemptObserver(Protocol):
    """Follows one attempt. Nothing here blocks or raises."""

    def phase(self, name: str) -> None:
        """A phase has begun, and the one before it is over. Names are few and fixed."""
        ...

    def ended(self, status: JobStatus) -> None:
        """The job is over."""
        ...

    def retried(self) -> None:
        """The attempt failed for a cause outside the job; there will be another."""
        ...


class Observer(Protocol):
    """Follows all attempts of a process."""

    def attempt(self, job: Job) -> AbstractContextManager[AttemptObserver]:
        """Around one attempt at a job that has been taken."""
        ...


class Unobserved:
    """Nobody looks on."""

    @contextmanager
    def attempt(self, job: Job) -> Iterator[AttemptObserver]:
        yield self

    def phase(self, name: str) -> None:
        """Unobserved."""

    def ended(self, status: JobStatus) -> None:
        """Unobserved."""

    def retried(self) -> None:
        """Unobserved."""
