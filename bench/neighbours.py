"""Jobs beside one that holds 200 MB of text: do they get on, and what memory does it take?

    python -m bench.neighbours --megabytes 200

One server on SQLite. Four ordinary jobs run alone; then four beside a job whose dataset has that much
text, each record of which the model gives back whole. Measured: the ordinary jobs' time from submit to
end, the event loop's lag as ``/metrics`` has it, and the server's memory.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import aiohttp

from burnish.domain.budget import Budget
from burnish.domain.dataset import Dataset
from burnish.tracking.mlflow import MlflowTracker
from tests.chaos.deployment import Batch, Deployment

NEIGHBOURS = 4
RECORDS = 50
_LAG = "burnish_event_loop_lag_seconds_bucket"


def resident_mb(pid: int, which: str = "VmRSS") -> float:
    """Memory of a process, ``VmRSS`` now or ``VmHWM`` at most."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1]) / 1024
    raise KeyError(which)


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


async def run(megabytes: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-neighbours-"))
    deployment = Deployment(folder, postgres=False, latency_ms=100)
    async with deployment:
        dataset_id = await asyncio.to_thread(big_dataset, deployment, megabytes)
        warm = await deployment.submit(1)
        await deployment.until_over(warm, 120)
        for beside in (False, True):
            before, idle_mb, began = await lags(deployment), resident_mb(deployment.server.pid), time.time()
            if beside:
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
                began = time.time()
            small = await deployment.submit(NEIGHBOURS)
            took = await seconds_of(deployment, small, began)
            print(
                f"{'beside the big one' if beside else 'alone'}: "
                f"{NEIGHBOURS} jobs took {min(took):.1f} to {max(took):.1f} s; "
                f"loop lag at most {worst(before, await lags(deployment)):g} s; "
                f"memory {idle_mb:.0f} MB before, "
                f"{resident_mb(deployment.server.pid, 'VmHWM'):.0f} MB at most",
                flush=True,
            )
        await deployment.until_over(big, 600)
        [job] = await deployment.jobs(big)
        print(f"the big job: {job.status}, {job.usage.total.calls} calls, {job.error_message or 'no error'}")
        most = resident_mb(deployment.server.pid, "VmHWM")
        print(f"to its end: {most:.0f} MB at most, lag {worst(before, await lags(deployment)):g} s")
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.neighbours", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    asyncio.run(run(parser.parse_args().megabytes))


if __name__ == "__main__":
    main()
