"""How an attempt ends: completed, failed, canceled, or given back.

Effects on MLflow come first (they are idempotent), then the one write that makes the end final: a
crash in between repeats the effects, and never leaves a job that is over with a run that is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import structlog

from burnish.domain.candidate import CandidateStatus
from burnish.domain.events import EventKind, NewEvent
from burnish.domain.job import Job, JobStatus, StopReason
from burnish.domain.records import CandidateRecord
from burnish.errors import (
    BurnishError,
    NotFound,
    OutsideFailure,
    StoreUnavailable,
)
from burnish.tracking.layout import result_metrics, usage_metrics
from burnish.tracking.protocol import RunEntries, RunStatus
from burnish.worker.effects import Effects
from burnish.worker.journal import StoreJournal
from burnish.worker.observer import AttemptObserver
from burnish.worker.retry import Retry
from burnish.worker.run import Running
from burnish.worker.workshop import Workshop

RUN_STATUS = {
    JobStatus.COMPLETED: RunStatus.FINISHED,
    JobStatus.FAILED: RunStatus.FAILED,
    JobStatus.CANCELED: RunStatus.KILLED,
}
_MLFLOW_SECONDS = 3.0  # an end that must be quick waits so long for MLflow before it is written
_LATE_TRIES, _LATE_SECONDS = 3, 20.0


@dataclass(slots=True)
class Underway:
    """What an attempt has at any moment.

    Attributes:
        running: ``None`` until everything is loaded.
        ensuring: the MLflow run being looked up or made.
    """

    job: Job
    observer: AttemptObserver
    effects: Effects = field(default_factory=Effects)
    running: Running | None = None
    ensuring: asyncio.Task[str] | None = None
    journal: StoreJournal | None = None

    @property
    def run_id(self) -> str | None:
        """Also of a run that was made while the attempt was being interrupted."""
        task = self.ensuring
        if self.job.run_id is None and task and task.done() and not task.cancelled() and not task.exception():
            return task.result()
        return self.job.run_id

    @property
    def progressed(self) -> bool:
        """Whether this attempt finished calls that no earlier one had."""
        return self.journal is not None and self.journal.calls_finished > 0

    def visible(self) -> dict[str, Any]:
        """The job's fields that show how far it is."""
        running = self.running
        if running is None:
            return {}
        spent = running.ledger.spent
        planned = running.plan.config.budget.max_calls or (
            running.plan.needed.target_high + running.plan.needed.reflection_high + running.plan.test_calls
        )
        return {"progress": running.recorder.progress(spent.total.calls, planned), "usage": spent}


