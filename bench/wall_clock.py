"""Wall clock of GEPA: the search alone beside ``gepa.optimize``, and whole jobs beside MLflow's.

The task is the planted one: budget 300, minibatch 3, validation 30, 16 calls in flight, every call takes
the latency ± 30 %. All sides ask the same model. The library is given a thread pool, so that it evaluates
each batch concurrently; its engine stays sequential. MLflow's jobs are measured at the first latency only:
at 1 s a call they take minutes and say nothing more. The bound by work is the time that Burnish's own calls
would take if all 16 places were busy from the first moment to the last.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench import peers
from bench.options import Options
from bench.planted_insight import BUDGET, Burnish, Library, Planted
from bench.planted_insight import Result as Search
from bench.results import Cell, Plot, Result, TableOfFigures, Target
from bench.servers import WARM_UP, Finished, Peer, burnish, mlflow, serving
from burnish.llm.testing.faults import Faults

IN_FLIGHT = 16
JITTER = 0.3
LONG_SECONDS = 0.5
SEEDS = 10
"""Of three, the library's time alone is a tenth off that of a hundred."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A search and what it took."""

    seconds: float
    result: Search


class Latency:
    """Durations of calls, drawn by seed; safe to ask from many threads."""

    def __init__(self, seconds: float, seed: int) -> None:
        self._seconds = seconds
        self._draw = random.Random(seed)
        self._lock = threading.Lock()

    def next(self) -> float:
        with self._lock:
            return self._seconds * self._draw.uniform(1 - JITTER, 1 + JITTER)


def time_library(seed: int, latency_seconds: float) -> Timed:
    """``gepa.optimize`` with concurrent batches."""
    latency = Latency(latency_seconds, seed)
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        library = Library(Planted(seed=seed), lambda: time.sleep(latency.next()), pool)
        return _timed(library.run)


def time_burnish(seed: int, latency_seconds: float, lookahead: int | None = None) -> Timed:
    """The same search with proposals in flight."""
    latency = Latency(latency_seconds, seed)

    async def search() -> Search:
        async def wait() -> None:
            await asyncio.sleep(latency.next())

        burnish = Burnish(Planted(seed=seed), wait, asyncio.Semaphore(IN_FLIGHT))
        return await burnish.run(lookahead, IN_FLIGHT)

    return _timed(lambda: asyncio.run(search()))


def _timed(search: Callable[[], Search]) -> Timed:
    started = time.perf_counter()
    result = search()
    return Timed(time.perf_counter() - started, result)


async def time_jobs(peer: Peer, latencies: Sequence[float], budget: int) -> list[Finished]:
    """A warm server's jobs, one for each latency (seconds)."""
    async with serving(peer) as server:
        await server.job(WARM_UP, 1)
        finished = []
        for latency in latencies:
            server.model.faults = Faults(
                latency_seconds=latency * (1 - JITTER), jitter_seconds=2 * JITTER * latency
            )
            finished.append(await server.job(budget))
        return finished


def search_row(latency: float, ours: Sequence[Timed], library: Sequence[Timed]) -> list[Cell]:
    """Means over the seeds; the ratios are those of the means."""
    seconds, of_library = _mean_seconds(ours), _mean_seconds(library)
    calls = statistics.fmean(one.result.calls for one in ours)
    extra = calls / statistics.fmean(one.result.calls for one in library) - 1
    bound = bound_by_work(calls, latency)
    return [f"{latency:g} s", seconds, of_library, seconds / of_library, seconds / bound, f"{extra:+.1%}"]


def bound_by_work(calls: float, latency: float) -> float:
    """Seconds that the calls take where all places are busy from the first moment to the last."""
    return calls * latency / IN_FLIGHT


def _mean_seconds(timed: Sequence[Timed]) -> float:
    return statistics.fmean(one.seconds for one in timed)


