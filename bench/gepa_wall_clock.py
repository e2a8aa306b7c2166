"""Wall clock of GEPA as Burnish runs it: against ``gepa.optimize``, and as a job against MLflow's job.

    python -m bench.gepa_wall_clock [--latency 0.2 1.0] [--seeds 3] [--score-seeds 20] [--mlflow PYTHON]

The task is the planted-insight one: budget 300, minibatch 3, validation 30, 16 calls in flight, every
call takes the latency ± 30 %. All sides ask the same model.

The search alone: the library is given a thread pool, so that it evaluates each batch concurrently; its
engine stays sequential. The work bound is the time that Burnish's own calls would take if all 16 places
were busy from the first moment to the last. Targets: a third of the library's wall clock, within 1.4 of
the work bound, at most 10 % more calls than the library, and a final score that is not worse.

Whole jobs, where ``--mlflow`` names the Python of an environment with MLflow and litellm (see
``served_jobs.py``): over REST, from the request until COMPLETED, on warm servers. Targets: a tenth of
MLflow's job on its default engine, a sixth on its executor engine.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.planted_insight import Burnish, Library, Planted, Result, compare_scores
from bench.served_jobs import Served, burnish, mlflow, time_jobs

IN_FLIGHT = 16
JITTER = 0.3


@dataclass(frozen=True, slots=True)
class Timed:
    """A search and what it took."""

    seconds: float
    result: Result


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

    async def search() -> Result:
        async def wait() -> None:
            await asyncio.sleep(latency.next())

        burnish = Burnish(Planted(seed=seed), wait, asyncio.Semaphore(IN_FLIGHT))
        return await burnish.run(lookahead, IN_FLIGHT)

    return _timed(lambda: asyncio.run(search()))


def compare_wall_clock(latency_seconds: float, seeds: int) -> None:
    """Print one table."""
    print(f"\nlatency {latency_seconds:g} s ± {JITTER:.0%}, {IN_FLIGHT} in flight, {seeds} seeds")
    header = ("seconds", "target", "reflection", "work bound", "of bound", "of library", "extra calls")
    print(f"{'':>16}" + "".join(f"{name:>12}" for name in header))
    pairs = []
    for seed in range(seeds):
        library, burnish = time_library(seed, latency_seconds), time_burnish(seed, latency_seconds)
        pairs.append((library, burnish))
        _print_pair(f"seed {seed}", latency_seconds, library, burnish)
    _print_pair(
        "mean", latency_seconds, _mean([pair[0] for pair in pairs]), _mean([pair[1] for pair in pairs])
    )


def _print_pair(name: str, latency_seconds: float, library: Timed, burnish: Timed) -> None:
    of_library, ours = library.result, burnish.result
    first = f"{name + ' gepa':>16}{library.seconds:12.2f}"
    print(f"{first}{of_library.target_calls:12d}{of_library.reflection_calls:12d}")
    bound = ours.calls * latency_seconds / IN_FLIGHT
    print(
        f"{'burnish':>16}{burnish.seconds:12.2f}{ours.target_calls:12d}{ours.reflection_calls:12d}{bound:12.2f}"
        f"{burnish.seconds / bound:12.2f}{burnish.seconds / library.seconds:12.2f}"
        f"{ours.calls / of_library.calls - 1:+12.1%}"
    )


def _mean(timed: list[Timed]) -> Timed:
    results = [entry.result for entry in timed]
    return Timed(
        statistics.fmean(entry.seconds for entry in timed),
        Result(
            score=statistics.fmean(r.score for r in results),
            target_calls=round(statistics.fmean(r.target_calls for r in results)),
            reflection_calls=round(statistics.fmean(r.reflection_calls for r in results)),
            validated=round(statistics.fmean(r.validated for r in results)),
        ),
    )


def _timed(search: Callable[[], Result]) -> Timed:
    started = time.perf_counter()
    result = search()
    return Timed(time.perf_counter() - started, result)


async def compare_jobs(mlflow_python: str, latencies: Sequence[float]) -> None:
    """Print a row for each server and latency."""
    print(f"\nwhole jobs, ± {JITTER:.0%}, {IN_FLIGHT} in flight, warm servers")
    print(f"{'':>18}{'latency':>9}{'seconds':>10}{'calls':>8}{'score':>8}{'burnish takes':>15}")
    ours: list[Served] = []
    for peer in (burnish(), mlflow(mlflow_python), mlflow(mlflow_python, "executor")):
        jobs = await time_jobs(peer, latencies, JITTER)
        ours = ours or jobs
        for latency_seconds, job, our_job in zip(latencies, jobs, ours, strict=True):
            share = f"1/{job.seconds / our_job.seconds:.1f}"
            print(
                f"{peer.name:>18}{latency_seconds:9g}{job.seconds:10.2f}{job.calls:8d}{job.score:8.2f}"
                f"{share:>15}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latency", type=float, nargs="*", default=[0.2, 1.0], help="seconds of one call")
    parser.add_argument("--seeds", type=int, default=3, help="searches for each latency")
    parser.add_argument("--score-seeds", type=int, default=20, help="searches whose scores are compared")
    parser.add_argument("--mlflow", metavar="PYTHON", help="of an environment with MLflow and litellm")
    arguments = parser.parse_args()
    if arguments.score_seeds:
        compare_scores(arguments.score_seeds)
    for latency_seconds in arguments.latency if arguments.seeds else ():
        compare_wall_clock(latency_seconds, arguments.seeds)
    if arguments.mlflow:
        asyncio.run(compare_jobs(arguments.mlflow, arguments.latency))


if __name__ == "__main__":
    main()
