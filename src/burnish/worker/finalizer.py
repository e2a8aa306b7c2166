"""How an attempt ends: completed, failed, canceled, or given back.

Effects on MLflow come first (they are idempotent), then the one write that makes the end final: a
crash in between repeats the effects, and never leaves a job that is over with a run that is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from burnish.dispatch.protocol import Requeue
from burnish.domain.events import EventKind, NewEvent
from burnish.domain.job import JobStatus, StopReason
from burnish.domain.records import best_so_far
from burnish.errors import (
    BurnishError,
    NotFound,
    OutsideFailure,
    StoreUnavailable,
)
from burnish.tracking.layout import result_metrics, usage_metrics
from burnish.tracking.note import run_note
from burnish.tracking.protocol import ENDED_AS, RunEntries
from burnish.worker.context import AttemptContext

_MLFLOW_SECONDS = 3.0  # an end that must be quick waits so long for MLflow before it is written
_LATE_TRIES, _LATE_SECONDS = 3, 20.0


class Finalizer:
    """The ends of one attempt; exactly one of them is called, when its work has stopped."""

    def __init__(self, context: AttemptContext, log: structlog.typing.FilteringBoundLogger):
        self._context = context
        self._worker = context.worker
        self._log = log

    async def completed(self, stop_reason: StopReason) -> Requeue | None:
        """
        Returns:
            When to try again, where store or tracking were away so that the end could not be reached.
        """
        try:
            await self._end_run(JobStatus.COMPLETED, stop_reason)
            await self._write(await self._last_changes(JobStatus.COMPLETED, stop_reason))
            self._context.completed = True
        except OutsideFailure as away:
            return await self.failed(away)
        return None

    async def canceled(self) -> None:
        """The best candidate so far is kept, the run is KILLED."""
        await self._end_quickly(JobStatus.CANCELED, StopReason.CANCELED)

    async def failed(self, error: Exception) -> Requeue | None:
        """Back to PENDING where the cause lies outside the job and patience is left, else FAILED."""
        job = self._context.job
        cause = self._worker.redact(
            str(error) if isinstance(error, BurnishError) else f"{type(error).__name__}: {error}"
        )
        retries_so_far = 0 if self._context.progressed else job.retries
        delay_seconds = self._worker.retries.decide(error, retries_so_far)
        if delay_seconds is not None:
            self._log.warning("attempt failed, will retry", error=cause, delay=delay_seconds)
            data = {"reason": cause, "attempt": job.attempt, "delay_seconds": round(delay_seconds, 1)}
            with contextlib.suppress(StoreUnavailable):
                await self._let_go(
                    f"will retry: {cause}", [NewEvent(EventKind.RETRY, data)], retries=retries_so_far + 1
                )
            self._context.observer.retried()
            return Requeue(delay_seconds, f"{type(error).__name__}: {cause}", job.attempt)
        trace = self._worker.redact("".join(traceback.format_exception(error)))
        if isinstance(error, BurnishError):  # it says all there is to say
            self._log.warning("job failed", error=cause)
        else:
            self._log.error("job failed", error=cause, traceback=trace)
        with contextlib.suppress(BurnishError, TimeoutError):  # the cause may be that MLflow is away
            async with asyncio.timeout(_MLFLOW_SECONDS):  # the call itself goes on
                await self._context.mlflow_calls(self._log_trace, trace)
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
            await self._let_go("the worker stopped")
        raise asyncio.CancelledError

    async def superseded(self) -> None:
        """Somebody else has the job. Or nobody: a job that was deleted leaves no run behind, and one that
        has ended no run that this attempt has opened again."""
        if self._context.run_lookup is None or not await self._context.mlflow_calls.wait(_LATE_SECONDS):
            return
        run_id, tracker = self._context.run_id, self._worker.tracker
        with contextlib.suppress(BurnishError):
            try:
                job = await self._worker.store.get(self._context.job.job_id)
            except NotFound:
                if run_id is not None:
                    await self._context.mlflow_calls(tracker.delete_run, run_id)
                return
            if run_id is not None and job.status.terminal:
                await self._context.mlflow_calls(tracker.end_run, run_id, ENDED_AS[job.status])

    # --- inside

    async def _end_quickly(
        self, status: JobStatus, stop_reason: StopReason, error_message: str | None = None
    ) -> None:
        """An end that does not wait long for MLflow: what it did not take in time is tried again after."""
        await self._context.mlflow_calls.wait(_MLFLOW_SECONDS)
        try:
            async with asyncio.timeout(_MLFLOW_SECONDS):
                await self._end_run(status, stop_reason, error_message)
            run_is_open = False
        except (BurnishError, TimeoutError) as away:
            self._log.warning("the run is still open", error=str(away))
            run_is_open = True
        await self._write(await self._last_changes(status, stop_reason, error_message))
        for _ in range(_LATE_TRIES if run_is_open else 0):
            try:
                async with asyncio.timeout(_LATE_SECONDS):
                    await self._end_run(status, stop_reason, error_message)
                return
            except (BurnishError, TimeoutError) as away:
                self._log.warning("the run is still open", error=str(away))
                await self._worker.sleep(_MLFLOW_SECONDS)

    async def _last_changes(
        self, status: JobStatus, stop_reason: StopReason, error_message: str | None = None
    ) -> dict[str, Any]:
        changes: dict[str, Any] = {
            "status": status,
            "stop_reason": stop_reason,
            "error_message": error_message,
            "status_message": self._context.end_message if status is JobStatus.COMPLETED else None,
            **self._context.visible(),
        }
        if status is JobStatus.COMPLETED and (shown := changes.get("progress")):
            changes["progress"] = replace(shown, total=shown.completed)  # the calls it needed are all made
        if self._context.loaded:
            await self._context.recorder.flush()
            changes["warnings"] = tuple(self._context.recorder.warnings)
            changes["seconds_spent"] = self._context.ledger.seconds
        if status is not JobStatus.COMPLETED:  # also of an earlier attempt, where this one has not got as far
            changes |= best_so_far(await self._worker.store.candidates(self._context.job.job_id))
        if self._context.run_id is not None:
            changes["run_id"] = self._context.run_id
        return changes

    async def _write(self, changes: dict[str, Any]) -> None:
        job = self._context.job
        ended = {
            "status": changes["status"].value,
            "stop_reason": changes["stop_reason"].value,
            "error_message": changes["error_message"],
            "message": changes["status_message"],
        }
        await self._worker.store.update(job.job_id, job.attempt, changes, [NewEvent(EventKind.ENDED, ended)])
        self._context.observer.ended(changes["status"])
        self._log.info("job ended", status=ended["status"], stop_reason=ended["stop_reason"])

    async def _end_run(
        self, status: JobStatus, stop_reason: StopReason, error_message: str | None = None
    ) -> None:
        """With all that the run is to say in the end: one look at the run and one write."""
        context, run_id = self._context, await self._find_run()
        if run_id is None:
            return
        end = partial(self._worker.tracker.end_run, run_id, ENDED_AS[status])
        if not context.loaded:
            await context.mlflow_calls(end)
            return
        metrics = [(usage_metrics(context.ledger.spent), context.job.attempt)]
        registered = tuple(filter(None, context.job.optimized_prompt_uris))
        if status is JobStatus.COMPLETED:
            metrics.append((result_metrics(context.job), 0))
        # The search's choice, once it has made one; until then the best that was seen.
        best = context.recorder.find(context.job.best_candidate_id) or context.recorder.best
        note = run_note(
            replace(
                context.job,
                status=status,
                stop_reason=stop_reason,
                error_message=error_message,
                status_message=context.end_message,
            ),
            context.plan.source,
            best.candidate if best else None,
        )
        entries = RunEntries(metrics=metrics, prompt_uris=registered, note=note)
        if await context.recorder.log_to_run(end, context.mlflow_calls, entries) is False:
            context.recorder.warning(run_is_gone(run_id))

    async def _find_run(self) -> str | None:
        """Also one that an earlier attempt made and died before it could write that down."""
        if self._context.run_id is None:
            found = await self._context.mlflow_calls(self._worker.tracker.find_run, self._context.job)
            self._context.job = replace(self._context.job, run_id=found)
        return self._context.run_id

    def _log_trace(self, trace: str) -> None:
        """In its turn, so that a run is found that was still being made when the attempt failed."""
        run_id = self._context.run_id or self._worker.tracker.find_run(self._context.job)
        if run_id is not None:
            self._worker.tracker.log_text(run_id, trace, "error.txt")

    async def _let_go(self, why: str, events: Sequence[NewEvent] = (), **others: Any) -> None:
        """Back to PENDING, so that the next worker need not wait until this one counts as dead."""
        await self._context.mlflow_calls.wait(_MLFLOW_SECONDS)
        changes: dict[str, Any] = {"status": JobStatus.PENDING, "status_message": why, **others}
        if self._context.loaded:
            await self._context.recorder.flush()
            changes["seconds_spent"] = self._context.ledger.seconds
        if self._context.run_id is not None:
            changes["run_id"] = self._context.run_id
        await self._worker.store.update(self._context.job.job_id, self._context.job.attempt, changes, events)

    async def _cancel_is_wanted(self) -> bool:
        try:
            return (await self._worker.store.get(self._context.job.job_id)).cancel_requested
        except (NotFound, StoreUnavailable):
            return False


def run_is_gone(run_id: str | None) -> str:
    """The warning of a job whose MLflow run was deleted by hand."""
    return f"its MLflow run {run_id} was deleted while the job ran; what the job has found is in Burnish only"
