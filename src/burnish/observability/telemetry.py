"""Everything a process reports of itself, in one place for ``bootstrap`` to hand around."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from burnish.domain.job import Job, JobStatus
from burnish.errors import AttemptSuperseded, StoreUnavailable
from burnish.llm.gateway import CallReport
from burnish.observability import otlp
from burnish.observability.metrics import Metrics

if TYPE_CHECKING:
    from burnish.observability.tracing import AttemptSpan, Traces

log = structlog.get_logger("burnish.observability")

_INTERRUPTED, _SUPERSEDED, _STORE_AWAY, _FAILED = "interrupted", "superseded", "store_away", "failed"


class Telemetry:
    """Receives each call from the gateway and each attempt from the worker (a ``worker.observer.Observer``).

    Args:
        traces: ``None``: not wanted.
    """

    def __init__(self, metrics: Metrics, traces: Traces | None = None) -> None:
        self.metrics = metrics
        self._traces = traces

    def called(self, report: CallReport) -> None:
        """A model call is over (``Gateway``'s ``report``)."""
        self.metrics.called(report)
        if self._traces is not None:
            self._traces.called(report)

    @contextmanager
    def attempt(self, job: Job) -> Iterator[WatchedAttempt]:
        """Around one attempt. Every log line inside carries the job, also those of libraries."""
        if self._traces is None:
            with structlog.contextvars.bound_contextvars(job_id=job.job_id, attempt=job.attempt):
                yield from self._watch(job, None)
            return
        with (
            self._traces.attempt(job) as span,
            structlog.contextvars.bound_contextvars(
                job_id=job.job_id, attempt=job.attempt, trace_id=span.trace_id
            ),
        ):
            yield from self._watch(job, span)

    def _watch(self, job: Job, span: AttemptSpan | None) -> Iterator[WatchedAttempt]:
        watched = WatchedAttempt(span)
        self.metrics.attempt_began(job)
        try:
            yield watched
        except BaseException as error:
            watched.outcome = watched.outcome or _outcome(error)
            raise
        finally:
            outcome = watched.outcome or _FAILED
            self.metrics.attempt_ended(outcome)
            if span is not None:
                span.outcome(outcome)

    async def close(self) -> None:
        """Send the last spans."""
        if self._traces is not None:
            await self._traces.close()


class WatchedAttempt:
    """One attempt as it goes on (a ``worker.observer.AttemptObserver``)."""

    def __init__(self, span: AttemptSpan | None) -> None:
        self._span = span
        self.outcome: str | None = None

    def phase(self, name: str) -> None:
        """A phase has begun."""
        if self._span is not None:
            self._span.phase(name)

    def ended(self, status: JobStatus) -> None:
        """The job is over."""
        self.outcome = status.value.lower()

    def retried(self) -> None:
        """There will be another attempt."""
        self.outcome = "retried"


def telemetry_of(environment: Mapping[str, str] = os.environ) -> Telemetry:
    """Metrics always; traces where the environment asks for them and they can be sent."""
    asked = otlp.asked_for_by(environment)
    if asked is None:
        return Telemetry(Metrics())
    missing = otlp.missing_package(environment)
    if missing is not None:
        log.warning(
            "no traces: the exporter is not installed", variable=asked, remedy=f"pip install {missing}"
        )
        return Telemetry(Metrics())
    return Telemetry(Metrics(), otlp.open_traces(environment))


def _outcome(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return _INTERRUPTED
    if isinstance(error, AttemptSuperseded):
        return _SUPERSEDED
    return _STORE_AWAY if isinstance(error, StoreUnavailable) else _FAILED
