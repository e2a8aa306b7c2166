"""Jobs that only this process can run: made or found again, and run to their end here."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from burnish.apps.request import read_config
from burnish.apps.scorers import GivenScorers
from burnish.apps.untracked import UntrackedTracker
from burnish.bootstrap import OfflineServices, OwnCode, Services, make_offline_services, open_app_services
from burnish.config import Settings
from burnish.dispatch.protocol import Delivery
from burnish.domain.app import App
from burnish.domain.dataset import Dataset
from burnish.domain.hashing import digest
from burnish.domain.job import Job, JobConfig, JobStatus
from burnish.domain.prompt import Prompt, template_to_json
from burnish.domain.records import JobQuery
from burnish.errors import InvalidInput, InvalidState
from burnish.evaluation.scorer_set import Aggregation
from burnish.llm.protocol import AppProvider
from burnish.optimizers.registry import complete_settings, make_optimizer
from burnish.planning.plan import Planner
from burnish.planning.resolver import Resolution, Resolver
from burnish.sdk.errors import JobFailed
from burnish.service.preflight import first_calls

log = logging.getLogger("burnish.apps")

APP_TAG = "burnish.app"
CALL_TAG = "burnish.call"
_LOOK_SECONDS = 0.5
_pause = asyncio.sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class AppJob:
    """What makes a job of an app in this process.

    Attributes:
        provider: runs the app.
        dataset: ``None`` for metaprompt without data.
        optimizer: as :func:`~burnish.apps.request.read_optimizer` takes it.
        options: of a job, by name, and those of this process (``store_uri``).
        resume: go on with the latest job that is the same.
    """

    app: App
    provider: AppProvider
    prompts: Sequence[Prompt]
    dataset: Dataset | None
    scorers: GivenScorers
    optimizer: Any
    options: Mapping[str, Any] = field(default_factory=dict)
    aggregation: Aggregation | None = None
    resume: bool = False


@asynccontextmanager
async def offline_services(options: Mapping[str, Any], *, tracked: bool) -> AsyncIterator[OfflineServices]:
    """What reads from MLflow, where this process's MLflow is.

    Args:
        tracked: whether jobs have MLflow runs.
    """
    import mlflow

    settings = Settings.read(
        store_uri=options.get("store_uri"), tracking_uri=mlflow.get_tracking_uri(), workers=0
    )
    offline = make_offline_services(settings)
    if not tracked:
        offline = replace(offline, tracker=UntrackedTracker(settings.tracking_uri))
    try:
        with _quiet():
            yield offline
    finally:
        await offline.close()


@asynccontextmanager
async def completed(wanted: AppJob, offline: OfflineServices) -> AsyncIterator[tuple[Services, Job]]:
    """Check, make the job or find it again, and run it to its end.

    Yields:
        The completed job, and the services that have it.

    Raises:
        InvalidInput: it cannot work; nothing was written.
        InvalidState: with ``resume``: another process runs it.
        JobFailed: it has failed or was canceled.
    """
    planner = Planner(wanted.scorers.make, make_optimizer)
    judge_model = offline.settings.judge_model
    resolver = Resolver(
        offline.tracker, offline.models, planner, complete_settings, judge_model, renderer=offline.renderer
    )
    config = read_config(
        wanted.app,
        [prompt.uri or prompt.name for prompt in wanted.prompts],
        wanted.optimizer,
        wanted.scorers.specs,
        wanted.dataset.dataset_id if wanted.dataset else None,
        {name: value for name, value in wanted.options.items() if name != "store_uri"},
    )
    if wanted.dataset is None and config.optimizer_type.info.needs_data:
        remedy = f"{config.optimizer_type} learns from examples; only metaprompt can do without"
        raise InvalidInput.of("train_data", "", remedy)
    resolution = await resolver.check(config, wanted.prompts, wanted.dataset)
    own_code = OwnCode(lambda app: wanted.provider if app == wanted.app else None, wanted.aggregation)
    offline = replace(offline, planner=planner, resolver=resolver)
    services = await open_app_services(offline.settings, offline, own_code)
    try:
        identity = _identity(resolution, config)
        job = await _find_job(services, identity) if wanted.resume else None
        if job is None:
            job = await _make_job(services, wanted, config, resolution, identity)
            log.info("job %s begins", job.job_id)
        if job.status is not JobStatus.COMPLETED:
            job = await _work(services, job)
        if job.status is not JobStatus.COMPLETED:
            raise JobFailed(job.job_id, job.status.value, job.error_message)
        yield services, job
    finally:
        await services.close()


def _identity(resolution: Resolution, config: JobConfig) -> str:
    """What makes two calls the same: whatever decides the search's path. Limits do not."""
    inputs = resolution.inputs
    return digest(
        [
            inputs.target.uri,
            [[prompt.name, template_to_json(prompt.template)] for prompt in inputs.prompts],
            inputs.dataset.digest if inputs.dataset else None,
            [scorer.spec for scorer in inputs.scorers],
            config.optimizer_type,
            dict(inputs.optimizer_settings),
            inputs.reflection.uri if inputs.reflection else None,
            str(config.split),
            config.seed,
        ],
        32,
    )


