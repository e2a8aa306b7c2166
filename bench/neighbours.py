"""Jobs beside one that holds 200 MB of text: do they get on, and what memory does it take?

One server on SQLite. Four ordinary jobs run alone; then four beside a job whose dataset has that much
text, each record of which the model gives back whole. Measured: the ordinary jobs' time from submit to
end, the event loop's lag as ``/metrics`` has it, and the server's memory.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import aiohttp

from bench.options import Options
from bench.results import Cell, Result, TableOfFigures
from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset
from burnish.tracking.mlflow import MlflowTracker
from tests.chaos.deployment import Batch, Deployment

NEIGHBOURS = 4
RECORDS = 50
_LAG = "burnish_event_loop_lag_seconds_bucket"


async def lags(deployment: Deployment) -> dict[float, float]:
    """Upper bound in seconds → how often the loop came round so late, at most."""
    async with aiohttp.ClientSession() as session, session.get(f"{deployment.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    buckets = [line for line in lines if line.startswith(_LAG)]
    return {float(line.split('le="')[1].split('"')[0]): float(line.split()[-1]) for line in buckets}


def worst(before: dict[float, float], after: dict[float, float]) -> float:
    """The bucket that has the longest lag in between, seconds."""
    new = {bound: after[bound] - before[bound] for bound in after}
    total = max(new.values())
    return min(bound for bound, count in new.items() if count == total)


async def seconds_of(deployment: Deployment, batch: Batch, began: float) -> list[float]:
    """From submit to end of each job, seconds."""
    await deployment.until_over(batch, 600)
    return [at - began for at in batch.ended_at.values()]


def big_dataset(deployment: Deployment, megabytes: int) -> str:
    """A dataset with that much text, made in MLflow. Returns its id."""
    text = "A film of many words. "
    size = megabytes * 2**20 // RECORDS
    pairs = [
        ({"review": f"{number}: " + (text * (size // len(text)))}, {"expected_response": "positive"})
        for number in range(RECORDS)
    ]
    made = MlflowTracker(deployment.tracking_uri).ensure_dataset(
        Dataset.of(pairs, "big"), deployment.experiment_id
    )
    return str(made.dataset_id)


async def measure(options: Options) -> Result:
    megabytes = 10 if options.short else 200
    folder = Path(tempfile.mkdtemp(prefix="bench-neighbours-"))
    deployment = Deployment(folder, postgres=False, latency_ms=100)
    rows: list[list[Cell]] = []
    async with deployment:
        dataset_id = await asyncio.to_thread(big_dataset, deployment, megabytes)
        warm = await deployment.submit(1)
        await deployment.until_over(warm, 120)
        for name in ("alone", f"beside a job of {megabytes} MB"):
            before, began = await lags(deployment), time.time()
            if rows:
                big = await submit_big(deployment, dataset_id)
                began = time.time()
            took = await seconds_of(deployment, await deployment.submit(NEIGHBOURS), began)
            rows.append(
                [name, min(took), max(took), worst(before, await lags(deployment)), peak_mb(deployment)]
            )
        await deployment.until_over(big, 600)
        [job] = await deployment.jobs(big)
        rows.append(["the large one, to its end", *(3 * [None]), peak_mb(deployment)])
    return Result(
        name="neighbours",
        about=f"{NEIGHBOURS} ordinary jobs in one server on SQLite, alone and beside a job whose {RECORDS} "
        "records are given back whole by the model.",
        tables=[
            TableOfFigures(
                title="Ordinary jobs",
                columns=(
                    "",
                    "quickest, s",
                    "slowest, s",
                    "loop late by at most, s",
                    "memory so far at most, MB",
                ),
                rows=rows,
            )
        ],
        notes=[
            f"The large one: {job.status}, {job.usage.total.calls} calls, {job.error_message or 'no error'}."
        ],
    )


async def submit_big(deployment: Deployment, dataset_id: str) -> Batch:
    """The job with all that text, until it runs."""
    big = await deployment.submit(
        1,
        dataset_id=dataset_id,
        model="openai:/echo",
        optimizer_type="METAPROMPT",
        reflection_model="openai:/job-0000",
        budget=Budget(max_calls=120),
        call_timeout_seconds=60.0,
    )
    await deployment.until_running(Batch(models={"": "echo"}), 1, 120)
    return big


def peak_mb(deployment: Deployment) -> float:
    """The server's largest memory so far."""
    for line in Path(f"/proc/{deployment.server.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise KeyError("VmHWM")
