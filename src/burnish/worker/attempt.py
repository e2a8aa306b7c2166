"""One attempt at a job: run it, watch over it while it runs, and bring it to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import structlog

from burnish.concurrency import cancel_and_wait
from burnish.dispatch.protocol import Requeue
from burnish.domain.events import EventKind
from burnish.domain.job import StopReason
from burnish.domain.records import Report
from burnish.errors import AttemptSuperseded, BurnishError, NotFound, StoreUnavailable, WorkersLost
from burnish.worker.context import AttemptContext
from burnish.worker.finalizer import Finalizer, run_is_gone
from burnish.worker.pipeline import run_job

log = structlog.get_logger("burnish.worker")

T = TypeVar("T")

_LAST_SECONDS = 5.0  # what an end still has when the process wants to stop
_SECONDS_BETWEEN_TRIES = 5.0
_QUIET_SECONDS = 30.0  # of running time that a death may forget while nothing else changes
_LATE_SECONDS = 2.0  # of a heartbeat, worth a warning: others will believe that this worker is dead


class CancelRequested(Exception):
    """A user wants the job to stop."""


class Attempt:
    """One execution of a job, which has been taken."""

    def __init__(self, context: AttemptContext) -> None:
        self._context = context
        self._worker = context.worker
        self._log = log.bind(job_id=context.job.job_id, attempt=context.job.attempt)
        self._finalizer = Finalizer(context, self._log)
        self._written_seconds = 0.0  # of running time, as last written down

    async def run(self) -> Requeue | None:
        """Run the job and end it.

        Returns:
            When to try again, if the cause of failure lies outside the job; ``None``: the job is over.

        Raises:
            AttemptSuperseded: somebody else has the job now.
            StoreUnavailable: even its end could not be written.
            asyncio.CancelledError: this process is stopping; the job has been given back.
        """
        self._log.info("attempt begins")
        if self._context.job.cancel_requested:  # the attempt before died and could not end it
            await run_to_completion(self._finalizer.canceled())
            return None
        if self._context.job.deaths >= self._worker.max_job_deaths:
            return await run_to_completion(self._finalizer.failed(WorkersLost(self._context.job.deaths)))
        work = asyncio.create_task(self._work())
        watch = asyncio.create_task(self._watch())
        run_updates = asyncio.create_task(self._keep_run_current())
        try:
            end = await self._course(work, watch)
            # The heartbeat goes on; but nothing may open the run again that the end has closed.
            return await run_to_completion(_after(cancel_and_wait(work, run_updates), end))
        except AttemptSuperseded:
            await cancel_and_wait(work, watch, run_updates)
            await self._finalizer.superseded()
            raise
        finally:
            await cancel_and_wait(work, watch, run_updates)

    async def give_back(self) -> None:
        """End it before it has begun.

        Raises:
            asyncio.CancelledError: unless the user has canceled the job.
        """
        await run_to_completion(self._finalizer.interrupted())

    async def _course(
        self, work: asyncio.Task[StopReason], watch: asyncio.Task[None]
    ) -> Callable[[], Awaitable[Requeue | None]]:
        """Wait until the work is over or may not go on.

        Returns:
            The end it comes to.
        """
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
            if watch.done() and not work.done():
                watch.result()  # raises CancelRequested, AttemptSuperseded or StoreUnavailable
            return partial(self._finalizer.completed, work.result())
        except CancelRequested:
            return self._finalizer.canceled
        except asyncio.CancelledError as cancelled:
            me = asyncio.current_task()
            if me is not None and not me.cancelling():  # from inside: nobody wanted us to stop
                error = RuntimeError("the work was cancelled from inside")
                error.__cause__ = cancelled
                return partial(self._finalizer.failed, error)
            return self._finalizer.interrupted
        except AttemptSuperseded:
            raise
        except Exception as error:  # noqa: BLE001 - whatever stopped the job is its cause of failure
            return partial(self._finalizer.failed, error)

    # --- the work

    async def _work(self) -> StopReason:
        context = self._context
        if context.job.run_id is None:  # an earlier version made the job; else MLflow may be away
            await self._open_run()
        try:
            return await run_job(context)
        finally:
            if context.journal is not None:
                await context.journal.close()

    async def _open_run(self) -> None:
        """Set the job's MLflow run RUNNING; make it where there is none, or none any more."""
        context, worker = self._context, self._worker
        context.run_lookup = context.mlflow_calls.start(worker.tracker.ensure_run, context.job)
        run_id = await asyncio.shield(context.run_lookup)
        if run_id != context.job.run_id:
            await worker.store.update(context.job.job_id, context.job.attempt, {"run_id": run_id})
            context.job = replace(context.job, run_id=run_id)

    # --- beside the work

    async def _watch(self) -> None:
        """Write a heartbeat, show progress, look for a cancel; until cancelled."""
        shown: dict[str, Any] = {}
        clock, beaten_at = self._worker.clock, self._worker.clock()
        while True:
            await self._worker.sleep(self._worker.heartbeat_seconds)
            began = clock()
            shown = await self._beat(shown)
            if clock() - beaten_at > _LATE_SECONDS:
                self._log.warning(
                    "the heartbeat came late",
                    after_seconds=round(clock() - beaten_at, 1),
                    writing_seconds=round(clock() - began, 1),
                )
            beaten_at = clock()

    async def _beat(self, shown: dict[str, Any]) -> dict[str, Any]:
        """
        Returns:
            What watchers have been shown.
        """
        context = self._context
        changes = context.visible()
        if not context.loaded:
            wanted = await self._worker.store.report(context.job.job_id, context.job.attempt, Report())
        elif changes != shown:
            context.recorder.event(EventKind.PROGRESS, **_progress_data(context, changes))
            wanted = await self._flush_with_seconds(**changes)
        elif context.ledger.seconds - self._written_seconds >= _QUIET_SECONDS:
            wanted = await self._flush_with_seconds()
        else:
            wanted = await context.recorder.flush()
        if wanted:
            raise CancelRequested
        return changes

    async def _flush_with_seconds(self, **shown: Any) -> bool:
        self._written_seconds = self._context.ledger.seconds
        return await self._context.recorder.flush(**shown, seconds_spent=self._written_seconds)

    async def _keep_run_current(self) -> None:
        """Open the MLflow run, and put candidates on it while the search goes on; until cancelled.

        What fails here is made good at the end, so a job does not suffer while MLflow is away.
        """
        context, worker = self._context, self._worker
        opened = context.job.run_id is None  # then the work itself begins by opening it
        while True:
            pause = worker.show_seconds
            try:
                if not opened:
                    await self._open_run()
                    opened = True
                if context.loaded and (run_id := context.run_id) is not None:
                    log_entries = partial(worker.tracker.log, run_id)
                    await context.recorder.log_to_run(log_entries, context.mlflow_calls)
            except (StoreUnavailable, AttemptSuperseded):
                return  # the watch has found out, too
            except BurnishError as error:
                if isinstance(error, NotFound) and error.what == "run":
                    context.recorder.warning(run_is_gone(context.run_id))
                    return
                self._log.warning("the run is not up to date yet", error=worker.redact(str(error)))
                pause = _SECONDS_BETWEEN_TRIES
            await worker.sleep(pause)


async def run_to_completion(work: Coroutine[Any, Any, T]) -> T:
    """Await ``work`` to its end, also when this task is cancelled meanwhile; then it has a few seconds.

    Raises:
        asyncio.CancelledError: this task was cancelled, and ``work`` did not end in time, or asks for
            another attempt (its result is not ``None``).
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,), timeout=_LAST_SECONDS)
        await cancel_and_wait(task)
        if task.cancelled() or task.result() is not None:
            raise
        return task.result()


async def _after(first: Coroutine[Any, Any, None], then: Callable[[], Awaitable[T]]) -> T:
    await first
    return await then()


def _progress_data(context: AttemptContext, changes: dict[str, Any]) -> dict[str, Any]:
    progress = changes["progress"]
    return {
        "phase": progress.phase,
        "completed": progress.completed,
        "total": progress.total,
        "unit": progress.unit,
        "best": changes.get("best_score"),
        "usd": changes["usage"].total.usd,
    }
