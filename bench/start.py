"""How soon a job's first model request comes after the request that creates the job."""

from __future__ import annotations

import statistics

from bench import peers
from bench.options import Options
from bench.results import Result, TableOfFigures, Target
from bench.servers import WARM_UP, Peer, burnish, mlflow, serving


async def first_calls(peer: Peer, warm_jobs: int) -> tuple[float, list[float]]:
    """Milliseconds from POST to the first model request: right after a start, and of later jobs."""
    async with serving(peer) as server:
        first = await server.job(WARM_UP)
        later = [await server.job(WARM_UP, seed) for seed in range(1, warm_jobs + 1)]
    return 1000 * first.first_call_seconds, [1000 * job.first_call_seconds for job in later]


async def measure(options: Options) -> Result:
    jobs = 3 if options.short else 12
    ours_first, ours = await first_calls(burnish(), jobs)
    rows = [("Burnish", ours_first, statistics.median(ours), max(ours), jobs)]
    targets = [
        Target(what="Burnish, warm", value=statistics.median(ours), at_most=100, unit="ms", quoted=True)
    ]
    notes: list[str] = []
    result = Result(
        name="start",
        about="From the request that creates a GEPA job to the first request its model gets. Both over REST "
        "on loopback, each server with an embedded database.",
        tables=[
            TableOfFigures(
                title="POST to first model request",
                columns=("", "first job after a start, ms", "warm, median ms", "warm, most ms", "warm jobs"),
                rows=rows,
            )
        ],
        targets=targets,
        notes=notes,
        peers=peers.versions() if options.peers else {},
    )
    options.so_far(result)
    if not options.peers:
        return result
    peer = mlflow()
    measured = await peers.attempt(peer.name, first_calls(peer, 1 if options.short else 3), notes)
    if measured is not None:
        first, later = measured
        rows.append((peer.name, first, statistics.median(later), max(later), len(later)))
        share = statistics.median(later) / statistics.median(ours)
        targets.append(
            Target(
                what=f"times sooner than {peer.name}, warm",
                value=share,
                at_least=50,
                unit="times",
                quoted=True,
            )
        )
    return result
