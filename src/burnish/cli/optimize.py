"""``burnish optimize``: one job on the user's own files, from the first check to the result."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from burnish.bootstrap import OfflineServices, Services, make_offline_services, open_services
from burnish.cli.job_options import read_options
from burnish.cli.new_databases import cleanup_new_databases
from burnish.cli.output import (
    EXIT_BAD_INPUT,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    say_error,
    say_json,
    stderr,
)
from burnish.cli.progress import ProgressDisplay
from burnish.cli.result import check_output, print_result, write_best_prompt
from burnish.config import Settings
from burnish.domain.dataset import Dataset
from burnish.domain.job import DEFAULT_OPTIMIZER, Job, JobConfig, JobStatus
from burnish.domain.prompt import Prompt, is_jinja
from burnish.domain.records import JournalEntry
from burnish.errors import BurnishError, InvalidInput, InvalidState, NotFound, OutsideFailure, Problem
from burnish.llm.apps.addresses import AllowedApps
from burnish.observability.logs import configure_logs
from burnish.planning.plan import Plan
from burnish.service.preflight import first_calls

DEFAULT_MODEL = "local:/smollm2"
DEFAULT_SCORERS = ("exact_match",)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizeRequest:
    """What was typed.

    Attributes:
        prompts: files or URIs; several are optimized together.
        options: the options of a job, see :func:`~burnish.cli.job_options.read_options`.
    """

    prompts: tuple[str, ...] = ()
    data: str | None = None
    name: str | None = None
    target: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    experiment: str = "burnish"
    resume: str | None = None


def run(
    request: OptimizeRequest,
    output: Path | None = None,
    as_json: bool = False,
    store_uri: str | None = None,
    tracking_uri: str | None = None,
) -> int:
    """Run the job.

    Returns:
        The exit code: 0 completed, 1 failed, 2 bad input, 130 interrupted.
    """
    configure_logs("console", logging.CRITICAL)  # what a person must know is in the progress and the result
    try:
        settings = Settings.read(store_uri=store_uri, tracking_uri=tracking_uri, workers=1)
        job = asyncio.run(optimize(request, settings, as_json, output))
    except (InvalidInput, InvalidState, NotFound) as error:
        say_error(error)
        return EXIT_BAD_INPUT
    except BurnishError as error:
        say_error(error)
        return EXIT_FAILED
    except KeyboardInterrupt:
        say_error("interrupted before the job began; nothing was left behind")
        return EXIT_INTERRUPTED
    return {JobStatus.COMPLETED: EXIT_OK, JobStatus.CANCELED: EXIT_INTERRUPTED}.get(job.status, EXIT_FAILED)


async def optimize(request: OptimizeRequest, settings: Settings, as_json: bool, output: Path | None) -> Job:
    """Check, submit, watch, show."""
    from burnish.proto.convert import job_to_json

    if output is not None:
        check_output(output)
    async with _open_job(request, settings) as (services, job):
        _say_note(f"job {job.job_id}; if this is cut off: burnish optimize --resume {job.job_id}")
        with ProgressDisplay(job) as display:
            job = await _work_through(services, job, display)
        if as_json:
            say_json(job_to_json(job))
        else:
            await print_result(services, job)
        if output is not None:
            await write_best_prompt(services, job, output)
        return job


@asynccontextmanager
async def _open_job(request: OptimizeRequest, settings: Settings) -> AsyncIterator[tuple[Services, Job]]:
    """The job, new or resumed, with the services that will run it."""
    if request.resume:
        services = await open_services(settings)
        try:
            job = await services.jobs.get(request.resume)
            if job.status.terminal:
                job = await services.jobs.resume(job.job_id)
            finished = (await services.store.journal_totals(job.job_id)).finished.total.calls
            _say_note(
                f"{finished} calls were finished before; their answers are kept, and none is asked again"
            )
            yield services, job
        finally:
            await services.close()
        return
    offline = make_offline_services(_with_own_app(request, settings))
    try:
        checked = await _check(request, offline)
        with cleanup_new_databases(settings):
            services = await open_services(settings, offline)
            try:
                job = await _submit(request, services, checked)
            except BaseException:
                await services.close()
                raise
        try:
            yield services, job
        finally:
            await services.close()
    finally:
        await offline.close()


def _with_own_app(request: OptimizeRequest, settings: Settings) -> Settings:
    """Who types an app's URL here allows it, too."""
    url = request.options.get("app_url")
    if not url or AllowedApps((url,)).problems():
        return settings
    return replace(settings, app_urls=(*settings.app_urls, url))


@dataclass(frozen=True, slots=True)
class _Checked:
    """A request that can be carried out, before anything has been written."""

    plan: Plan
    prompts: tuple[Prompt, ...]
    dataset: Dataset | None
    first_calls: tuple[JournalEntry, ...]


