"""Many running jobs in one process: the memory and the CPU of each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bench import peers
from bench.options import Options
from bench.processes import cpu_seconds, memory_mb
from bench.results import Cell, Result, TableOfFigures, Target
from bench.servers import WARM_UP, Peer, burnish, mlflow, serving
from burnish.llm.testing.faults import Faults

LATENCY_SECONDS = 10.0
WATCHED_SECONDS = 10.0
ENDLESS = 5_000
"""A budget that no job has spent while it is watched."""


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


async def densities(peer: Peer, numbers: Sequence[int], watched_seconds: float) -> list[Density]:
    """Let more and more jobs run on one server, and watch it each time when all of them ask their model."""
    found: list[Density] = []
    async with serving(peer) as server:
        await server.job(WARM_UP, 1)
        await asyncio.sleep(2)
        idle = memory_mb(server.pid)
        server.model.faults = Faults(latency_seconds=LATENCY_SECONDS, jitter_seconds=LATENCY_SECONDS)
        made: list[str] = []
        for jobs in numbers:
            made += [await server.submit(ENDLESS, seed) for seed in range(len(made), jobs)]
            for job_id in made:
                await server.until_running(job_id)
            await asyncio.sleep(LATENCY_SECONDS)
            requests, used = server.model.requests, cpu_seconds(server.pid)
            await asyncio.sleep(watched_seconds)
            calls = server.model.requests - requests
            cpu = 1000 * (cpu_seconds(server.pid) - used) / calls if calls else None
            found.append(Density(jobs, idle, memory_mb(server.pid), cpu))
    return found


async def measure(options: Options) -> Result:
    numbers = (1, 5) if options.short else (1, 50, 200)
    seconds = 5.0 if options.short else WATCHED_SECONDS
    rows: list[list[Cell]] = []
    targets: list[Target] = []
    notes: list[str] = []
    result = Result(
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
    ours = await densities(burnish(workers=numbers[-1]), numbers, seconds)
    rows += [_row("Burnish", one) for one in ours]
    options.so_far(result)
    if not options.peers:
        return result
    peer = mlflow()
    theirs = await peers.attempt(peer.name, densities(peer, (1, 2), seconds), notes)
    if theirs is not None:
        rows += [_row(peer.name, one) for one in theirs]
        targets += [
            Target(
                what="memory a job, MLflow's beside ours",
                value=theirs[-1].mb_a_job / ours[-1].mb_a_job,
                at_least=50,
                unit="times",
                quoted=True,
            ),
            Target(
                what="memory of an idle server, MLflow's beside ours",
                value=theirs[0].idle_mb / ours[0].idle_mb,
                at_least=5,
                unit="times",
            ),
        ]
    return result


def _row(name: str, one: Density) -> list[Cell]:
    return [name, one.jobs, one.idle_mb, one.running_mb, one.mb_a_job, one.cpu_ms]
