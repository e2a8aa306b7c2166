"""The only place where implementations are chosen and wired."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import time
import uuid
from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module

from burnish.concurrency import cancel_and_wait
from burnish.config import Settings
from burnish.dispatch.embedded import EmbeddedDispatcher
from burnish.dispatch.lock import WorkerLock
from burnish.dispatch.procrastinate import ProcrastinateDispatcher
from burnish.domain.records import Heartbeat
from burnish.domain.rendering import PlainRenderer
from burnish.errors import BurnishError, Problems, TrackingUnavailable
from burnish.evaluation.judges.catalog import DEFAULT_MODEL_VARIABLE
from burnish.evaluation.scorer_set import Aggregation
from burnish.evaluation.scorers.registry import make_scorers
from burnish.llm.apps.addresses import AllowedApps
from burnish.llm.apps.http import HttpApps
from burnish.llm.gateway import ANY_MODEL, Gateway
from burnish.llm.limits import RateLimits
from burnish.llm.providers.registry import Registry
from burnish.observability.telemetry import Telemetry, telemetry_of
from burnish.optimizers.registry import complete_settings, make_optimizer
from burnish.planning.plan import Planner
from burnish.planning.resolver import Resolver
from burnish.redaction import redact
from burnish.rendering.sandbox import JinjaSandbox
from burnish.service.catalog import JobCatalog
from burnish.service.datasets import Datasets
from burnish.service.demo import Demo
from burnish.service.earlier_jobs import KnownEarlierJobs
from burnish.service.jobs import Jobs
from burnish.service.prompts import Prompts
from burnish.service.retention import prune_store
from burnish.service.runs import sweep_runs
from burnish.store.location import postgres_conninfo, sqlite_path
from burnish.store.sql import SqlJobStore
from burnish.tracking.mlflow import MlflowTracker
from burnish.worker.context import FindApp, WorkerContext, find_no_app
from burnish.worker.retry import RetryPolicy
from burnish.worker.runner import JobRunner

_YOUNG_OBJECTS = 10_000  # between two collections; MLflow's ORM makes and drops thousands for each job

AnyDispatcher = EmbeddedDispatcher | ProcrastinateDispatcher


@dataclass(frozen=True, slots=True)
class OfflineServices:
    """What needs no store: enough to check a request. Making it opens and writes nothing."""

    settings: Settings
    tracker: MlflowTracker
    models: Registry
    gateway: Gateway
    apps: HttpApps
    planner: Planner
    resolver: Resolver
    catalog: JobCatalog
    datasets: Datasets
    telemetry: Telemetry
    renderer: JinjaSandbox | PlainRenderer

    async def close(self) -> None:
        """Give connections and loaded models back. May be called twice."""
        await self.gateway.close()
        await self.apps.close()
        self.renderer.close()


@dataclass(slots=True)
class Services:
    """Everything of one process, open."""

    offline: OfflineServices
    store: SqlJobStore
    dispatcher: AnyDispatcher
    jobs: Jobs
    prompts: Prompts
    runner: JobRunner
    lock: WorkerLock | None
    _working: asyncio.Task[None] | None = field(default=None, init=False)

    @property
    def settings(self) -> Settings:
        return self.offline.settings

    @property
    def tracker(self) -> MlflowTracker:
        return self.offline.tracker

    @property
    def demo(self) -> Demo:
        return Demo(self.jobs, self.tracker)

    @property
    def catalog(self) -> JobCatalog:
        return self.offline.catalog

    @property
    def datasets(self) -> Datasets:
        return self.offline.datasets

    async def warm_up(self) -> None:
        """Load what jobs need, before there is one: libraries that load hold up every thread, and the
        heartbeat of a job that already runs would come late."""
        if self.settings.workers:
            await asyncio.to_thread(_load, self.tracker)

    async def work(self) -> None:
        """Run jobs until :meth:`close` or ``dispatcher.stop``."""
        if not self.settings.workers:
            return
        beside = [
            asyncio.create_task(sweep_runs(self.jobs.runs)),
            asyncio.create_task(prune_store(self.store, self.settings.keep_journal_days)),
        ]
        try:
            await self.dispatcher.work(self.runner, self.settings.workers)
        finally:
            await cancel_and_wait(*beside)

    async def close(self, grace_seconds: float = 10.0) -> None:
        """Stop working and give everything back. May be called twice."""
        await self.dispatcher.stop(grace_seconds)
        await self.runner.close(grace_seconds)
        await self.offline.close()
        if isinstance(self.dispatcher, ProcrastinateDispatcher):
            await self.dispatcher.close()
        await self.store.close()
        if self.lock is not None:
            self.lock.release()
        await self.offline.telemetry.close()  # last: a collector that is away takes its time


def make_offline_services(settings: Settings) -> OfflineServices:
    """The tracker (which connects when it is first used), the models and what makes jobs of requests.

    Raises:
        InvalidInput: the apps that are allowed are no URLs or networks.
    """
    allowed = AllowedApps(settings.app_urls, settings.app_networks)
    Problems(allowed.problems()).check()
    tracker = MlflowTracker(settings.tracking_uri)
    environment = ChainMap({"MLFLOW_TRACKING_URI": settings.tracking_uri}, os.environ)
    models = Registry(settings.allowed_base_urls, environment=environment)
    telemetry = telemetry_of()
    limits = RateLimits(
        requests_per_minute=settings.requests_per_minute, tokens_per_minute=settings.tokens_per_minute
    )
    gateway = Gateway(models, limits={ANY_MODEL: limits}, report=telemetry.called)
    apps = HttpApps(allowed)

    renderer = JinjaSandbox() if settings.jinja else PlainRenderer()
    planner = Planner(make_scorers, make_optimizer)
    judge_model = os.environ.get(DEFAULT_MODEL_VARIABLE) or settings.judge_model
    resolver = Resolver(tracker, models, planner, complete_settings, judge_model, apps.check, renderer)
    catalog = JobCatalog(tracker.catalog, environment, judge_model)
    return OfflineServices(
        settings,
        tracker,
        models,
        gateway,
        apps,
        planner,
        resolver,
        catalog,
        Datasets(tracker),
        telemetry,
        renderer,
    )


async def open_services(settings: Settings, offline: OfflineServices | None = None) -> Services:
    """Open the store, and the queue where there is one.

    A process that works on a SQLite store holds its lock.

    Raises:
        InvalidInput: the store's URI, or its file.
        InvalidState: another process works on this SQLite store.
        StoreUnavailable: PostgreSQL does not answer.
    """
    offline = offline or make_offline_services(settings)
    database = sqlite_path(settings.store_uri)
    lock = None
    if database is not None and settings.workers:
        lock = WorkerLock(database)
        lock.acquire()
    try:
        return await _open(settings, offline, lock, embedded=database is not None)
    except BurnishError:
        if lock is not None:
            lock.release()
        raise


@dataclass(frozen=True, slots=True)
class OwnCode:
    """What only this process can run of the jobs that it makes.

    Attributes:
        find_app: who runs a job's app.
        aggregation: makes the aggregate of the scorers' answers, in the place of the mean.
    """

    find_app: FindApp = find_no_app
    aggregation: Aggregation | None = None


async def open_app_services(settings: Settings, offline: OfflineServices, own_code: OwnCode) -> Services:
    """For jobs that only this process can run: they are handed over to nobody, and others may work on the
    same store.

    Raises:
        InvalidInput, StoreUnavailable: as :func:`open_services`.
    """
    return await _open(settings, offline, None, embedded=True, own_code=own_code)


async def _open(
    settings: Settings,
    offline: OfflineServices,
    lock: WorkerLock | None,
    embedded: bool,
    own_code: OwnCode | None = None,
) -> Services:
    own_code = own_code or OwnCode()
    store: SqlJobStore

    async def unfinished(but: str = "") -> Sequence[str]:
        return await store.unfinished(but)

    async def heartbeats() -> Sequence[Heartbeat]:
        return await store.heartbeats()

    dispatcher: AnyDispatcher
    if embedded:
        dispatcher = EmbeddedDispatcher(unfinished)
    else:
        dispatcher = ProcrastinateDispatcher(
            postgres_conninfo(settings.store_uri),
            heartbeats,
            unfinished,
            settings.heartbeat_seconds,
            settings.takeover_seconds,
        )
    store = await asyncio.to_thread(SqlJobStore, settings.store_uri, hand_over=dispatcher.hand_over)
    if isinstance(dispatcher, ProcrastinateDispatcher):
        await dispatcher.open()
    worker = WorkerContext(
        worker_id=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
        store=store,
        tracker=offline.tracker,
        planner=offline.planner,
        resolver=offline.resolver,
        gateway=offline.gateway,
        retries=RetryPolicy(limit=settings.max_job_retries),
        redact=redact,
        clock=time.monotonic,
        heartbeat_seconds=settings.heartbeat_seconds,
        max_running_per_experiment=settings.max_running_per_experiment,
        max_job_deaths=settings.max_job_deaths,
        observer=offline.telemetry,
        renderer=offline.renderer,
        find_app=lambda app: own_code.find_app(app) or offline.apps.find(app),
        aggregation=own_code.aggregation,
    )
    earlier = KnownEarlierJobs(offline.tracker.earlier_jobs)
    jobs = Jobs(store, offline.tracker, offline.resolver, dispatcher, earlier)
    return Services(
        offline, store, dispatcher, jobs, Prompts(store, offline.tracker), JobRunner(worker), lock
    )


def _load(tracker: MlflowTracker) -> None:
    for module in ("aiohttp", "gepa", "numpy", "optuna"):
        import_module(module)
    with contextlib.suppress(TrackingUnavailable):  # the first job will see whether it still is
        tracker.check()
    gc.freeze()  # what is loaded stays: see docs/decisions/0077
    gc.set_threshold(_YOUNG_OBJECTS)
