"""Many running jobs in one process: the memory and the CPU of each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bench import peers
from bench.options import Options
from bench.planted_insight import BUDGET
from bench.processes import cpu_seconds, memory_mb
from bench.results import Result, TableOfFigures, Target
from bench.servers import WARM_UP, Peer, burnish, mlflow, serving
from burnish.llm.testing.faults import Faults

LATENCY_SECONDS = 5.0
WATCHED_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Density:
    """So many jobs at a time.

    Attributes:
        idle_mb: of the server with all its processes, which has run a job before.
        running_mb: with all of the jobs running.
        cpu_ms: of all processes for a call, while the jobs run.
    """

    jobs: int
    idle_mb: float
    running_mb: float
    cpu_ms: float | None

    @property
    def mb_a_job(self) -> float:
        return (self.running_mb - self.idle_mb) / self.jobs


async def density(peer: Peer, jobs: int, watched_seconds: float) -> Density:
    """Start the jobs, wait until each has asked its model, and watch them."""
    async with serving(peer) as server:
        await server.job(WARM_UP, 1)
        await asyncio.sleep(2)
        idle = memory_mb(server.pid)
        server.model.faults = Faults(latency_seconds=LATENCY_SECONDS, jitter_seconds=LATENCY_SECONDS)
        made = [await server.submit(BUDGET, seed) for seed in range(jobs)]
        counts: dict[str, int] = {}
        while sum(counts.get(job_id, 0) for job_id in made) < jobs:
            await asyncio.sleep(0.5)
            for job_id in made:
                job = (await server.ask("GET", f"/api/3.0/mlflow/prompt-optimization/jobs/{job_id}"))["job"]
                counts[job_id] = int(job["state"]["status"] == "JOB_STATUS_IN_PROGRESS")
        await asyncio.sleep(LATENCY_SECONDS)
        requests, used = server.model.requests, cpu_seconds(server.pid)
        await asyncio.sleep(watched_seconds)
        calls = server.model.requests - requests
        cpu = 1000 * (cpu_seconds(server.pid) - used) / calls if calls else None
        running = memory_mb(server.pid)
        for job_id in made:
            await server.cancel(job_id)
    return Density(jobs, idle, running, cpu)


async def measure(options: Options) -> Result:
    numbers = (1, 5) if options.short else (1, 50, 200)
    seconds = 5.0 if options.short else WATCHED_SECONDS
    ours = [await density(burnish(workers=count), count, seconds) for count in numbers]
    rows = [("Burnish", one.jobs, one.idle_mb, one.running_mb, one.mb_a_job, one.cpu_ms) for one in ours]
    targets = []
    notes: list[str] = []
    for peer in (mlflow(),) if options.peers else ():
        theirs = [
            one
            for count in (1, 2)
            if (one := await peers.attempt(peer.name, density(peer, count, seconds), notes)) is not None
        ]
        if not theirs:
            continue
        rows += [
            (peer.name, one.jobs, one.idle_mb, one.running_mb, one.mb_a_job, one.cpu_ms) for one in theirs
        ]
        most = theirs[-1].mb_a_job / ours[-1].mb_a_job
        targets += [
            Target(
                what="memory a job, MLflow's beside ours", value=most, at_least=50, unit="times", quoted=True
            ),
            Target(
                what="memory of an idle server, MLflow's beside ours",
                value=theirs[0].idle_mb / ours[0].idle_mb,
                at_least=5,
                unit="times",
            ),
        ]
    return Result(
        name="density",
        about=f"GEPA jobs on a model that takes {LATENCY_SECONDS:g} to {2 * LATENCY_SECONDS:g} s a call, "
        "all running at once in one server (proportional set size of it and all its processes). MLflow runs "
        "two jobs at a time.",
        tables=[
            TableOfFigures(
                title="Memory and CPU",
                columns=("", "jobs at once", "idle, MB", "running, MB", "MB a job", "CPU, ms a call"),
                rows=rows,
            )
        ],
        targets=targets,
        notes=notes,
        peers=peers.versions() if options.peers else {},
    )
