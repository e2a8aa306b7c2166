"""The use cases of jobs: one public verb for each."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields, replace

from burnish.dispatch.protocol import Dispatcher
from burnish.domain.actor import NOBODY, Actor
from burnish.domain.inputs import JobData, JobInputs
from burnish.domain.job import (
    FREE_BESIDE_INPUTS,
    MAX_PRIORITY,
    MAX_TAG_KEY_CHARACTERS,
    MAX_TAG_VALUE_CHARACTERS,
    PRIORITY_TAG,
    Job,
    JobConfig,
    JobStatus,
)
from burnish.domain.origin import Origin
from burnish.domain.records import Idempotency, JobPage, JobQuery, JournalEntry, best_so_far
from burnish.errors import Conflict, InvalidInput, InvalidState, Problem, TrackingUnavailable
from burnish.planning.resolver import Resolution, Resolver
from burnish.service.earlier_jobs import KnownEarlierJobs
from burnish.service.estimate import Estimate, estimate
from burnish.service.runs import JobRuns
from burnish.store.protocol import JobStore
from burnish.store.search.merge import merge
from burnish.tracking.earlier_jobs import FakeEarlierJobs
from burnish.tracking.protocol import RunStatus, Tracker

STOP_SECONDS = 15.0
CANCEL_SECONDS = 2.0
_LOOK_SECONDS = 0.05  # between two looks whether the worker has heeded a cancel
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,5}")


class Jobs:
    """Submit, repeat, get, search, cancel, delete, resume, estimate.

    Args:
        earlier: jobs that MLflow's own prompt optimization has made; ``None``: there are none.
        stop_seconds: how long a delete waits for MLflow before it has deleted anything.
        cancel_seconds: how long a cancel waits for the worker before the attempt is fenced off.
        sleep: waiting; injected.
    """

    def __init__(
        self,
        store: JobStore,
        tracker: Tracker,
        resolver: Resolver,
        dispatcher: Dispatcher,
        earlier: KnownEarlierJobs | None = None,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        stop_seconds: float = STOP_SECONDS,
        cancel_seconds: float = CANCEL_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._tracker = tracker
        self._resolver = resolver
        self._dispatcher = dispatcher
        self._earlier = earlier or KnownEarlierJobs(FakeEarlierJobs())
        self._clock_ms = clock_ms
        self._stop_seconds = stop_seconds
        self._cancel_seconds = cancel_seconds
        self._sleep = sleep
        self.runs = JobRuns(store, tracker)

    async def submit(
        self,
        experiment_id: str,
        config: JobConfig,
        tags: Mapping[str, str] | None = None,
        idempotency: Idempotency | None = None,
        calls: Sequence[JournalEntry] = (),
        found: Sequence[Problem] = (),
        actor: Actor = NOBODY,
    ) -> tuple[Job, bool]:
        """Check everything that can be checked, make the job's run, then store the job and hand it over.

        Args:
            calls: model calls that were made for this job before it existed (the preflight); they
                are paid, so its journal begins with them.
            found: what is wrong with the request already.

        Returns:
            The job, and ``False`` where the idempotency key had already made it.

        Raises:
            InvalidInput: every problem at once; nothing was written.
            Conflict: the idempotency key was used with another body.
            TrackingUnavailable: MLflow is away; nothing was written.
        """
        problems = [*found, *tag_problems(tags or {})]
        if idempotency and not problems and (made := await self._store.find_made(idempotency)):
            return made, False  # whatever has become of its prompt or its data since
        resolution = await self._resolver.resolve(experiment_id, config, problems)
        inputs, data = resolution.inputs, resolution.data
        job = self._new_job(experiment_id, config, tags or {}, inputs, actor)
        return await self._create(job, inputs, data, idempotency, calls)

    async def create(
        self,
        experiment_id: str,
        config: JobConfig,
        resolution: Resolution,
        tags: Mapping[str, str],
        calls: Sequence[JournalEntry] = (),
    ) -> Job:
        """Make the run and store a job whose prompts and data were at hand and have been checked.

        Raises:
            TrackingUnavailable, StoreUnavailable
        """
        job = self._new_job(experiment_id, config, tags, resolution.inputs, NOBODY)
        return (await self._create(job, resolution.inputs, resolution.data, calls=calls))[0]

    async def repeat(
        self,
        like_job_id: str,
        *,
        change: Callable[[JobConfig], JobConfig] = lambda config: config,
        refresh_inputs: bool = False,
        experiment_id: str = "",
        tags: Mapping[str, str] | None = None,
        idempotency: Idempotency | None = None,
        actor: Actor = NOBODY,
    ) -> tuple[Job, bool]:
        """Make the same job again, as :meth:`submit` does.

        Args:
            change: the other job's config → the new one's. Without ``refresh_inputs`` they may differ in
                :data:`~burnish.domain.job.FREE_BESIDE_INPUTS` alone.
            refresh_inputs: whether prompts, records, judges and models are looked up anew; else the new job
                runs on exactly what the other one ran on, whatever has become of it.
            experiment_id: empty: the other job's.
            tags: besides the other job's.

        Raises:
            NotFound: there is no such job.
            InvalidState: without ``refresh_inputs``, the job has no inputs: MLflow made it, or an earlier
                version did and it has not begun since; or its app is a function of another process.
            InvalidInput, Conflict: as :meth:`submit`.
        """
        if idempotency and (made := await self._store.find_made(idempotency)):
            return made, False
        like = await self.get(like_job_id)
        _require_reachable_app(like)
        tags = {**like.tags, **(tags or {})}
        experiment_id = experiment_id or like.experiment_id
        config = change(like.config)
        if refresh_inputs:
            return await self.submit(experiment_id, config, tags, idempotency, actor=actor)
        of_mlflow = like.origin is Origin.MLFLOW
        inputs = None if of_mlflow else await self._store.find_inputs(like_job_id)
        if inputs is None:
            maker = "MLflow" if of_mlflow else "an earlier version"
            raise InvalidState(
                f"job {like_job_id} was made by {maker} and has kept no inputs; repeat it with refresh_inputs"
            )
        data = await self._store.find_data(like_job_id)
        problems = [*tag_problems(tags), *_changes_of_inputs(like.config, config)]
        await self._resolver.check_again(experiment_id, config, inputs, data, problems)
        job = self._new_job(experiment_id, config, tags, inputs, actor)
        return await self._create(job, inputs, data, idempotency)

    def _new_job(
        self,
        experiment_id: str,
        config: JobConfig,
        tags: Mapping[str, str],
        inputs: JobInputs,
        actor: Actor,
    ) -> Job:
        return Job(
            job_id=uuid.uuid4().hex,
            experiment_id=experiment_id,
            config=config,
            creation_timestamp_ms=self._clock_ms(),
            tags=dict(tags),
            warnings=inputs.warnings,
            inputs=inputs.summary,
            workspace=actor.workspace,
            created_by=actor.name,
        )

    async def _create(
        self,
        job: Job,
        inputs: JobInputs,
        data: JobData | None,
        idempotency: Idempotency | None = None,
        calls: Sequence[JournalEntry] = (),
    ) -> tuple[Job, bool]:
        """The run first, so that no answer ever lacks it; a run that got no job is deleted, at once or, after
        a crash, by :meth:`JobRuns.sweep`."""
        job = await self.runs.schedule(job)
        try:
            stored, created = await self._store.create(job, idempotency, calls, inputs, data)
        except (Conflict, InvalidInput):  # not where the store is away: the job may have been written
            await self.runs.discard(job)
            raise
        if created:
            self._dispatcher.announce(stored.job_id)
        else:
            await self.runs.discard(job)
        return stored, created

    async def get(self, job_id: str) -> Job:
        """
        Raises:
            NotFound
            TrackingUnavailable: MLflow made the job, and is away.
        """
        if Origin.of(job_id) is Origin.MLFLOW:
            return await self._earlier.get(job_id)
        return await self._store.get(job_id)

    async def search(self, query: JobQuery) -> JobPage:
        """Our jobs and MLflow's own together.

        Raises:
            InvalidInput: the filter, an order or the page token cannot be read.
        """
        page = await self._store.search(await self._in_few_words(query))
        earlier = await self._earlier.list()
        return merge(query, page, earlier) if earlier else page

    async def _in_few_words(self, query: JobQuery) -> JobQuery:
        """The query without what all jobs of the store fit anyway: each word costs the search time."""
        workspace, readable = query.workspace, query.readable_experiment_ids
        if workspace is not None and await self._store.workspaces() <= {workspace}:
            workspace = None
        if readable is not None:
            there = await self._store.experiment_ids()
            readable = None if there <= readable else there & readable
        return replace(query, workspace=workspace, readable_experiment_ids=readable)

    async def cancel(self, job_id: str, actor: Actor = NOBODY) -> Job:
        """Stop a job. Its worker has two seconds to end it in good order; past that the attempt is fenced
        off, wherever it runs, and nothing of it can be written any more. The best candidate so far is kept.

        Returns:
            The job, CANCELED.

        Raises:
            NotFound
            InvalidState: the job is COMPLETED or FAILED, or came to its end meanwhile.
            TrackingUnavailable: MLflow made the job, and is away.
        """
        if Origin.of(job_id) is Origin.MLFLOW:
            return await self._earlier.cancel(job_id)
        job = await self._store.request_cancel(job_id, actor.name)
        self._dispatcher.announce_cancel(job_id)
        if job.status is JobStatus.CANCELED:
            await self.runs.end(job)  # it was waiting, so nobody else will
            return job
        looks = round(self._cancel_seconds / _LOOK_SECONDS)
        while looks > 0 and not job.status.terminal:
            await self._sleep(_LOOK_SECONDS)
            job, looks = await self._store.get(job_id), looks - 1
        if not job.status.terminal:
            found = best_so_far(await self._store.candidates(job_id))
            job = await self._store.fence(job_id, found, actor.name)
            await self.runs.end(job)
        if job.status is not JobStatus.CANCELED:
            raise InvalidState(f"job {job_id} is {job.status}: it came to its end before the cancel did")
        return job

    async def delete(self, job_id: str, actor: Actor = NOBODY) -> None:
        """Remove a job, its records and its run: all or nothing.

        A running job is stopped first: its attempt is fenced off, so no later write can land. A run
        that is already gone is skipped; one that cannot be deleted fails the call, and the job stays.

        Raises:
            NotFound
            InvalidState: MLflow made the job, and it has not ended.
            TrackingUnavailable: the run exists and could not be deleted, or MLflow did not say in time.
        """
        if Origin.of(job_id) is Origin.MLFLOW:
            await self._earlier.delete(job_id)
            return
        job = await self._store.get(job_id)
        running = not job.status.terminal
        if running:
            job = await self._store.fence(job_id, actor=actor.name)
            self._dispatcher.announce_cancel(job_id)
        if job.run_id or job.attempt:  # a job of an earlier version has no run before it has begun
            run_id = await self._stopped_run(job, running)
            if run_id is not None:
                await asyncio.to_thread(self._tracker.delete_run, run_id)
        await self._store.delete(job_id)

    async def _stopped_run(self, job: Job, running: bool) -> str | None:
        """The job's run, ended. What is still under way when the time is over may end later: it deletes
        nothing.

        Raises:
            TrackingUnavailable: MLflow failed, or did not do it in time.
        """
        try:
            async with asyncio.timeout(self._stop_seconds):
                run_id = await asyncio.to_thread(self._tracker.find_run, job)
                if run_id is not None and running:  # nobody else will: its worker may not touch it any more
                    await asyncio.to_thread(self._tracker.end_run, run_id, RunStatus.KILLED)
                return run_id
        except TimeoutError:
            raise TrackingUnavailable(
                f"MLflow did not end the run of job {job.job_id} within {self._stop_seconds:g} s, so the job "
                "was not deleted; try again"
            ) from None

    async def resume(self, job_id: str, actor: Actor = NOBODY) -> Job:
        """Let a FAILED or CANCELED job go on from what it has.

        Raises:
            NotFound
            InvalidState: the job is in any other state, or its app is a function of another process.
        """
        _require_reachable_app(await self._store.get(job_id))
        job = await self._store.reopen(job_id, actor.name)
        self._dispatcher.announce(job_id)
        return job

    async def estimate(
        self,
        experiment_id: str,
        config: JobConfig,
        tags: Mapping[str, str] | None = None,
        found: Sequence[Problem] = (),
    ) -> Estimate:
        """What this request would take; nothing is written and no model is called.

        Raises:
            InvalidInput: the request could not be carried out; every problem at once.
        """
        problems = [*found, *tag_problems(tags or {})]
        return estimate((await self._resolver.resolve(experiment_id, config, problems)).plan)


def tag_problems(tags: Mapping[str, str]) -> list[Problem]:
    """Keys that are empty or too long, values that are too long, a priority that is none."""
    problems = []
    for key, value in tags.items():
        if not key or len(key) > MAX_TAG_KEY_CHARACTERS:
            problems.append(Problem("tags.key", key, f"must have 1 to {MAX_TAG_KEY_CHARACTERS} characters"))
        if len(value) > MAX_TAG_VALUE_CHARACTERS:
            problems.append(
                Problem(f"tags.{key}", value, f"must have at most {MAX_TAG_VALUE_CHARACTERS} characters")
            )
    priority = tags.get(PRIORITY_TAG, "0")
    if not _WHOLE_NUMBER.fullmatch(priority) or abs(int(priority)) > MAX_PRIORITY:
        remedy = f"must be a whole number from -{MAX_PRIORITY} to {MAX_PRIORITY}; higher goes first"
        problems.append(Problem(f"tags.{PRIORITY_TAG}", priority, remedy))
    return problems


def _changes_of_inputs(of_other: JobConfig, config: JobConfig) -> list[Problem]:
    remedy = (
        "decides what a job runs on, which is the other job's; leave it out, or have everything looked up "
        "anew (refresh_inputs, on the command line --refresh)"
    )
    changed = [
        entry.name
        for entry in fields(JobConfig)
        if entry.name not in FREE_BESIDE_INPUTS
        and getattr(config, entry.name) != getattr(of_other, entry.name)
    ]
    return [
        Problem(
            "source_prompt_uri" if name == "source_prompt_uris" else f"config.{name}",
            str(getattr(config, name)),
            remedy,
        )
        for name in changed
    ]


def _require_reachable_app(job: Job) -> None:
    """
    Raises:
        InvalidState: no server can run the job.
    """
    app = job.config.app
    if app is not None and app.function is not None:
        raise InvalidState(
            f"job {job.job_id} optimizes the prompts of the function {app.function}, which no server has: "
            "call burnish.optimize_prompts(..., resume=True) where it is"
        )


def require_completed(job: Job) -> str:
    """The job's optimized prompt.

    Raises:
        InvalidState: it has none.
    """
    if job.optimized_prompt_uri is None:
        why = "it has not completed" if job.status is not JobStatus.COMPLETED else job.status_message
        raise InvalidState(f"job {job.job_id} ({job.status}) has no optimized prompt version: {why}")
    return job.optimized_prompt_uri
