"""Jobs on PostgreSQL with real workers: how soon one starts, how many get done, and what they cost.

    python -m bench.dispatch --jobs 500 --latency-ms 200

Every job makes about 60 calls to the scripted model server (a process of its own, on loopback). Measured:

* enqueue to start: from before the row is written to the STARTED event, with idle workers;
* cancel to end: from the request to the CANCELED row, of a running job;
* throughput: the same queue of jobs drained by one worker, then by two;
* CPU of the worker processes for each call, everything included (MLflow, journal, events). With a
  database as tracking URI, MLflow's own work is done in them; with ``--tracking-server`` it is done in
  MLflow's server, whose CPU is shown beside it;
* memory that a running job adds to an idle worker that has run jobs before (private memory).

All processes share this machine: compare ratios, not machines.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.processes import cpu_seconds
from burnish.dispatch.procrastinate import ProcrastinateDispatcher
from burnish.domain.budget import Budget
from burnish.domain.job import Job, JobConfig, JobStatus, OptimizerType
from burnish.store.sql import SqlJobStore
from tests.chaos.deployment import Batch, Deployment
from tests.chaos.processes import Child

CONCURRENCY = 50


def private_mb(child: Child) -> float:
    """Memory that only this process has."""
    total = 0
    for line in Path(f"/proc/{child.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(("Private_Clean", "Private_Dirty")):
            total += int(line.split()[1])
    return total / 1024


class DispatchHarness:
    """One installation, with as many workers as are wanted at a time."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self._numbers = 0

    def config(self, **changes: Any) -> JobConfig:
        self._numbers += 1
        values: dict[str, Any] = {
            "source_prompt_uris": (self.deployment.prompt_uri,),
            "dataset_id": self.deployment.dataset_id,
            "scorers": ("exact_match",),
            "optimizer_type": OptimizerType.JOINT_SEARCH,
            "model": f"openai:/job-{self._numbers:04d}",
            "budget": Budget(max_calls=160),
            "max_output_tokens": 16,
        }
        return JobConfig(**values | changes)

    async def submit(self, store: SqlJobStore, count: int) -> Batch:
        """Straight into the store, with the hand-over: what the API does after its checks."""
        batch = Batch()
        for _ in range(count):
            config = self.config()
            job = Job(
                job_id=f"bench-{self._numbers:05d}",
                experiment_id=self.deployment.experiment_id,
                config=config,
                creation_timestamp_ms=time.time_ns() // 1_000_000,
            )
            await store.create(job)
            batch.job_ids.append(job.job_id)
            batch.models[job.job_id] = str(config.model).removeprefix("openai:/")
        return batch

    async def until_over(self, batch: Batch) -> None:
        while True:
            counts = await self.deployment.store.count_by_status()
            if not counts[JobStatus.PENDING] and not counts[JobStatus.IN_PROGRESS]:
                return
            await asyncio.sleep(0.2)

    async def calls(self, batch: Batch) -> int:
        return sum([(await self.deployment.store.get(job_id)).usage.total.calls for job_id in batch.job_ids])


async def start_delays(harness: DispatchHarness, store: SqlJobStore, samples: int) -> list[float]:
    """Milliseconds from before the write of a job to its STARTED event; workers idle, one job at a time."""
    delays = []
    for _ in range(samples):
        asked_ms = time.time_ns() / 1e6
        batch = await harness.submit(store, 1)
        await harness.until_over(batch)
        events = await harness.deployment.store.events(batch.job_ids[0])
        started = next(event for event in events if event.kind.value == "STARTED")
        delays.append(max(0.0, started.timestamp_ms - asked_ms))
    return delays


async def cancel_delays(harness: DispatchHarness, store: SqlJobStore, samples: int) -> list[float]:
    """Milliseconds from the request to the CANCELED row, over HTTP, of jobs that run."""
    delays = []
    for _ in range(samples):
        batch = await harness.submit(store, 1)
        [job_id] = batch.job_ids
        while not (await harness.deployment.store.get(job_id)).progress:  # noqa: ASYNC110 - others' state
            await asyncio.sleep(0.02)
        began = time.perf_counter()
        await harness.deployment.cancel(job_id, batch)
        while not (await harness.deployment.store.get(job_id)).status.terminal:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        delays.append((time.perf_counter() - began) * 1000)
    return delays


