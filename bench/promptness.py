"""How soon things happen: a start with idle workers, a cancel, a takeover after a death, a restart.

On real processes with the default settings, over HTTP; jobs run side by side, as other people's would.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.options import Options
from bench.results import Cell, Result, TableOfFigures
from burnish.domain.job import Job, JobStatus
from tests.chaos.deployment import Batch, Deployment
from tests.chaos.processes import Child

JOBS_AT_ONCE = 6
LATENCY_MS = 800.0


@dataclass
class Delays:
    """Seconds, each of one job."""

    start: list[float] = field(default_factory=list)
    cancel: list[float] = field(default_factory=list)
    takeover: list[float] = field(default_factory=list)


async def until_progress(deployment: Deployment, batch: Batch) -> None:
    """Until every job of the batch runs and has been seen to move."""
    while not all(job.progress for job in await deployment.jobs(batch)):  # noqa: ASYNC110 - others' state
        await asyncio.sleep(0.05)


async def start_delays(deployment: Deployment, samples: int) -> list[float]:
    """From before the request that creates a job to its STARTED event, one job at a time."""
    delays: list[float] = []
    while len(delays) < samples:
        asked_ms = time.time() * 1000
        batch = await deployment.submit(1)
        [job_id] = batch.job_ids
        delays.append((await next_start_ms(deployment, job_id, 0) - asked_ms) / 1000)
        await deployment.cancel(job_id, batch)
    return delays


async def cancel_delays(deployment: Deployment, samples: int) -> list[float]:
    """From the request to the CANCELED row; the other jobs go on meanwhile."""
    delays: list[float] = []
    while len(delays) < samples:
        batch = await deployment.submit(JOBS_AT_ONCE)
        await until_progress(deployment, batch)
        for job_id in batch.job_ids:
            began = time.perf_counter()
            await deployment.cancel(job_id, batch)
            while not (await deployment.store.get(job_id)).status.terminal:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            if (await deployment.store.get(job_id)).status is JobStatus.CANCELED:
                delays.append(time.perf_counter() - began)
    return delays[:samples]


async def takeover_delays(deployment: Deployment, samples: int) -> list[float]:
    """From a death to the next attempt of each job that had one there."""
    delays: list[float] = []
    while len(delays) < samples:
        batch = await deployment.submit(JOBS_AT_ONCE)
        await until_progress(deployment, batch)
        running = [job for job in await deployment.jobs(batch) if job.status is JobStatus.IN_PROGRESS]
        victim, held = max(
            ((child, held_by(child, running)) for child in deployment.workers or [deployment.server]),
            key=lambda pair: len(pair[1]),
        )
        died_ms = time.time() * 1000
        victim.kill()
        if deployment.postgres is None:
            died_ms = time.time() * 1000
            await victim.start()
        for job in held:
            delays.append((await next_start_ms(deployment, job.job_id, job.attempt) - died_ms) / 1000)
        for job_id in batch.job_ids:
            await deployment.cancel(job_id, batch)
        await deployment.until_over(batch, 60)
        await deployment.revive()
    return delays


def held_by(child: Child, jobs: Sequence[Job]) -> list[Job]:
    """Those that run in this process."""
    return [job for job in jobs if f"-{child.pid}-" in str(job.worker_id)]


async def next_start_ms(deployment: Deployment, job_id: str, attempt: int) -> int:
    """When the next attempt began, ms since the epoch."""
    while True:
        for event in await deployment.store.events(job_id, limit=100_000):
            if event.kind.value == "STARTED" and event.attempt > attempt:
                return int(event.timestamp_ms)
        await asyncio.sleep(0.02)


async def delays_of(store: str, samples: int) -> Delays:
    """All of them with one kind of store."""
    folder = Path(tempfile.mkdtemp(prefix="bench-promptness-"))
    deployment = Deployment(
        folder, postgres=store == "PostgreSQL", latency_ms=LATENCY_MS, takeover_seconds=None
    )
    async with deployment:
        await start_delays(deployment, 2)  # what is loaded with the first
        return Delays(
            start=await start_delays(deployment, samples),
            cancel=await cancel_delays(deployment, samples),
            takeover=await takeover_delays(deployment, max(2, samples // 3)),
        )


def row(what: str, seconds: Sequence[float]) -> list[Cell]:
    """Median, 95th percentile and the most."""
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return [what, statistics.median(ordered), p95, ordered[-1], len(ordered)]


async def measure(options: Options) -> Result:
    samples = 4 if options.short else 36
    rows: list[list[Cell]] = []
    for store in ("SQLite", "PostgreSQL"):
        delays = await delays_of(store, samples)
        death = "restart to next attempt" if store == "SQLite" else "death of a worker to next attempt"
        rows += [
            row(f"{store}: create to start", delays.start),
            row(f"{store}: cancel to end", delays.cancel),
            row(f"{store}: {death}", delays.takeover),
        ]
    return Result(
        name="promptness",
        about=f"Real processes with the default settings, {JOBS_AT_ONCE} jobs side by side, calls of "
        f"{LATENCY_MS:g} ms and more.",
        tables=[
            TableOfFigures(title="Seconds", columns=("", "median", "95 %", "most", "samples"), rows=rows)
        ],
    )