async def _check(request: OptimizeRequest, offline: OfflineServices) -> _Checked:
    """Refuse what cannot work, and ask the model once: a run, a version and a row come later."""
    fields = read_options(request.options)
    kind = fields.get("optimizer_type", DEFAULT_OPTIMIZER)
    _require_files(request, data_needed=kind.info.needs_data)
    prompts = await asyncio.to_thread(_prompts_of, request, offline)
    dataset = await asyncio.to_thread(_dataset_of, request, offline, prompts) if request.data else None
    fields.setdefault("scorers", DEFAULT_SCORERS if dataset else ())
    if "app" not in fields:
        fields.setdefault("model", None if prompts[0].model_config else DEFAULT_MODEL)
    config = JobConfig(source_prompt_uris=request.prompts, dataset_id=request.data, **fields)
    plan = (await offline.resolver.check(config, prompts, dataset)).plan
    app = offline.apps.find(config.app) if config.app else None
    calls = await first_calls(offline.gateway, plan, app, renderer=offline.renderer)
    return _Checked(plan, prompts, dataset, calls)


async def _submit(request: OptimizeRequest, services: Services, checked: _Checked) -> Job:
    tracker, dataset = services.tracker, checked.dataset
    experiment_id = await asyncio.to_thread(tracker.ensure_experiment, request.experiment)
    uris = []
    for prompt in checked.prompts:
        known = prompt if prompt.uri else await asyncio.to_thread(tracker.ensure_prompt, prompt)
        uris.append(known.uri or "")
    if dataset is not None and dataset.dataset_id is None:
        dataset = await asyncio.to_thread(tracker.ensure_dataset, dataset, experiment_id)
    config = replace(
        checked.plan.config,
        source_prompt_uris=tuple(uris),
        dataset_id=dataset.dataset_id if dataset else None,
    )
    job, _ = await services.jobs.submit(experiment_id, config, calls=checked.first_calls)
    return job


def _require_files(request: OptimizeRequest, data_needed: bool) -> None:
    problems = []
    if not request.prompts:
        problems.append(Problem("--prompt", "", "name a file or prompts:/NAME/VERSION"))
    if len(request.prompts) > 1 and request.name:
        problems.append(
            Problem("--name", request.name, "names one prompt; several are named after their files")
        )
    if data_needed and not request.data:
        problems.append(Problem("--data", "", "name a .jsonl, .csv or .parquet file, or a dataset id"))
    if problems:
        raise InvalidInput(*problems)


def _prompts_of(request: OptimizeRequest, offline: OfflineServices) -> tuple[Prompt, ...]:
    """From MLflow's registry, or from files."""
    from burnish.files import read_prompt

    return tuple(
        offline.tracker.prompt(where)
        if where.startswith("prompts:/")
        else read_prompt(Path(where), name=request.name)
        for where in request.prompts
    )


def _dataset_of(request: OptimizeRequest, offline: OfflineServices, prompts: tuple[Prompt, ...]) -> Dataset:
    """From MLflow, or from a file."""
    from burnish.files import read_records

    where = str(request.data)
    if _is_dataset_id(where):
        return offline.tracker.dataset(where)
    # Every column may be what a path leads through, a Jinja template looks at, or an app makes use of.
    variables = None
    fills_in = any(request.options.get(name) for name in ("inputs", "app_url"))
    if not fills_in and not any(is_jinja(prompt.template) for prompt in prompts):
        variables = frozenset[str]().union(*(prompt.variables for prompt in prompts))
    return read_records(Path(where), variables, request.target, note=_say_note)


def _say_note(text: str) -> None:
    stderr().print(f"note: {text}", markup=False)


def _is_dataset_id(data: str) -> bool:
    """MLflow's ids are ``d-`` and 32 hexadecimal digits; a file of that name wins."""
    return data.startswith("d-") and not Path(data).exists()


async def _work_through(services: Services, job: Job, display: ProgressDisplay) -> Job:
    """Work on this process's store until the job is over, showing its events."""
    working = asyncio.create_task(services.work())
    loop = asyncio.get_running_loop()
    interrupted = asyncio.Event()
    loop.add_signal_handler(signal.SIGINT, interrupted.set)
    loop.add_signal_handler(signal.SIGTERM, interrupted.set)
    asked = False
    sequence = 0
    try:
        while True:
            for event in await services.store.events(job.job_id, sequence):
                sequence = event.sequence
                display.show(event)
            job = await services.jobs.get(job.job_id)
            if job.status.terminal:
                return job
            if working.done():
                working.result()
                raise OutsideFailure("the worker ended before the job did")
            if interrupted.is_set() and not asked:
                asked = True
                display.say("stopping: calls in flight are canceled, the best so far is kept")
                await services.jobs.cancel(job.job_id)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(_either(interrupted, asked), 0.1)
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
        await services.dispatcher.stop(grace_seconds=1.0)
        await asyncio.gather(working, return_exceptions=True)


async def _either(interrupted: asyncio.Event, asked: bool) -> None:
    await (asyncio.Event() if asked else interrupted).wait()
