"""One attempt at a job: take it, watch over it while it runs, and end it the right way."""

from __future__ import annotations

import asyncio
import contextlib
import random
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from burnish.dispatch.protocol import Delivery
from burnish.domain.budget import Ledger
from burnish.domain.events import EventKind, NewEvent
from burnish.domain.job import Job, JobStatus, StopReason
from burnish.errors import (
    AttemptSuperseded,
    BurnishError,
    InvalidState,
    NotFound,
    OutsideFailure,
    StoreUnavailable,
    TrackingUnavailable,
)
from burnish.evaluation.evaluator import Evaluator
from burnish.llm.gateway import Gateway
from burnish.plan import Plan, Planner
from burnish.store.protocol import JobStore
from burnish.tracking.protocol import RunStatus, Tracker
from burnish.worker.journal import StoreJournal
from burnish.worker.recorder import MeteredModel, Recorder
from burnish.worker.retry import Retry, RetryPolicy
from burnish.worker.run import Running, carry_out

log = structlog.get_logger("burnish.worker")

RUN_STATUS = {
    JobStatus.COMPLETED: RunStatus.FINISHED,
    JobStatus.FAILED: RunStatus.FAILED,
    JobStatus.CANCELED: RunStatus.KILLED,
}


class CancelRequested(Exception):
    """A user wants the job to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What a worker works with; made once for each process by ``bootstrap``.

    Attributes:
        scrub: takes secrets out of a text before it is kept.
        clock: seconds, monotonic.
    """

    worker_id: str
    store: JobStore
    tracker: Tracker
    planner: Planner
    gateway: Gateway
    retries: RetryPolicy
    scrub: Callable[[str], str]
    clock: Callable[[], float]
    heartbeat_seconds: float = 0.5
    max_running_per_experiment: int | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class JobRunner:
    """Runs attempts until the job is terminal, or somebody else has it."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop

    async def __call__(self, delivery: Delivery) -> None:
        """A ``dispatch.protocol.RunJob``."""
        job_id, reason, over_attempt = delivery.job_id, delivery.reason, delivery.over_attempt
        retries = 0
        while True:
            try:
                job = await self._shop.store.take(
                    job_id,
                    self._shop.worker_id,
                    reason,
                    over_attempt=over_attempt,
                    max_running_per_experiment=self._shop.max_running_per_experiment,
                )
                over_attempt = job.attempt
                retry = await Attempt(self._shop, job).run(retries)
            except (NotFound, InvalidState, AttemptSuperseded) as gone:
                log.info("job dropped", job_id=job_id, why=str(gone))
                return
            except OutsideFailure as away:  # not even its state could be written
                retry = self._shop.retries.decide(away, retries)
                log.warning("job interrupted", job_id=job_id, error=str(away), retry=retry is not None)
            if retry is None:
                return
            retries += 1
            reason = retry.reason
            await self._shop.sleep(retry.delay_seconds)


class Attempt:
    """One execution of a job."""

    def __init__(self, workshop: Workshop, job: Job) -> None:
        self._shop = workshop
        self._job = job
        self._running: Running | None = None
        self._log = log.bind(job_id=job.job_id, attempt=job.attempt)

    async def run(self, retries_so_far: int) -> Retry | None:
        """Carry the job out and end it.

        Returns:
            A retry when the cause of failure lies outside the job, else ``None``: the job is over.

        Raises:
            AttemptSuperseded: somebody else has the job now.
            StoreUnavailable: even its end could not be written.
            asyncio.CancelledError: this process is stopping; the job has been given back.
        """
        self._log.info("attempt begins")
        work = asyncio.create_task(self._work())
        watch = asyncio.create_task(self._watch())
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
            if watch.done() and not work.done():
                watch.result()  # raises CancelRequested, AttemptSuperseded or StoreUnavailable
            stop_reason = await work
            await self._end(JobStatus.COMPLETED, stop_reason)
        except CancelRequested:
            await _settle(work)
            await self._end(JobStatus.CANCELED, StopReason.CANCELED)
        except asyncio.CancelledError:
            await _settle(work, watch)
            if not await self._cancel_is_wanted():
                await self._give_back("the worker stopped")
                raise
            await self._end(JobStatus.CANCELED, StopReason.CANCELED)
        except AttemptSuperseded:
            raise
        except Exception as error:  # noqa: BLE001 - whatever stopped the job is the job's cause of failure
            return await self._failed(error, retries_so_far)
        finally:
            await _settle(work, watch)
        return None

    async def _work(self) -> StopReason:
        shop, job = self._shop, self._job
        run_id = await asyncio.to_thread(shop.tracker.ensure_run, job)
        if run_id != job.run_id:
            job = self._job = await shop.store.update(job.job_id, job.attempt, {"run_id": run_id})
        plan = await shop.planner.plan(job.experiment_id, job.config)
        journal = await StoreJournal.open(shop.store, job.job_id, job.attempt)
        try:
            self._running = await self._prepare(plan, journal)
            return await carry_out(self._running)
        finally:
            await journal.close()

    async def _prepare(self, plan: Plan, journal: StoreJournal) -> Running:
        shop, job = self._shop, self._job
        totals = await shop.store.journal_totals(job.job_id)
        ledger = Ledger(plan.config.budget, shop.clock, totals.finished, job.seconds_spent)
        ledger.count_lost(totals.lost)
        metered = MeteredModel(shop.gateway.for_job(ledger=ledger, journal=journal, config=job.config))
        recorder = Recorder(
            job,
            shop.store,
            shop.tracker,
            metered,
            split_names(plan),
            await shop.store.candidates(job.job_id),
        )
        learning = (*plan.splits.train, *plan.splits.validation)
        for entry in plan.scorers:
            await asyncio.to_thread(entry.scorer.prepare, learning)
        evaluator = Evaluator(
            prompts=tuple(prompt.name for prompt in plan.prompts),
            model=metered,
            target=plan.target.uri,
            parameters=plan.target.parameters,
            scorers=plan.scorers,
            concurrency=plan.config.concurrency,
            record=recorder.evaluated,
        )
        return Running(
            job=job,
            plan=plan,
            store=shop.store,
            tracker=shop.tracker,
            ledger=ledger,
            model=metered,
            evaluator=evaluator,
            recorder=recorder,
        )

    async def _watch(self) -> None:
        """Say that we live, show progress, look for a cancel; until cancelled."""
        logged_to_run: asyncio.Task[None] | None = None
        shown: dict[str, Any] = {}
        try:
            while True:
                await self._shop.sleep(self._shop.heartbeat_seconds)
                shown = await self._beat(shown)
                if self._running and self._job.run_id and (logged_to_run is None or logged_to_run.done()):
                    if logged_to_run is not None:
                        logged_to_run.result()
                    logged_to_run = asyncio.create_task(self._running.recorder.log_to_run(self._job.run_id))
        finally:
            if logged_to_run is not None:
                await _settle(logged_to_run)

    async def _beat(self, shown: dict[str, Any]) -> dict[str, Any]:
        job = self._job
        changes = self._visible()
        if self._running is not None:
            await self._running.recorder.flush()
        if changes and changes != shown:
            progress = changes["progress"]
            best = self._running.recorder.best if self._running else None
            event = NewEvent(
                EventKind.PROGRESS,
                {
                    "phase": progress.phase,
                    "completed": progress.completed,
                    "total": progress.total,
                    "unit": progress.unit,
                    "best": best.scores["aggregate"] if best else None,
                    "usd": changes["usage"].total.usd,
                },
            )
            stamped = changes | {"seconds_spent": self._running.ledger.seconds if self._running else 0.0}
            current = await self._shop.store.update(job.job_id, job.attempt, stamped, [event])
            wanted = current.cancel_requested
        else:
            wanted = await self._shop.store.heartbeat(job.job_id, job.attempt)
        if wanted:
            raise CancelRequested
        return changes

    def _visible(self) -> dict[str, Any]:
        running = self._running
        if running is None:
            return {}
        spent = running.ledger.spent
        planned = running.plan.config.budget.max_calls or (
            running.plan.needed.target_high + running.plan.needed.reflection_high + running.plan.test_calls
        )
        return {"progress": running.recorder.progress(spent.total.calls, planned), "usage": spent}

    # --- the ends

    async def _end(
        self, status: JobStatus, stop_reason: StopReason, error_message: str | None = None
    ) -> None:
        """Effects on MLflow first (they are idempotent), then the one write that makes it final.

        A cancel is the other way round: it must be quick even while MLflow is slow or away.
        """
        job = self._job
        changes: dict[str, Any] = {
            "status": status,
            "stop_reason": stop_reason,
            "error_message": error_message,
            "status_message": None,
            **self._visible(),
        }
        if running := self._running:
            await running.recorder.flush()
            best = running.recorder.best
            if status is not JobStatus.COMPLETED and best is not None:
                changes["best_candidate_id"] = best.candidate.candidate_id
                changes["final_eval_scores"] = dict(best.scores)
            changes["warnings"] = tuple(running.recorder.warnings)
            changes["seconds_spent"] = running.ledger.seconds
        if status is not JobStatus.CANCELED:
            await self._end_run(status)
        event = NewEvent(
            EventKind.ENDED,
            {"status": status.value, "stop_reason": stop_reason.value, "error_message": error_message},
        )
        await self._shop.store.update(job.job_id, job.attempt, changes, [event])
        self._log.info("job ended", status=status.value, stop_reason=stop_reason.value)
        if status is JobStatus.CANCELED:
            try:
                await self._end_run(status)
            except TrackingUnavailable as away:
                self._log.warning("the run of a canceled job is still open", error=str(away))

    async def _end_run(self, status: JobStatus) -> None:
        tracker, running = self._shop.tracker, self._running
        run_id = self._job.run_id
        if run_id is None:
            return
        if running:
            usage = running.ledger.spent.total
            metrics = {
                "usage.calls": float(usage.calls),
                "usage.prompt_tokens": float(usage.prompt_tokens),
                "usage.completion_tokens": float(usage.completion_tokens),
            }
            if usage.usd is not None:
                metrics["usage.usd"] = usage.usd
            await asyncio.to_thread(tracker.log_metrics, run_id, metrics)
        await asyncio.to_thread(tracker.end_run, run_id, RUN_STATUS[status])

    async def _failed(self, error: Exception, retries_so_far: int) -> Retry | None:
        cause = self._shop.scrub(str(error) if isinstance(error, BurnishError) else _cause_of(error))
        trace = self._shop.scrub("".join(traceback.format_exception(error)))
        retry = self._shop.retries.decide(error, retries_so_far)
        if retry is not None:
            self._log.warning("attempt failed, will retry", error=cause, delay=retry.delay_seconds)
            event = NewEvent(
                EventKind.RETRY,
                {
                    "reason": cause,
                    "attempt": self._job.attempt,
                    "delay_seconds": round(retry.delay_seconds, 1),
                },
            )
            with contextlib.suppress(StoreUnavailable):
                await self._shop.store.update(
                    self._job.job_id,
                    self._job.attempt,
                    {"status": JobStatus.PENDING, "status_message": f"will retry: {cause}"},
                    [event],
                )
            return retry
        self._log.error("job failed", error=cause, traceback=trace)
        if self._job.run_id is not None:
            with contextlib.suppress(BurnishError):  # the cause may be that tracking is away
                await asyncio.to_thread(self._shop.tracker.log_text, self._job.run_id, trace, "error.txt")
        try:
            await self._end(JobStatus.FAILED, StopReason.ERROR, cause)
        except StoreUnavailable:
            raise
        except BurnishError as also:
            self._log.error("could not end the run", error=str(also))
            await self._shop.store.update(
                self._job.job_id,
                self._job.attempt,
                {"status": JobStatus.FAILED, "stop_reason": StopReason.ERROR, "error_message": cause},
                [
                    NewEvent(
                        EventKind.ENDED, {"status": "FAILED", "stop_reason": "ERROR", "error_message": cause}
                    )
                ],
            )
        return None

    async def _give_back(self, why: str) -> None:
        """Back to PENDING, so that the next worker finds it at once instead of after the silence."""
        with contextlib.suppress(AttemptSuperseded, StoreUnavailable, NotFound):
            if self._running is not None:
                await self._running.recorder.flush()
            changes: dict[str, Any] = {"status": JobStatus.PENDING, "status_message": why}
            if self._running is not None:
                changes["seconds_spent"] = self._running.ledger.seconds
            await self._shop.store.update(self._job.job_id, self._job.attempt, changes)

    async def _cancel_is_wanted(self) -> bool:
        try:
            return (await self._shop.store.get(self._job.job_id)).cancel_requested
        except (NotFound, StoreUnavailable):
            return False


def split_names(plan: Plan) -> dict[str, str]:
    """Example id → ``train``, ``validation`` or ``test``."""
    return {
        example.example_id: name
        for name in ("train", "validation", "test")
        for example in getattr(plan.splits, name)
    }


def retry_policy(limit: int) -> RetryPolicy:
    """The policy with real chance in it."""
    return RetryPolicy(limit=limit, draw=random.random)


async def _settle(*tasks: asyncio.Task[Any]) -> None:
    """Cancel and wait until each has really ended, so that nothing of this attempt outlives it."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _cause_of(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