async def measure(options: Options) -> Result:
    latencies = (0.02,) if options.short else (0.2, 1.0)
    seeds = range(1 if options.short else SEEDS)
    searches: list[list[Cell]] = []
    jobs: list[list[Cell]] = []
    targets: list[Target] = []
    bars: dict[str, list[tuple[float | str, float]]] = {}
    notes: list[str] = []
    result = Result(
        name="wall_clock",
        about=f"GEPA, budget {BUDGET}, {IN_FLIGHT} calls in flight, each takes the latency ± {JITTER:.0%}.",
        tables=[
            TableOfFigures(
                title="The search alone, beside gepa.optimize with concurrent batches",
                columns=(
                    "latency",
                    "Burnish, s",
                    "gepa, s",
                    "of gepa's",
                    "of the bound",
                    "calls beside gepa's",
                ),
                rows=searches,
            ),
            TableOfFigures(
                title="Whole jobs over REST, warm servers, from creation to completion",
                columns=(
                    "",
                    "latency",
                    "seconds",
                    "calls",
                    "bound by work, s",
                    "true score",
                    "Burnish takes, of this",
                ),
                rows=jobs,
            ),
        ],
        plots=[Plot(title="A whole job", x="", y="seconds", series=bars, kind="bars")],
        targets=targets,
        notes=notes,
        seeds=list(seeds),
        peers=peers.versions() if options.peers else {},
    )
    for latency in latencies:
        ours, library = await time_searches(seeds, latency)
        searches.append(row := search_row(latency, ours, library))
        targets += [
            Target(
                what=f"search at {latency:g} s, of the library's",
                value=float(row[3] or 0),
                at_most=1 / 3,
                quoted=True,
            ),
            Target(
                what=f"search at {latency:g} s, of the bound by work", value=float(row[4] or 0), at_most=1.3
            ),
        ]
        options.so_far(result)
    budget = WARM_UP if options.short else BUDGET
    ours_first = bound_first = 0.0
    for peer in (burnish(), *((mlflow(), mlflow("executor")) if options.peers else ())):
        wanted = latencies if peer.is_burnish else latencies[:1]
        measuring = time_jobs(peer, wanted, budget)
        finished = await measuring if peer.is_burnish else await peers.attempt(peer.name, measuring, notes)
        if finished is None:
            continue
        ours_first = ours_first or finished[0].seconds
        bound_first = bound_first or bound_by_work(finished[0].calls, latencies[0])
        for latency, job in zip(wanted, finished, strict=True):
            share = None if peer.is_burnish else ours_first / job.seconds
            bound = bound_by_work(job.calls, latency)
            jobs.append([peer.name, f"{latency:g} s", job.seconds, job.calls, bound, job.score, share])
            if share is not None:
                what = f"job at {latency:g} s, of {peer.name}'s"
                note = f"its calls alone, all places busy from first to last: {bound_first / job.seconds:.3f}"
                targets.append(Target(what=what, value=share, at_most=0.1, note=note, quoted=True))
        bars[peer.name] = [
            (f"{latency:g} s a call", job.seconds) for latency, job in zip(wanted, finished, strict=True)
        ]
        options.so_far(result)
    return result


async def time_searches(seeds: Sequence[int], latency: float) -> tuple[list[Timed], list[Timed]]:
    """Burnish's and the library's, one for each seed. The library's run all at once, for they sleep nearly
    all the time; ours all at once and beside them only where calls take so long that it makes no
    difference."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(2 * len(seeds)) as threads:

        def all_at_once(search: Callable[[int, float], Timed]) -> asyncio.Future[list[Timed]]:
            return asyncio.gather(*(loop.run_in_executor(threads, search, seed, latency) for seed in seeds))

        library = all_at_once(time_library)
        if latency >= LONG_SECONDS:
            return await all_at_once(time_burnish), await library
        await library
        return [
            await loop.run_in_executor(threads, time_burnish, seed, latency) for seed in seeds
        ], await library