async def drain(
    harness: DispatchHarness, store: SqlJobStore, jobs: int, workers: Sequence[Child]
) -> dict[str, float]:
    """Queue the jobs, let the workers have them, and measure until the last one is over."""
    for worker in workers:
        await worker.start()
    warm = await harness.submit(store, 2 * len(workers))
    await harness.until_over(warm)
    await asyncio.sleep(2.0)
    for worker in workers:
        worker.freeze()  # the queue fills while nobody takes anything
    batch = await harness.submit(store, jobs)
    idle_mb = sum(private_mb(worker) for worker in workers)
    cpu = sum(cpu_seconds(worker.pid) for worker in workers)
    tracking = harness.deployment.tracking
    mlflow = cpu_seconds(tracking.pid) if tracking else 0.0
    began = time.perf_counter()
    for worker in workers:
        worker.thaw()
    watching = asyncio.create_task(most_memory(harness, workers, idle_mb))
    await harness.until_over(batch)
    seconds = time.perf_counter() - began
    watching.cancel()
    calls = await harness.calls(batch)
    used = sum(cpu_seconds(worker.pid) for worker in workers) - cpu
    attempts = [(await harness.deployment.store.get(job_id)).attempt for job_id in batch.job_ids]
    for worker in workers:
        await worker.stop()
    return {
        "seconds": seconds,
        "jobs_per_minute": 60 * jobs / seconds,
        "calls": calls,
        "calls_per_second": calls / seconds,
        "cpu_ms_per_call": 1000 * used / calls,
        "mlflow_server_ms_per_call": 1000 * (cpu_seconds(tracking.pid) - mlflow) / calls if tracking else 0.0,
        "mb_per_job": max(MEMORY[-1:] or [0.0]),
        "attempts_per_job": statistics.mean(attempts),
    }


MEMORY: list[float] = []


async def most_memory(harness: DispatchHarness, workers: Sequence[Child], idle_mb: float) -> None:
    """Keep the memory that each running job adds, at the moment when most of them run."""
    most_running = 0
    MEMORY.append(0.0)
    while True:
        running = (await harness.deployment.store.count_by_status())[JobStatus.IN_PROGRESS]
        if running >= most_running and running:
            most_running = running
            MEMORY[-1] = max(MEMORY[-1], (sum(private_mb(w) for w in workers) - idle_mb) / running)
        await asyncio.sleep(0.5)


def spread(values: Sequence[float]) -> str:
    ordered = sorted(values)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return f"p50 {at(0.5):.0f} ms, p95 {at(0.95):.0f} ms, most {ordered[-1]:.0f} ms ({len(ordered)} samples)"


async def run(arguments: argparse.Namespace) -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-dispatch-"))
    deployment = Deployment(
        folder,
        postgres=True,
        latency_ms=arguments.latency_ms,
        worker_concurrency=CONCURRENCY,
        tracking_server=arguments.tracking_server,
    )
    deployment.workers, workers = [], deployment.workers
    async with deployment:
        harness = DispatchHarness(deployment)
        queue = ProcrastinateDispatcher(
            deployment.store_uri, deployment.store.heartbeats, deployment.store.unfinished
        )
        store = await asyncio.to_thread(SqlJobStore, deployment.store_uri, hand_over=queue.hand_over)
        try:
            print(
                f"{arguments.jobs} jobs, model latency {arguments.latency_ms:g} "
                f"to {2 * arguments.latency_ms:g} ms"
            )
            for count in (1, 2):
                found = await drain(harness, store, arguments.jobs, workers[:count])
                shown = ", ".join(f"{name} {value:.2f}" for name, value in found.items())
                print(f"{count} worker{'s' * (count > 1)}: {shown}")
            await deployment.model.set_faults(latency_seconds=0.002, jitter_seconds=0.0)
            for worker in workers:
                await worker.start()
            await start_delays(harness, store, 4)  # warm
            print("enqueue to start, idle:", spread(await start_delays(harness, store, arguments.samples)))
            await deployment.model.set_faults(latency_seconds=1.0)
            print("cancel to end:", spread(await cancel_delays(harness, store, arguments.samples // 2)))
        finally:
            await store.close()
            for worker in workers:
                if worker.alive:
                    worker.kill()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.dispatch", description=__doc__)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--latency-ms", type=float, default=200.0)
    parser.add_argument("--samples", type=int, default=60, help="of enqueue to start; half of it of cancels")
    parser.add_argument("--tracking-server", action="store_true", help="MLflow as a server of its own")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
