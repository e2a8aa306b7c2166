"""How soon what is asked for happens: cancels, takeovers after a death, restarts.

    python -m bench.promptness --store sqlite --cancels 40 --takeovers 12

On real processes, over HTTP, with the default settings:

* cancel to end: from the request to the CANCELED row, of one of several jobs that run side by side;
* takeover (PostgreSQL): from ``kill -9`` of a worker to the next attempt of each of its jobs;
* restart (SQLite): from the start of the process after a ``kill -9`` to the next attempt of each job.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from burnish.domain.job import Job, JobStatus
from tests.chaos.deployment import Batch, Deployment
from tests.chaos.processes import Child

JOBS_AT_ONCE = 6


async def until_progress(deployment: Deployment, batch: Batch) -> None:
    """Until every job of the batch runs and has been seen to move."""
    while not all(job.progress for job in await deployment.jobs(batch)):  # noqa: ASYNC110 - others' state
        await asyncio.sleep(0.05)


async def cancel_delays(deployment: Deployment, samples: int) -> list[float]:
    """Seconds from the request to the CANCELED row; the other jobs go on meanwhile."""
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
    """Seconds from a death to the next attempt of each job that had one there."""
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
            delays.append((await _next_start_ms(deployment, job.job_id, job.attempt) - died_ms) / 1000)
        for job_id in batch.job_ids:
            await deployment.cancel(job_id, batch)
        await deployment.until_over(batch, 60)
        await deployment.revive()
    return delays


def held_by(child: Child, jobs: Sequence[Job]) -> list[Job]:
    """Those that run in this process."""
    return [job for job in jobs if f"-{child.pid}-" in str(job.worker_id)]


async def _next_start_ms(deployment: Deployment, job_id: str, attempt: int) -> int:
    while True:
        for event in await deployment.store.events(job_id, limit=100_000):
            if event.kind.value == "STARTED" and event.attempt > attempt:
                return int(event.timestamp_ms)
        await asyncio.sleep(0.05)


def spread(values: Sequence[float]) -> str:
    """Median, 95th percentile and the most, in words."""
    ordered = sorted(values)
    p50, p95 = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95))
    return f"p50 {p50:.3f} s, p95 {p95:.3f} s, most {ordered[-1]:.3f} s ({len(ordered)} samples)"


async def run(store: str, cancels: int, takeovers: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-promptness-"))
    deployment = Deployment(folder, postgres=store == "postgres", latency_ms=800, takeover_seconds=None)
    async with deployment:
        print(f"{store}: cancel to end: {spread(await cancel_delays(deployment, cancels))}", flush=True)
        what = "death to takeover" if deployment.postgres else "restart to next attempt"
        print(f"{store}: {what}: {spread(await takeover_delays(deployment, takeovers))}", flush=True)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.promptness", description=__doc__)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--cancels", type=int, default=40)
    parser.add_argument("--takeovers", type=int, default=12, help="several of them after each death")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.store, arguments.cancels, arguments.takeovers))


if __name__ == "__main__":
    main()
