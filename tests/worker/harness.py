"""Workers on real parts and without a network, whose processes can die.

The store is real (SQLite), MLflow is the shipped fake, the model is scripted. A :class:`WorkerProcess` stands
for one worker process: when it dies, nothing it does has an effect any more, and its tasks end.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from burnish.concurrency import Backoff
from burnish.dispatch.protocol import Delivery
from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset
from burnish.domain.events import Event
from burnish.domain.inputs import JobData, JobInputs
from burnish.domain.job import Job, JobConfig, OptimizerType, RegisterPolicy
from burnish.domain.prompt import Prompt
from burnish.domain.rendering import PlainRenderer, Renderer
from burnish.errors import BurnishError, StoreUnavailable, TrackingUnavailable
from burnish.evaluation.scorers.registry import make_scorers
from burnish.llm.gateway import Gateway
from burnish.llm.protocol import AppProvider, Request, Response
from burnish.llm.providers.registry import Registry
from burnish.llm.retries import RetrySchedule
from burnish.llm.testing.faults import Faults
from burnish.llm.testing.scripted import ScriptedProvider
from burnish.optimizers.registry import complete_settings, make_optimizer
from burnish.planning.plan import Planner
from burnish.planning.resolver import Resolver
from burnish.redaction import redact
from burnish.store.sql import SqlJobStore
from burnish.tracking.memory import FakeRun, FakeTracker
from burnish.worker.context import WorkerContext
from burnish.worker.retry import RetryPolicy
from burnish.worker.runner import JobRunner

PROMPT = "What is the sentiment of this review?\n\n{{review}}"
TEACHER = "Positive or negative? Answer with one word.\n\nReview: {{review}}"
WORDS = {"positive": "great fun, charming", "negative": "dull mess, boring"}
EXPERIMENT = "0"


class WorkerHarness:
    """What outlives processes: the store, MLflow, the model, and what it has been asked.

    Args:
        uri: of the store; a SQLite file in the folder if left out.
    """

    def __init__(self, folder: Path, records: int = 24, uri: str | None = None) -> None:
        self.uri = uri or f"sqlite:///{folder / 'burnish.db'}"
        self.store = SqlJobStore(self.uri)
        self.tracker = FakeTracker()
        self.prompt = self.tracker.ensure_prompt(Prompt(name="p", template=PROMPT))
        self.teacher = self.tracker.ensure_prompt(Prompt(name="teacher", template=TEACHER))
        pairs = [
            ({"review": f"Film {number}: {words}."}, {"expected_response": label})
            for number in range(records // 2)
            for label, words in WORDS.items()
        ]
        self.dataset = self.tracker.ensure_dataset(Dataset.of(pairs, "d"), EXPERIMENT)

    def config(self, **changes: Any) -> JobConfig:
        config = JobConfig(
            source_prompt_uris=(str(self.prompt.uri),),
            dataset_id=self.dataset.dataset_id,
            scorers=("exact_match",),
            optimizer_type=OptimizerType.JOINT_SEARCH,
            model="scripted:/sentiment",
            budget=Budget(max_calls=150),
            concurrency=4,
            max_output_tokens=16,
            register=RegisterPolicy.ALWAYS,  # so that a job has every effect
        )
        return replace(config, **changes)

    async def submit(self, job_id: str = "job", **changes: Any) -> Job:
        """Create a job with an id that the test knows. Its first attempt makes its run, as for a job of an
        earlier version."""
        inputs, data = await self.resolve(self.config(**changes))
        job = replace(self._job(job_id, **changes), warnings=inputs.warnings, inputs=inputs.summary)
        return (await self.store.create(job, inputs=inputs, data=data))[0]

    async def submit_with_run(self, job_id: str = "job", **changes: Any) -> Job:
        """Create a job as the service does, its run made before it."""
        inputs, data = await self.resolve(self.config(**changes))
        job = replace(self._job(job_id, **changes), warnings=inputs.warnings, inputs=inputs.summary)
        job = replace(job, run_id=self.tracker.schedule_run(job, await self.store.identity()))
        return (await self.store.create(job, inputs=inputs, data=data))[0]

    async def submit_without_inputs(self, job_id: str = "job", **changes: Any) -> Job:
        """Create a job as versions did that kept no inputs."""
        return (await self.store.create(self._job(job_id, **changes)))[0]

    def _job(self, job_id: str, **changes: Any) -> Job:
        return Job(
            job_id=job_id,
            experiment_id=EXPERIMENT,
            config=self.config(**changes),
            creation_timestamp_ms=time.time_ns() // 1_000_000,
        )

    async def resolve(self, config: JobConfig) -> tuple[JobInputs, JobData | None]:
        """What the names in a config mean now."""
        registry = Registry(providers={"scripted": ScriptedProvider()})
        planner = Planner(make_scorers, make_optimizer)
        resolver = Resolver(self.tracker, registry, planner, complete_settings)
        if config.app is not None and config.app.function:  # as burnish.optimize_prompts does
            prompts = tuple(map(self.tracker.prompt, config.source_prompt_uris))
            found = await resolver.check(config, prompts, self.tracker.dataset(str(config.dataset_id)))
        else:
            found = await resolver.resolve(EXPERIMENT, config)
        return found.inputs, found.data

    async def result(self, job_id: str = "job") -> Result:
        job = await self.store.get(job_id)
        runs = self.tracker.runs_of(job_id)
        return Result(
            job=job,
            candidates=[
                (r.number, r.candidate.candidate_id, r.status.value, dict(r.scores), r.candidate.parents)
                for r in await self.store.candidates(job_id)
            ],
            events=list(await self.store.events(job_id, limit=100_000)),
            runs=runs,
            versions=[v.prompt.template for v in self.tracker.versions["p"] if v.job_id == job_id],
            journal=Counter(entry.key.request_hash for entry in await self.store.journal_read(job_id)),
        )

    async def close(self) -> None:
        await self.store.close()


@dataclass(frozen=True)
class Result:
    """Everything a job has left behind."""

    job: Job
    candidates: list[Any]
    events: list[Event]
    runs: list[FakeRun]
    versions: list[Any]
    journal: Counter[str]

    def check(self) -> Result:
        """That numbers are without gaps, and that effects on MLflow are there once."""
        assert [event.sequence for event in self.events] == list(range(1, len(self.events) + 1))
        assert len(self.runs) <= 1
        assert len(self.versions) <= 1
        for run in self.runs:
            for name, points in run.metrics.items():
                steps = [step for step, _ in points]
                assert len(steps) == len(set(steps)), f"metric {name} was logged twice: {points}"
        return self

    def kinds(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind.value == kind]


class KillableProxy:
    """Passes every call on to the real thing, until the process has died."""

    def __init__(self, real: Any, process: WorkerProcess, error: type[BurnishError]) -> None:
        self._real, self._process, self._error = real, process, error

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found

        process = self._process

        def begin(arguments: tuple[Any, ...]) -> None:
            if not process.alive:
                raise self._error("this process is dead")
            process.before.get(name, _nothing)(*arguments)

        def call(*arguments: Any, **named: Any) -> Any:
            begin(arguments)
            result = found(*arguments, **named)
            process.after.get(name, _nothing)(*arguments)
            return result

        async def call_and_wait(*arguments: Any, **named: Any) -> Any:
            begin(arguments)
            result = await found(*arguments, **named)
            process.after.get(name, _nothing)(*arguments)
            return result

        return call_and_wait if asyncio.iscoroutinefunction(found) else call


def _nothing(*arguments: Any, **named: Any) -> None:
    """No hook is set."""


class WorkerProcess:
    """One worker process.

    Args:
        dies_at_call: the request to a model at which it is killed, from 1.
        faults: what goes wrong with the model.

    Attributes:
        asked: hashes of the requests it has sent.
        before, after: method of store or tracker → called before or after it, with its arguments.
    """

    def __init__(
        self,
        harness: WorkerHarness,
        *,
        dies_at_call: int | None = None,
        faults: Faults | None = None,
        heartbeat_seconds: float = 0.02,
        answer: Callable[[Request], Awaitable[Response]] | None = None,
        retries: int = 3,
        clock: Callable[[], float] = time.monotonic,
        max_running_per_experiment: int | None = None,
        app: AppProvider | None = None,
        renderer: Renderer | None = None,
    ) -> None:
        self.harness = harness
        self.alive = True
        self.asked: list[str] = []
        self.answered: list[str] = []
        self.before: dict[str, Callable[..., None]] = {}
        self.after: dict[str, Callable[..., None]] = {}
        self.slept: list[float] = []
        self._dies_at_call = dies_at_call
        self._heartbeat_seconds = heartbeat_seconds
        self._answer = answer
        self.scripted = ScriptedProvider(faults=faults)
        self._running: asyncio.Task[None] | None = None
        store = KillableProxy(harness.store, self, StoreUnavailable)
        tracker = KillableProxy(harness.tracker, self, TrackingUnavailable)
        registry = Registry(providers={"scripted": self})
        self.gateway = Gateway(
            registry, retries=RetrySchedule(backoff=Backoff(base_seconds=0.001, cap_seconds=0.01))
        )
        planner = Planner(make_scorers, make_optimizer)
        resolver = Resolver(tracker, registry, planner, complete_settings)
        self.runner = JobRunner(
            WorkerContext(
                worker_id=f"worker-{id(self):x}",
                store=store,
                tracker=tracker,
                planner=planner,
                resolver=resolver,
                gateway=self.gateway,
                retries=RetryPolicy(limit=retries, draw=lambda: 0.0),
                redact=redact,
                clock=clock,
                heartbeat_seconds=heartbeat_seconds,
                show_seconds=heartbeat_seconds,
                max_running_per_experiment=max_running_per_experiment,
                sleep=self._sleep,
                find_app=lambda _: app,
                renderer=renderer or PlainRenderer(),
            )
        )

    async def run(self, job_id: str = "job", reason: str = "submitted", over: int | None = None) -> None:
        """Run the job to its end, or to this process's, as a dispatcher does."""
        self._running = asyncio.create_task(self._deliver(job_id, reason, over))
        with contextlib.suppress(asyncio.CancelledError):
            await self._running
        await self.runner.close(grace_seconds=10.0)
        await self.gateway.close()

    async def _deliver(self, job_id: str, reason: str, over: int | None) -> None:
        again = await self.runner(Delivery(job_id, reason, over))
        while again is not None:
            await self._sleep(again.delay_seconds)
            again = await self.runner(Delivery(job_id, again.reason, again.over_attempt, delayed=True))

    def die(self, *_: Any) -> None:
        """``kill -9``. From any thread."""
        self.alive = False
        if self._running is not None:
            self._running.get_loop().call_soon_threadsafe(self.interrupt)

    def interrupt(self) -> None:
        """What a dispatcher does on SIGTERM, and on a cancel."""
        if self._running is not None:
            self._running.cancel()

    async def interrupted(self) -> None:
        """Interrupt it, and wait until its task has been cancelled."""
        self.interrupt()
        while self._running and not (self._running.cancelling() or self._running.done()):  # noqa: ASYNC110
            await asyncio.sleep(0)

    # --- as a model's provider

    async def complete(self, request: Request, model_name: str, timeout_seconds: float) -> Response:
        self.asked.append(request.digest)
        if self._dies_at_call is not None and len(self.asked) == self._dies_at_call:
            self.die()
        response = await (
            self._answer(request)
            if self._answer
            else self.scripted.complete(request, model_name, timeout_seconds)
        )
        self.answered.append(request.digest)
        return response

    async def close(self) -> None:
        await self.scripted.close()

    async def _sleep(self, seconds: float) -> None:
        if seconds != self._heartbeat_seconds:
            self.slept.append(seconds)
            seconds = 0.0
        await asyncio.sleep(seconds)