class Ending:
    """The ends of one attempt; exactly one of them is called, when its work has stopped."""

    def __init__(self, workshop: Workshop, underway: Underway, log: structlog.typing.FilteringBoundLogger):
        self._shop = workshop
        self._at = underway
        self._log = log

    async def completed(self, stop_reason: StopReason, retries_so_far: int) -> Retry | None:
        """
        Returns:
            A retry where store or tracking were away, so that the end could not be reached.
        """
        try:
            changes = await self._last_changes(JobStatus.COMPLETED, stop_reason)
            await self._end_run(JobStatus.COMPLETED)
            await self._write(changes)
        except OutsideFailure as away:
            return await self.failed(away, retries_so_far)
        return None

    async def canceled(self) -> None:
        """The best candidate so far is kept, the run is KILLED."""
        await self._end_quickly(JobStatus.CANCELED, StopReason.CANCELED)

    async def failed(self, error: Exception, retries_so_far: int) -> Retry | None:
        """Back to PENDING where the cause lies outside the job and patience is left, else FAILED."""
        cause = self._shop.redact(
            str(error) if isinstance(error, BurnishError) else f"{type(error).__name__}: {error}"
        )
        retry = self._shop.retries.decide(error, 0 if self._at.progressed else retries_so_far)
        if retry is not None:
            self._log.warning("attempt failed, will retry", error=cause, delay=retry.delay_seconds)
            data = {
                "reason": cause,
                "attempt": self._at.job.attempt,
                "delay_seconds": round(retry.delay_seconds, 1),
            }
            with contextlib.suppress(StoreUnavailable):
                await self._let_go(f"will retry: {cause}", [NewEvent(EventKind.RETRY, data)])
            self._at.observer.retried()
            return retry
        trace = self._shop.redact("".join(traceback.format_exception(error)))
        self._log.error("job failed", error=cause, traceback=trace)
        if self._at.run_id is not None:
            with contextlib.suppress(BurnishError, TimeoutError):  # the cause may be that MLflow is away
                async with asyncio.timeout(_MLFLOW_SECONDS):
                    await self._at.effects(self._shop.tracker.log_text, self._at.run_id, trace, "error.txt")
        await self._end_quickly(JobStatus.FAILED, StopReason.ERROR, cause)
        return None

    async def interrupted(self) -> None:
        """Somebody wants the attempt to stop now: the user, who has canceled the job, or this process.

        Raises:
            asyncio.CancelledError: it is the process; the job has been given back.
            AttemptSuperseded: it is neither; the job was deleted, or somebody else has it.
        """
        if await self._cancel_is_wanted():
            await self.canceled()
            return
        with contextlib.suppress(StoreUnavailable):
            await self._let_go("the worker stopped", [])
        raise asyncio.CancelledError

    async def superseded(self) -> None:
        """Somebody else has the job. Or nobody: a job that was deleted leaves no run behind, and one that
        has ended no run that this attempt has opened again."""
        if self._at.ensuring is None or not await self._at.effects.settled(_LATE_SECONDS):
            return
        run_id, tracker = self._at.run_id, self._shop.tracker
        with contextlib.suppress(BurnishError):
            try:
                job = await self._shop.store.get(self._at.job.job_id)
            except NotFound:
                if run_id is not None:
                    await self._at.effects(tracker.delete_run, run_id)
                return
            if run_id is not None and job.status.terminal:
                await self._at.effects(tracker.end_run, run_id, RUN_STATUS[job.status])

    # --- inside

    async def _end_quickly(
        self, status: JobStatus, stop_reason: StopReason, error_message: str | None = None
    ) -> None:
        """An end that does not wait long for MLflow: what it did not take in time is tried again after."""
        await self._at.effects.settled(_MLFLOW_SECONDS)
        try:
            async with asyncio.timeout(_MLFLOW_SECONDS):
                await self._end_run(status)
            run_is_open = False
        except (BurnishError, TimeoutError) as away:
            self._log.warning("the run is still open", error=str(away))
            run_is_open = True
        await self._write(await self._last_changes(status, stop_reason, error_message))
        for _ in range(_LATE_TRIES if run_is_open else 0):
            try:
                async with asyncio.timeout(_LATE_SECONDS):
                    await self._end_run(status)
                return
            except (BurnishError, TimeoutError) as away:
                self._log.warning("the run is still open", error=str(away))
                await self._shop.sleep(_MLFLOW_SECONDS)

    async def _last_changes(
        self, status: JobStatus, stop_reason: StopReason, error_message: str | None = None
    ) -> dict[str, Any]:
        changes: dict[str, Any] = {
            "status": status,
            "stop_reason": stop_reason,
            "error_message": error_message,
            "status_message": None,
            **self._at.visible(),
        }
        if status is JobStatus.COMPLETED and (shown := changes.get("progress")):
            changes["progress"] = replace(shown, total=shown.completed)  # the calls it needed are all made
        if running := self._at.running:
            await running.recorder.flush()
            changes["warnings"] = tuple(running.recorder.warnings)
            changes["seconds_spent"] = running.ledger.seconds
        if status is not JobStatus.COMPLETED and (best := await self._best()):
            changes["best_candidate_id"] = best.candidate.candidate_id
            changes["final_eval_scores"] = dict(best.scores)
        if self._at.run_id is not None:
            changes["run_id"] = self._at.run_id
        return changes

    async def _best(self) -> CandidateRecord | None:
        """The best so far: of this attempt, or of an earlier one where this one has not got that far."""
        kept = (CandidateStatus.SOURCE, CandidateStatus.ACCEPTED)
        known = [
            record
            for record in await self._shop.store.candidates(self._at.job.job_id)
            if record.scores and record.status in kept
        ]
        return max(known, key=lambda record: record.scores["aggregate"], default=None)

    async def _write(self, changes: dict[str, Any]) -> None:
        job = self._at.job
        told = {
            "status": changes["status"].value,
            "stop_reason": changes["stop_reason"].value,
            "error_message": changes["error_message"],
        }
        await self._shop.store.update(job.job_id, job.attempt, changes, [NewEvent(EventKind.ENDED, told)])
        self._at.observer.ended(changes["status"])
        self._log.info("job ended", status=told["status"], stop_reason=told["stop_reason"])

    async def _end_run(self, status: JobStatus) -> None:
        """With all that the run is to say in the end: one look at the run and one write."""
        run_id, running = await self._find_run(), self._at.running
        if run_id is None:
            return
        end = partial(self._shop.tracker.end_run, run_id, RUN_STATUS[status])
        if running is None:
            await self._at.effects(end)
            return
        metrics = [(usage_metrics(running.ledger.spent.total), self._at.job.attempt)]
        registered = tuple(filter(None, running.job.optimized_prompt_uris))
        if status is JobStatus.COMPLETED:
            metrics.append((result_metrics(running.job), 0))
        entries = RunEntries(metrics=metrics, prompt_uris=registered)
        await running.recorder.log_to_run(end, self._at.effects, entries)

    async def _find_run(self) -> str | None:
        """Also one that an earlier attempt made and died before it could tell."""
        if self._at.run_id is None:
            found = await self._at.effects(self._shop.tracker.find_run, self._at.job)
            self._at.job = replace(self._at.job, run_id=found)
        return self._at.run_id

    async def _let_go(self, why: str, events: list[NewEvent]) -> None:
        """Back to PENDING, so that the next worker finds it at once instead of after the silence."""
        await self._at.effects.settled(_MLFLOW_SECONDS)
        changes: dict[str, Any] = {"status": JobStatus.PENDING, "status_message": why}
        if self._at.running is not None:
            await self._at.running.recorder.flush()
            changes["seconds_spent"] = self._at.running.ledger.seconds
        if self._at.run_id is not None:
            changes["run_id"] = self._at.run_id
        await self._shop.store.update(self._at.job.job_id, self._at.job.attempt, changes, events)

    async def _cancel_is_wanted(self) -> bool:
        try:
            return (await self._shop.store.get(self._at.job.job_id)).cancel_requested
        except (NotFound, StoreUnavailable):
            return False
