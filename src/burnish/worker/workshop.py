"""What a worker works with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from burnish.llm.gateway import Gateway
from burnish.plan import Planner
from burnish.store.protocol import JobStore
from burnish.tracking.protocol import Tracker
from burnish.worker.observer import Observer, Unobserved
from burnish.worker.retry import RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Made once for each process by ``bootstrap``.

    Attributes:
        redact: takes secrets out of a text before it is kept.
        clock: seconds, monotonic.
        heartbeat_seconds: how often an attempt says that it lives, and looks for a cancel.
        show_seconds: how often new candidates are put on the MLflow run; the store has them at once.
        max_running_per_experiment: jobs of one experiment that may run at once; ``None``: no limit.
        max_job_deaths: attempts in a row that may die with their worker and finish no call.
        sleep: waiting; injected.
        observer: told of attempts and their phases.
    """

    worker_id: str
    store: JobStore
    tracker: Tracker
    planner: Planner
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
