"""One call of ``burnish.optimize_prompts``: from what was given to a job's result."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import structlog

from burnish.apps.function_app import FunctionApp, name_of
from burnish.apps.prompt_override import patched
from burnish.apps.request import read_config
from burnish.apps.result import OptimizationResult
from burnish.apps.scorers import GivenScorers
from burnish.apps.tracing import tracing
from burnish.apps.train_data import read_train_data
from burnish.apps.untracked import UntrackedTracker
from burnish.bootstrap import OfflineServices, OwnCode, Services, make_offline_services, open_app_services
from burnish.config import Settings
from burnish.dispatch.protocol import Delivery
from burnish.domain.app import App
from burnish.domain.hashing import digest
from burnish.domain.job import Job, JobConfig, JobStatus
from burnish.domain.prompt import Prompt, template_to_json
from burnish.domain.records import JobQuery, JournalEntry
from burnish.errors import InvalidInput, InvalidState, NotFound, Problems
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
_BY_TRACE = (
    "its model calls leave no trace, so what they take is not known and this limit could not be kept: turn "
    "autologging on for the library that makes them (mlflow.openai.autolog()), or use max_calls"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCall:
    """What was given, see :func:`burnish.optimize_prompts`."""

    predict_fn: Callable[..., Any]
    train_data: Any
    prompt_uris: Sequence[str]
    optimizer: Any
    scorers: Sequence[Any]
    aggregation: Callable[[Any], float] | None
    enable_tracking: bool
    resume: bool
    options: Mapping[str, Any]


async def run_call(call: AppCall) -> OptimizationResult:
    """Check, make the job or find it again, run it to its end."""
    import mlflow

    _check_callables(call)
    options = dict(call.options)
    settings = Settings.read(
        store_uri=options.pop("store_uri", None), tracking_uri=mlflow.get_tracking_uri(), workers=0
    )
    app = FunctionApp(call.predict_fn)
    offline = make_offline_services(settings)
    if not call.enable_tracking:
        offline = replace(offline, tracker=UntrackedTracker(settings.tracking_uri))
    try:
        with patched(), tracing(call.enable_tracking), _quiet():
            return await _run(call, options, app, offline)
    finally:
        app.close()
        await offline.gateway.close()


async def _run(
    call: AppCall, options: Mapping[str, Any], app: FunctionApp, offline: OfflineServices
) -> OptimizationResult:
    given = GivenScorers(
        call.scorers, app.find_trace, offline.settings.judge_model, as_they_are=call.aggregation is not None
    )
    planner = Planner(given.make, make_optimizer)
    resolver = Resolver(
        offline.tracker, offline.models, planner, complete_settings, offline.settings.judge_model
    )
    offline = replace(offline, planner=planner, resolver=resolver)
    dataset = await asyncio.to_thread(read_train_data, call.train_data, call.predict_fn)
    config = read_config(
        app.app,
        _uris(call.prompt_uris),
        call.optimizer,
        given.specs,
        dataset.dataset_id if dataset else None,
        options,
    )
    prompts = await asyncio.to_thread(_prompts, offline, config)
    resolution = await resolver.check(config, prompts, dataset)
    own_code = OwnCode(lambda wanted: _find(app, wanted), call.aggregation)
    identity = _identity(resolution, config)
    async with _services(offline, own_code) as services:
        job = await _find_job(services, identity) if call.resume else None
        if job is None:
            job = await _make_job(services, app, config, resolution, identity, given.warnings)
            log.info("job %s begins", job.job_id)
        if job.status is not JobStatus.COMPLETED:
            job = await _work(services, job)
        if job.status is not JobStatus.COMPLETED:
            raise JobFailed(job.job_id, job.status.value, job.error_message)
        versions = await asyncio.to_thread(_versions, job, prompts)
    if app.unused and job.attempt:
        unused = f"predict_fn has looked at no text of {', '.join(sorted(app.unused))}"
        job = replace(job, warnings=(*job.warnings, unused))
    for warning in job.warnings:
        log.warning("%s", warning)
    return OptimizationResult.of(job, versions)


def _check_callables(call: AppCall) -> None:
    problems = Problems()
    functions: dict[str, Any] = {"predict_fn": call.predict_fn, "aggregation": call.aggregation}
    for name, value in functions.items():
        if value is not None and not callable(value):
            problems.add(name, type(value).__name__, "must be a function")
    if call.train_data is None and call.scorers:
        problems.add("scorers", "", "there is no train_data to score")
    problems.check()


def _uris(given: Sequence[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise InvalidInput.of("prompt_uris", given, "must be a list of URIs")
    return tuple(getattr(entry, "uri", entry) for entry in given)


def _prompts(offline: OfflineServices, config: JobConfig) -> tuple[Prompt, ...]:
    problems = Problems()
    prompts = []
    if not config.source_prompt_uris:
        problems.add("prompt_uris", "", "name the prompts that predict_fn uses, prompts:/NAME/VERSION")
    for uri in config.source_prompt_uris:
        try:
            prompts.append(offline.tracker.prompt(uri))
        except NotFound:
            problems.add("prompt_uris", uri, "there is no such prompt version in the registry")
        except InvalidInput as error:
            problems.extend(error.problems)
    problems.check()
    return tuple(prompts)


def _find(app: FunctionApp, wanted: App) -> AppProvider | None:
    return app if wanted == app.app else None


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
    services: Services,
    app: FunctionApp,
    config: JobConfig,
    resolution: Resolution,
    identity: str,
    warnings: Sequence[str],
) -> Job:
    calls = await first_calls(services.offline.gateway, resolution.plan, app)
    _check_limits(config, app, calls)
    inputs = replace(resolution.inputs, warnings=(*resolution.inputs.warnings, *warnings))
    experiment_id = await asyncio.to_thread(_experiment_id)
    tags = {APP_TAG: name_of(app.function), CALL_TAG: identity}
    return await services.jobs.create(experiment_id, config, replace(resolution, inputs=inputs), tags, calls)


def _check_limits(config: JobConfig, app: FunctionApp, calls: Sequence[JournalEntry]) -> None:
    """Whether the limits can be kept, as the first run shows.

    Raises:
        InvalidInput
    """
    runs = [entry.usage for entry in calls if entry.run is not None]
    problems = Problems()
    budget = config.budget
    if budget.max_tokens is not None and any(usage.unmetered for usage in runs):
        problems.add("budget.max_tokens", budget.max_tokens, _BY_TRACE)
    if budget.max_usd is not None and any(usage.usd_nanos is None for usage in runs):
        unpriced = "the price of a model that it asks is not known; use max_calls or max_tokens"
        remedy = _BY_TRACE if any(usage.unmetered for usage in runs) else unpriced
        problems.add("budget.max_usd", budget.max_usd, remedy)
    problems.check()


async def _find_job(services: Services, identity: str) -> Job | None:
    """The latest job of this call, ready to go on; ``None``: there is none."""
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
        await asyncio.sleep(_LOOK_SECONDS)
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


@asynccontextmanager
async def _services(offline: OfflineServices, own_code: OwnCode) -> AsyncIterator[Services]:
    services = await open_app_services(offline.settings, offline, own_code)
    try:
        yield services
    finally:
        await services.close()


def _experiment_id() -> str:
    from mlflow.tracking.fluent import _get_experiment_id

    return str(_get_experiment_id())


def _versions(job: Job, prompts: Sequence[Prompt]) -> list[Any]:
    """MLflow's objects of what was registered, or else of what was given."""
    import mlflow

    registered = job.optimized_prompt_uris or tuple(prompt.uri or "" for prompt in prompts)
    return [mlflow.genai.load_prompt(uri, cache_ttl_seconds=0) for uri in registered]


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
