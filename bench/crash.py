"""``kill -9`` of everything in the middle of a job: what is paid twice, and what time is lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bench import peers
from bench.options import Options
from bench.planted_insight import BUDGET
from bench.results import Cell, Plot, Result, TableOfFigures, Target
from bench.servers import WARM_UP, Count, Finished, Peer, Server, burnish, mlflow, serving
from burnish.llm.testing.faults import Faults

LATENCY_SECONDS = 0.2
SHARES = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class Crash:
    """A job through which its server was killed.

    Attributes:
        share: of an undisturbed job's calls that had been made.
        in_flight: requests under way at that moment.
        calls: made in all.
        paid_twice: made more than an undisturbed job's.
        lost_seconds: of wall clock, the start of the server included.
    """

    share: float
    in_flight: int
    calls: int
    paid_twice: int
    lost_seconds: float


async def crashes(peer: Peer, budget: int) -> tuple[Finished, list[Crash]]:
    """An undisturbed job, and the same one killed at each share of its calls."""
    async with serving(peer) as server:
        await server.job(WARM_UP, 1)
        server.model.faults = Faults(latency_seconds=LATENCY_SECONDS)
        whole = await server.job(budget)
        shares = SHARES if peer.is_burnish else SHARES[1:2]  # it begins from zero, whenever it is killed
        return whole, [await crash(server, budget, share, whole) for share in shares]


async def crash(server: Server, budget: int, share: float, whole: Finished) -> Crash:
    count = Count(server.model)
    job_id = await server.submit(budget)
    while server.model.requests - count.requests < share * whole.calls:  # noqa: ASYNC110 - another's state
        await asyncio.sleep(0.01)
    in_flight = server.model.in_flight
    server.kill()
    await server.start()
    job = await server.finished(await server.until_completed(job_id), count)
    return Crash(share, in_flight, job.calls, job.calls - whole.calls, job.seconds - whole.seconds)


async def measure(options: Options) -> Result:
    budget = WARM_UP if options.short else BUDGET
    rows: list[list[Cell]] = []
    bars: dict[str, list[tuple[float | str, float]]] = {}
    targets: list[Target] = []
    notes: list[str] = []
    result = Result(
        name="crash",
        about=f"A GEPA job of budget {budget}, calls of {LATENCY_SECONDS * 1000:g} ms, 16 in flight. "
        "Its server and all its processes are killed with SIGKILL after a share of the calls and begun "
        "again at once. MLflow's job begins anew, whenever it is killed, so it is killed once.",
        tables=[
            TableOfFigures(
                title="One job, from creation to completion",
                columns=("", "", "calls", "in flight at the kill", "paid twice", "seconds", "seconds lost"),
                rows=rows,
            )
        ],
        plots=[Plot(title="Calls paid twice", x="killed after", y="calls", series=bars, kind="bars")],
        targets=targets,
        notes=notes,
        peers=peers.versions() if options.peers else {},
    )
    for peer in (burnish(), *((mlflow(),) if options.peers else ())):
        measuring = crashes(peer, budget)
        measured = await measuring if peer.is_burnish else await peers.attempt(peer.name, measuring, notes)
        if measured is None:
            continue
        whole, found = measured
        rows.append([peer.name, "not killed", whole.calls, None, 0, whole.seconds, None])
        for one in found:
            killed = f"killed at {one.share:.0%}"
            seconds = whole.seconds + one.lost_seconds
            rows.append(
                [peer.name, killed, one.calls, one.in_flight, one.paid_twice, seconds, one.lost_seconds]
            )
        bars[peer.name] = [(f"{one.share:.0%}", float(one.paid_twice)) for one in found]
        if peer.is_burnish:
            over = max(one.paid_twice - one.in_flight for one in found)
            targets.append(
                Target(
                    what="Burnish: calls paid twice beyond those in flight",
                    value=over,
                    at_most=0,
                    quoted=True,
                )
            )
        options.so_far(result)
    return result