async def _make_job(
    services: Services, wanted: AppJob, config: JobConfig, resolution: Resolution, identity: str
) -> Job:
    gateway = services.offline.gateway
    calls = await first_calls(gateway, resolution.plan, wanted.provider, wanted.aggregation)
    warnings = (*resolution.inputs.warnings, *wanted.scorers.warnings)
    resolution = replace(resolution, inputs=replace(resolution.inputs, warnings=warnings))
    experiment_id = await asyncio.to_thread(_experiment_id)
    tags = {APP_TAG: wanted.app.function or "", CALL_TAG: identity}
    return await services.jobs.create(experiment_id, config, resolution, tags, calls)


async def _find_job(services: Services, identity: str) -> Job | None:
    """The latest job that is the same, ready to go on; ``None``: there is none."""
    query = JobQuery(filter=f"tags.`{CALL_TAG}` = '{identity}'", max_results=1)
    found = (await services.jobs.search(query)).jobs
    if not found:
        return None
    job = found[0]
    if job.status in (JobStatus.FAILED, JobStatus.CANCELED):
        return await services.store.reopen(job.job_id)
    if job.status is JobStatus.IN_PROGRESS:
        await _wait_until_dead(services, job)
    return job


async def _wait_until_dead(services: Services, job: Job) -> None:
    """
    Raises:
        InvalidState: its worker lives.
    """
    if _process_is_gone(job.worker_id):
        return
    beat = job.heartbeat_timestamp_ms
    for _ in range(round(services.settings.takeover_seconds / _LOOK_SECONDS)):
        await _pause(_LOOK_SECONDS)
        now = await services.jobs.get(job.job_id)
        if now.heartbeat_timestamp_ms != beat or now.status is not JobStatus.IN_PROGRESS:
            raise InvalidState(f"job {job.job_id} of this call runs in another process ({job.worker_id})")


def _process_is_gone(worker_id: str | None) -> bool:
    """Whether a worker was a process of this machine that is no more."""
    host, _, rest = (worker_id or "").rpartition("-")[0].rpartition("-")
    if host != socket.gethostname() or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


async def _work(services: Services, job: Job) -> Job:
    """Run the job to its end in this process."""
    delivery = Delivery(job.job_id, "optimize_prompts", over_attempt=job.attempt, delayed=True)
    while (again := await services.runner(delivery)) is not None:
        await asyncio.sleep(again.delay_seconds)
        delivery = Delivery(job.job_id, again.reason, again.over_attempt, delayed=True)
    job = await services.jobs.get(job.job_id)
    if not job.status.terminal:
        raise InvalidState(f"job {job.job_id} is {job.status}: another process has taken it")
    return job


def _experiment_id() -> str:
    from mlflow.tracking.fluent import _get_experiment_id

    return str(_get_experiment_id())


@contextmanager
def _quiet() -> Iterator[None]:
    """A program that has not set structlog up hears of errors only."""
    if structlog.is_configured():
        yield
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.reset_defaults()
