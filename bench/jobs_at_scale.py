"""How the API does with very many jobs in one experiment.

    python -m bench.jobs_at_scale --jobs 1000000
    python -m bench.jobs_at_scale --jobs 1000000 --store-uri postgresql://…

Fills a new store by bulk inserts, starts ``burnish server --workers 0`` on it with MLflow mounted, and
asks it over one kept connection. Prints medians and 95th percentiles, and the server's memory.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from burnish.domain.budget import Budget
from burnish.domain.job import Job, JobConfig, JobStatus, OptimizerType, StopReason, TestScores, Verdict
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.store import tables
from burnish.store.location import store_url
from burnish.store.rows import job_row, score_rows, tag_rows
from burnish.store.sql import SqlJobStore
from examples.rest_jobs import Server, create_dataset, register_prompt

JOBS = "/api/3.0/mlflow/prompt-optimization/jobs"
BATCH = 5_000
EPOCH_MS = 1_700_000_000_000


def job(number: int, draw: random.Random) -> Job:
    """A finished job with everything a search can ask for."""
    initial, final = draw.random() / 2, 0.5 + draw.random() / 2
    return Job(
        job_id=f"{draw.getrandbits(128):032x}",
        experiment_id="0",
        config=JobConfig(
            source_prompt_uris=(f"prompts:/p{number % 100}/1",),
            dataset_id="d-1",
            scorers=("exact_match",),
            optimizer_type=draw.choice(list(OptimizerType)),
            budget=Budget(max_calls=900),
        ),
        creation_timestamp_ms=EPOCH_MS + 1000 * number,
        completion_timestamp_ms=EPOCH_MS + 1000 * number + 60_000,
        tags={"team": f"team-{number % 50}", "stage": draw.choice(["dev", "prod"])},
        status=JobStatus.COMPLETED,
        attempt=1,
        run_id=f"{draw.getrandbits(128):032x}",
        optimized_prompt_uris=(f"prompts:/p{number % 100}/2",),
        initial_eval_scores={"aggregate": initial, "exact_match": initial},
        final_eval_scores={"aggregate": final, "exact_match": final},
        test_scores=TestScores(initial, final, final - initial, 0.1, 0.9, 50),
        verdict=Verdict.IMPROVED,
        stop_reason=StopReason.FINISHED,
        usage=UsageByRole({Role.TARGET: Usage(900, 90_000, 9_000, 12_000_000)}),
    )


def fill(store_uri: str, count: int) -> list[str]:
    """Insert so many jobs. Returns the ids of some of them."""
    import asyncio

    asyncio.run(SqlJobStore(store_uri).close())  # makes the tables
    engine = create_engine(store_url(store_uri))
    draw, known = random.Random(0), []
    for start in range(0, count, BATCH):
        jobs = [job(number, draw) for number in range(start, min(start + BATCH, count))]
        with engine.begin() as connection:
            connection.execute(
                tables.jobs.insert(), [job_row(entry) | {"last_sequence": 0} for entry in jobs]
            )
            connection.execute(tables.tags.insert(), [row for entry in jobs for row in tag_rows(entry)])
            connection.execute(tables.scores.insert(), [row for entry in jobs for row in score_rows(entry)])
        known.append(draw.choice(jobs).job_id)
        print(f"\r{start + len(jobs)} jobs", end="", file=sys.stderr)
    print(file=sys.stderr)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    engine.dispose()
    return known


@contextmanager
def server(folder: Path, store_uri: str) -> Iterator[tuple[int, int]]:
    """``burnish server`` on a free port. Gives (port, process id)."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "burnish.cli.main", "server", "--port", str(port), "--workers", "0"]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--store-uri", store_uri], cwd=folder, env=dict(os.environ))
    try:
        while process.poll() is None:
            try:
                ask(http.client.HTTPConnection("127.0.0.1", port), "GET", "/ready")
                break
            except (OSError, AssertionError):
                time.sleep(0.1)
        print(f"ready after {time.perf_counter() - began:.1f} s")
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> Any:
    connection.request(method, path, None if body is None else json.dumps(body))
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, text
    return json.loads(text)


def measure(name: str, times: int, once: Callable[[int], Any]) -> None:
    taken = []
    for number in range(times + 3):
        began = time.perf_counter()
        once(number)
        taken.append(1000 * (time.perf_counter() - began))
    taken = sorted(taken[3:])  # the first ones warm it up
    print(f"{name:<34} p50 {statistics.median(taken):7.2f} ms   p95 {taken[int(0.95 * len(taken))]:7.2f} ms")


def memory_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--store-uri", help="an empty store; default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store_uri = arguments.store_uri or f"sqlite:///{folder}/jobs.db"
        began = time.perf_counter()
        known = fill(store_uri, arguments.jobs)
        print(f"{arguments.jobs} jobs in {time.perf_counter() - began:.0f} s")
        with server(Path(folder), store_uri) as (port, pid):
            rest = Server(f"http://127.0.0.1:{port}", None)
            prompt, dataset_id = register_prompt(rest, "bench"), create_dataset(rest, "bench")
            connection = http.client.HTTPConnection("127.0.0.1", port)
            wanted = {"experiment_id": "0", "max_results": 100}
            by_tag = "tags.team = 'team-7' AND final_eval_scores.aggregate > 0.75"
            rare = "tags.team = 'team-7' AND final_eval_scores.aggregate > 0.9999"
            request = {
                "experiment_id": "0",
                "source_prompt_uri": prompt,
                "config": {
                    "optimizer_type": "OPTIMIZER_TYPE_JOINT_SEARCH",
                    "dataset_id": dataset_id,
                    "scorers": ["exact_match"],
                    "model": "scripted:/sentiment",
                },
            }
            measure("get", 500, lambda n: ask(connection, "GET", f"{JOBS}/{known[n % len(known)]}"))
            measure("search, newest 100", 100, lambda n: ask(connection, "POST", f"{JOBS}/search", wanted))
            for name, condition in (("tag and score", by_tag), ("tag and rare score", rare)):
                body = {**wanted, "filter": condition}
                measure(
                    f"search, {name}",
                    100,
                    lambda n, body=body: ask(connection, "POST", f"{JOBS}/search", body),
                )
            order = {**wanted, "order_by": ["final_eval_scores.aggregate DESC"]}
            measure(
                "search, best score first", 50, lambda n: ask(connection, "POST", f"{JOBS}/search", order)
            )
            measure("create", 50, lambda n: ask(connection, "POST", JOBS, request))
            print(f"memory of the server: {memory_mib(pid):.0f} MiB, MLflow mounted")


if __name__ == "__main__":
    main()
