"""One attempt at a job: carry it out, watch over it while it runs, and bring it to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

import structlog

from burnish.concurrency import cancel_and_wait
from burnish.domain.budget import Ledger
from burnish.domain.events import EventKind
from burnish.domain.job import Job, StopReason
from burnish.domain.records import Report
from burnish.errors import AttemptSuperseded, BurnishError, StoreUnavailable, WorkersLost
from burnish.evaluation.evaluator import Evaluator
from burnish.evaluation.threads import in_thread
from burnish.plan import Plan
from burnish.worker.ending import Ending, Underway
from burnish.worker.journal import StoreJournal
from burnish.worker.observer import AttemptObserver, Unobserved
from burnish.worker.recorder import MeteredModel, Recorder
from burnish.worker.retry import Retry
from burnish.worker.run import Running, carry_out
from burnish.worker.teaching import taught
from burnish.worker.workshop import Workshop

log = structlog.get_logger("burnish.worker")

T = TypeVar("T")

_LAST_SECONDS = 5.0  # what an end still has when the process wants to stop
_SECONDS_BETWEEN_TRIES = 5.0
_LATE_SECONDS = 2.0  # of a heartbeat, worth a warning: others will believe that this worker is dead


class CancelRequested(Exception):
    """A user wants the job to stop."""


class Attempt:
    """One execution of a job, which has been taken."""

    def __init__(self, workshop: Workshop, job: Job, observer: AttemptObserver | None = None) -> None:
        self._shop = workshop
        self._at = Underway(job, observer or Unobserved())
        self._log = log.bind(job_id=job.job_id, attempt=job.attempt)
        self._ending = Ending(workshop, self._at, self._log)

    @property
    def progressed(self) -> bool:
        """Whether it finished calls that no earlier attempt had."""
        return self._at.progressed

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
        if self._at.job.cancel_requested:  # the attempt before died with the wish unfulfilled
            await uncut(self._ending.canceled())
            return None
        if self._at.job.deaths >= self._shop.max_job_deaths:
            return await uncut(self._ending.failed(WorkersLost(self._at.job.deaths), retries_so_far))
        work = asyncio.create_task(self._work())
        beside = [asyncio.create_task(self._watch()), asyncio.create_task(self._show_candidates())]
        try:
            end = await self._course(work, beside[0], retries_so_far)
            return await uncut(_after(cancel_and_wait(work), end))  # the heart beats on meanwhile
        except AttemptSuperseded:
            await cancel_and_wait(work, *beside)
            await self._ending.superseded()
            raise
        finally:
            await cancel_and_wait(work, *beside)

    async def give_back(self) -> None:
        """End it before it has begun.

        Raises:
            asyncio.CancelledError: unless the user has canceled the job.
        """
        await uncut(self._ending.interrupted())

    async def _course(
        self, work: asyncio.Task[StopReason], watch: asyncio.Task[None], retries_so_far: int
    ) -> Callable[[], Awaitable[Retry | None]]:
        """Wait until the work is over or may not go on.

        Returns:
            The end it comes to.
        """
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
            if watch.done() and not work.done():
                watch.result()  # raises CancelRequested, AttemptSuperseded or StoreUnavailable
            return partial(self._ending.completed, work.result(), retries_so_far)
        except CancelRequested:
            return self._ending.canceled
        except asyncio.CancelledError as cancelled:
            me = asyncio.current_task()
            if me is not None and not me.cancelling():  # from inside: nobody wanted us to stop
                error = RuntimeError("the work was cancelled from inside")
                error.__cause__ = cancelled
                return partial(self._ending.failed, error, retries_so_far)
            return self._ending.interrupted
        except AttemptSuperseded:
            raise
        except Exception as error:  # noqa: BLE001 - whatever stopped the job is its cause of failure
            return partial(self._ending.failed, error, retries_so_far)

    # --- the work

    async def _work(self) -> StopReason:
        shop, at = self._shop, self._at
        at.ensuring = at.effects.begin(shop.tracker.ensure_run, at.job)
        run_id = await asyncio.shield(at.ensuring)
        if run_id != at.job.run_id:
            at.job = await shop.store.update(at.job.job_id, at.job.attempt, {"run_id": run_id})
        plan = await shop.planner.plan(at.job.experiment_id, at.job.config)
        at.journal = journal = await StoreJournal.open(shop.store, at.job.job_id, at.job.attempt)
        try:
            at.running = await self._prepare(plan, journal)
            return await carry_out(at.running)
        finally:
            await journal.close()

    async def _prepare(self, plan: Plan, journal: StoreJournal) -> Running:
        shop, job = self._shop, self._at.job
        totals = await shop.store.journal_totals(job.job_id)
        ledger = Ledger(plan.config.budget, shop.clock, totals.finished, job.seconds_spent)
        ledger.count_lost(totals.lost)
        metered = MeteredModel(shop.gateway.for_job(ledger=ledger, journal=journal, config=job.config))
        plan, left_out = await taught(plan, metered)
        recorder = Recorder(
            job,
            shop.store,
            metered,
            plan.splits,
            await shop.store.candidates(job.job_id),
            began=self._at.observer.phase,
        )
        for warning in left_out:
            recorder.warning(warning)
        learning = (*plan.splits.train, *plan.splits.validation)
        for entry in plan.scorers:
            await in_thread(partial(entry.scorer.prepare, learning))
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
            effects=self._at.effects,
            ledger=ledger,
            model=metered,
            evaluator=evaluator,
            recorder=recorder,
        )

    # --- beside the work

    async def _watch(self) -> None:
        """Say that we live, show progress, look for a cancel; until cancelled."""
        shown: dict[str, Any] = {}
        clock, beaten_at = self._shop.clock, self._shop.clock()
        while True:
            await self._shop.sleep(self._shop.heartbeat_seconds)
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
        job, running = self._at.job, self._at.running
        changes = self._at.visible()
        if running is None:
            wanted = await self._shop.store.report(job.job_id, job.attempt, Report())
        elif changes == shown:
            wanted = await running.recorder.flush()
        else:
            running.recorder.event(EventKind.PROGRESS, **_progress_data(running, changes))
            wanted = await running.recorder.flush(**changes, seconds_spent=running.ledger.seconds)
        if wanted:
            raise CancelRequested
        return changes

    async def _show_candidates(self) -> None:
        """Put candidates on the MLflow run while the search goes on; until cancelled.

        What fails here is made good at the end, so a job does not suffer while MLflow is away.
        """
        while True:
            await self._shop.sleep(self._shop.show_seconds)
            run_id = self._at.run_id
            if self._at.running is None or run_id is None:
                continue
            try:
                log = partial(self._shop.tracker.log, run_id)
                await self._at.running.recorder.log_to_run(log, self._at.effects)
            except StoreUnavailable:
                return  # the watch has found out, too
            except BurnishError as error:
                self._log.warning("candidates are not on the run yet", error=self._shop.redact(str(error)))
                await self._shop.sleep(_SECONDS_BETWEEN_TRIES)


async def uncut(work: Coroutine[Any, Any, T]) -> T:
    """Await it to its end, also when this task is cancelled meanwhile; then it is soon.

    Raises:
        asyncio.CancelledError: this task was cancelled, and ``work`` did not end, or not for good
            (its result is not ``None``), within some seconds.
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


def _progress_data(running: Running, changes: dict[str, Any]) -> dict[str, Any]:
    progress, best = changes["progress"], running.recorder.best
    return {
        "phase": progress.phase,
        "completed": progress.completed,
        "total": progress.total,
        "unit": progress.unit,
        "best": best.scores["aggregate"] if best else None,
        "usd": changes["usage"].total.usd,
    }
