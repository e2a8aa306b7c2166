"""A job on a dataset of 200 MB: how long its create takes, how much memory, and how long others wait."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.options import Options
from bench.results import Result, TableOfFigures, Target
from burnish.domain.dataset import Dataset
from burnish.domain.prompt import Prompt
from burnish.tracking.mlflow import MlflowTracker

JOBS = "/api/3.0/mlflow/prompt-optimization/jobs"
_RECORD_BYTES = 4_000
_POLL_SECONDS = 0.01
_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class _Create:
    """One create and what went on beside it."""

    seconds: float
    peak_mb: float
    others_ms: Sequence[float]


async def measure(options: Options) -> Result:
    megabytes = 10 if options.short else 200
    records = megabytes * 1_000_000 // _RECORD_BYTES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        body = await asyncio.to_thread(_fill, folder, records)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600)) as session:
            process, url = await _start(folder, session)
            try:
                rest_mb = _memory_mb(process.pid, "VmRSS")
                creates = [await _create(session, url, process.pid, body) for _ in range(2)]
            finally:
                process.kill()
                await process.wait()
        store_mb = (folder / "burnish.db").stat().st_size / 1e6
    first = creates[0]
    table = TableOfFigures(
        title=f"{records:,} records of {_RECORD_BYTES:,} bytes, {megabytes} MB; one server on SQLite",
        columns=(
            "create",
            "seconds",
            "peak MB above rest",
            "others p50 ms",
            "others p99 ms",
            "others max ms",
        ),
        rows=[
            (
                number,
                create.seconds,
                create.peak_mb - rest_mb,
                statistics.median(create.others_ms),
                statistics.quantiles(create.others_ms, n=100, method="inclusive")[98],
                max(create.others_ms),
            )
            for number, create in (("first", creates[0]), ("second, on the same", creates[1]))
        ],
    )
    return Result(
        name="large_dataset",
        about="Creates of two jobs on one large dataset, with GET /health beside them all the time.",
        tables=[table],
        targets=[
            Target(what="longest other request", value=max(first.others_ms), at_most=100, unit="ms"),
            Target(
                what="peak memory above rest, in sizes of the data",
                value=(first.peak_mb - rest_mb) / megabytes,
                at_most=4,
                note="once as MLflow's answer, once as records; a text takes more than its bytes",
            ),
        ],
        notes=[f"The store has {store_mb:.0f} MB after both, the server {rest_mb:.0f} MB before them."],
    )


def _fill(folder: Path, records: int) -> dict[str, object]:
    """A prompt and a dataset in MLflow. Returns the body of a create."""
    tracker = MlflowTracker(f"sqlite:///{folder / 'mlflow.db'}")
    experiment_id = tracker.ensure_experiment("large")
    prompt = tracker.ensure_prompt(Prompt(name="large", template="Sentiment?\n\n{{review}}"))
    pairs = [
        ({"review": f"Film {number}: {_text(number)}"}, {"expected_response": "positive"})
        for number in range(records)
    ]
    dataset = tracker.ensure_dataset(Dataset.of(pairs, "large"), experiment_id)
    config = {
        "optimizer_type": "OPTIMIZER_TYPE_JOINT_SEARCH",
        "dataset_id": dataset.dataset_id,
        "scorers": ["exact_match"],
        "model": "scripted:/sentiment",
    }
    return {"experiment_id": experiment_id, "source_prompt_uri": prompt.uri, "config": config}


def _text(number: int) -> str:
    """Text that does not repeat itself: what is easily compressed would flatter."""
    words = [f"{(number * 7919 + position * 104729) % 1_000_003:x}" for position in range(_RECORD_BYTES // 6)]
    return " ".join(words)[:_RECORD_BYTES]


async def _start(folder: Path, session: aiohttp.ClientSession) -> tuple[asyncio.subprocess.Process, str]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "burnish.cli.main", "server", "--port", str(port), "--workers", "0"]
    command += ["--store-uri", f"sqlite:///{folder / 'burnish.db'}"]
    command += ["--tracking-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    async with asyncio.timeout(_START_SECONDS):
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(f"{url}/ready") as answer:
                    if answer.status == 200:
                        return process, url
            await asyncio.sleep(0.1)


async def _create(session: aiohttp.ClientSession, url: str, pid: int, body: dict[str, object]) -> _Create:
    _reset_peak(pid)
    others_ms: list[float] = []

    async def ask_others() -> None:
        while True:
            began = time.perf_counter()
            async with session.get(f"{url}/health") as answer:
                await answer.read()
            others_ms.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(_POLL_SECONDS)

    polling = asyncio.create_task(ask_others())
    began = time.perf_counter()
    async with session.post(f"{url}{JOBS}", json=body) as answer:
        text = await answer.text()
        if answer.status != 200:
            raise RuntimeError(f"create answered {answer.status}: {text[:500]}")
    seconds = time.perf_counter() - began
    polling.cancel()
    assert json.loads(text)["job"]["job_id"]
    return _Create(seconds, _memory_mb(pid, "VmHWM"), others_ms)


def _reset_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _memory_mb(pid: int, field: str) -> float:
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) / 1000 if found else 0.0
