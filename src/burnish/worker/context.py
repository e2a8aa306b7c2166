"""What a worker process works with, and what one attempt at a job holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from burnish.domain.app import App
from burnish.domain.job import Job
from burnish.domain.rendering import PlainRenderer, Renderer
from burnish.evaluation.evaluator import Evaluator
from burnish.evaluation.scorer_set import Aggregation, ScorerSet
from burnish.evaluation.threads import in_thread
from burnish.llm.budget import Ledger
from burnish.llm.gateway import Gateway, JobGateway
from burnish.llm.protocol import AppProvider
from burnish.planning.plan import Plan, Planner
from burnish.planning.resolver import Resolver
from burnish.store.event_reader import read_events
from burnish.store.protocol import JobStore
from burnish.tracking.protocol import Tracker
from burnish.worker.distillation import distill_labels
from burnish.worker.journal import StoreJournal
from burnish.worker.kept_scores import JournaledScores
from burnish.worker.observer import AttemptObserver, Observer, Unobserved
from burnish.worker.recorder import REPLAYED, Recorder
from burnish.worker.retry import RetryPolicy
from burnish.worker.serialized_calls import SerializedCalls

FindApp = Callable[[App], AppProvider | None]
"""Who runs an app; ``None``: nobody in this process."""


def find_no_app(app: App) -> AppProvider | None:
    """For a process that runs none."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """What all attempts of a process share. Made once by ``bootstrap``.

    Attributes:
        renderer: fills the prompts in.
        redact: takes secrets out of a text before it is kept.
        clock: seconds, monotonic.
        heartbeat_seconds: how often an attempt writes its heartbeat and looks for a cancel.
        show_seconds: how often new candidates are put on the MLflow run; the store has them at once.
        max_running_per_experiment: jobs of one experiment that may run at once; ``None``: no limit.
        max_job_deaths: attempts in a row that may die with their worker and finish no call.
        sleep: waiting; injected.
        observer: notified of attempts and their phases.
        find_app: who runs a job's app.
        aggregation: a user's own, of the one job that this process runs.
    """

    worker_id: str
    store: JobStore
    tracker: Tracker
    planner: Planner
    resolver: Resolver
    gateway: Gateway
    retries: RetryPolicy
    redact: Callable[[str], str]
    clock: Callable[[], float]
    heartbeat_seconds: float = 0.5
    show_seconds: float = 15.0
    max_running_per_experiment: int | None = None
    max_job_deaths: int = 5
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    observer: Observer = field(default_factory=Unobserved)
    renderer: Renderer = field(default_factory=PlainRenderer)
    find_app: FindApp = find_no_app
    aggregation: Aggregation | None = None


@dataclass(slots=True, kw_only=True)
class AttemptContext:
    """What one attempt holds. All of it can be rebuilt from the store.

    Attributes:
        job: the row as this attempt last wrote it.
        mlflow_calls: the one road for this attempt's effects on MLflow.
        run_lookup: the MLflow run being looked up or made; ``None`` before that began.
        end_message: what became of the winner, for people; ``None`` before the end of the search.
        completed: the job is over and COMPLETED; its traces may be written.
        loaded: whether :meth:`load` has set the attributes below it, which do not exist before.
    """

    worker: WorkerContext
    job: Job
    observer: AttemptObserver = field(default_factory=Unobserved)
    mlflow_calls: SerializedCalls = field(default_factory=SerializedCalls)
    run_lookup: asyncio.Task[str] | None = None
    journal: StoreJournal | None = None
    end_message: str | None = None
    completed: bool = False

    loaded: bool = False
    plan: Plan = field(init=False)
    ledger: Ledger = field(init=False)
    model: JobGateway = field(init=False)
    recorder: Recorder = field(init=False)
    scorers: ScorerSet = field(init=False)
    evaluator: Evaluator = field(init=False)

    async def load(self) -> None:
        """Plan the job, open its journal and make what its search needs.

        Raises:
            InvalidInput: what an earlier version's job names is not there any more, or no longer fits.
            OptimizerFailed: a teacher answered nothing.
            StoreUnavailable, TrackingUnavailable
        """
        worker, job, store = self.worker, self.job, self.worker.store
        plan = await self._plan()
        self.journal = journal = await StoreJournal.open(store, job.job_id, job.attempt)
        totals = await store.journal_totals(job.job_id)
        self.ledger = Ledger(plan.config.budget, worker.clock, totals.finished, job.seconds_spent)
        self.ledger.count_lost(totals.lost)
        app = worker.find_app(job.config.app) if job.config.app else None
        self.model = worker.gateway.for_job(ledger=self.ledger, journal=journal, config=job.config, app=app)
        self.plan, left_out = await distill_labels(plan, self.model, worker.renderer)
        self.recorder = Recorder(
            job,
            store,
            self.model,
            self.plan.splits,
            await store.candidates(job.job_id),
            on_phase=self.observer.phase,
            known_events=await read_events(store, job.job_id, REPLAYED) if job.attempt > 1 else (),
        )
        for warning in left_out:
            self.recorder.warning(warning)
        self.model.answers.report_to(self.recorder.warning)
        learning = (*self.plan.splits.train, *self.plan.splits.validation)
        for entry in self.plan.scorers:
            await in_thread(partial(entry.scorer.prepare, learning))
        self.scorers = ScorerSet(
            self.plan.scorers,
            plan.config.max_unscored_share,
            aggregation=worker.aggregation,
            kept=JournaledScores(journal),
        )
        self.evaluator = Evaluator(
            target=plan.target_of(self.model, worker.renderer),
            model=self.model,
            scorers=self.scorers,
            concurrency=plan.config.concurrency,
            record=self.recorder.evaluated,
        )
        self.loaded = True

    async def _plan(self) -> Plan:
        """From the job's own inputs. A job that an earlier version made takes them now, once."""
        worker, job = self.worker, self.job
        inputs, data = await worker.store.find_inputs(job.job_id), await worker.store.find_data(job.job_id)
        if inputs is None:
            resolution = await worker.resolver.resolve(job.experiment_id, job.config)
            inputs, data = resolution.inputs, resolution.data
            self.job = await worker.store.keep_inputs(job.job_id, job.attempt, inputs, data)
        return await asyncio.to_thread(worker.planner.plan, job.config, inputs, data)

    async def save(self, **changes: Any) -> None:
        """Change fields of the job, behind everything recorded so far.

        Raises:
            AttemptSuperseded, StoreUnavailable
        """
        await self.recorder.flush()
        self.job = await self.worker.store.update(self.job.job_id, self.job.attempt, changes)

    @property
    def run_id(self) -> str | None:
        """Of the MLflow run, also where it was made while the attempt was being interrupted."""
        task = self.run_lookup
        if task and task.done() and not task.cancelled() and not task.exception():
            return task.result()
        return self.job.run_id

    @property
    def progressed(self) -> bool:
        """Whether this attempt finished calls that no earlier one had."""
        return self.journal is not None and self.journal.calls_finished > 0

    def visible(self) -> dict[str, Any]:
        """The job's fields that show how far it is; none before it is loaded."""
        if not self.loaded:
            return {}
        spent = self.ledger.spent
        needed = self.plan.needed
        planned = self.plan.config.budget.max_calls or (
            needed.target_high * self.plan.calls_per_evaluation
            + needed.reflection_high
            + self.plan.test_calls
        )
        best_score = self.recorder.best_score  # of this attempt: until it has one, what stands there stays
        return {
            "progress": self.recorder.progress(spent.total.calls, planned),
            "usage": spent,
            "answers": self.model.answers.as_json(),
            **({} if best_score is None else {"best_score": best_score}),
        }
